//! What a refused client is told.

use std::borrow::Cow;

use countersign_snapshot::Refused;
use countersign_trust::Reason;
use http::header::{
    ACCEPT, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER, VARY,
};
use http::{Response, StatusCode, Version};
use serde::Serialize;

use super::{ResponseBody, grpc};

/// A refusal of one request: a result, not an error of ours.
#[derive(Debug)]
pub(crate) struct Rejection {
    pub(crate) reason: Reason,
    /// The status, where it is not that of the reason.
    pub(crate) status: Option<StatusCode>,
    /// For the log: what exactly.
    pub(crate) detail: Option<Cow<'static, str>>,
    /// For the log: the rule that decided.
    pub(crate) rule: Option<String>,
    /// Whether the connection ends with this response.
    pub(crate) connection: After,
}

/// What becomes of the connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum After {
    Closes,
    Serves,
}

impl Rejection {
    pub(crate) fn new(reason: Reason) -> Self {
        Self {
            reason,
            status: None,
            detail: None,
            rule: None,
            connection: After::Serves,
        }
    }

    pub(crate) fn because(reason: Reason, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            detail: Some(detail.into()),
            ..Self::new(reason)
        }
    }

    /// A client whose certificate is not what is asked for, or whom a rule refused.
    pub(crate) fn of(refused: Refused) -> Self {
        Self {
            detail: refused.detail,
            rule: refused.rule,
            ..Self::new(refused.reason)
        }
    }

    pub(crate) fn with_status(self, status: StatusCode) -> Self {
        Self {
            status: Some(status),
            ..self
        }
    }

    pub(crate) fn closing(self) -> Self {
        Self {
            connection: After::Closes,
            ..self
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status.unwrap_or_else(|| status_of(self.reason))
    }

    /// The page, in the form that the client reads.
    pub(crate) fn page(
        &self,
        form: Form,
        version: Version,
        request_id: &str,
    ) -> Response<ResponseBody> {
        let status = self.status();
        let (content_type, body) = match form {
            Form::Grpc => return grpc::refusal(self.reason, request_id),
            Form::Html => (
                "text/html; charset=utf-8",
                html(self.reason, status, request_id),
            ),
            Form::Problem => (
                "application/problem+json",
                problem(self.reason, status, request_id),
            ),
        };
        let mut response = Response::new(ResponseBody::ours(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        // A refusal holds for this client now; nobody may keep it for another or for later.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(VARY, HeaderValue::from_static("accept"));
        if matches!(
            status,
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS
        ) {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if self.connection == After::Closes && version < Version::HTTP_2 {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// The one table from reasons to statuses. RFC 9110 §15.
pub(crate) const fn status_of(reason: Reason) -> StatusCode {
    match reason {
        Reason::AmbiguousPath | Reason::MalformedRequest => StatusCode::BAD_REQUEST,
        Reason::MisdirectedRequest | Reason::UnknownServerName | Reason::NoServerName => {
            StatusCode::MISDIRECTED_REQUEST
        }
        Reason::RequestTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Reason::Overloaded
        | Reason::TrustUnavailable
        | Reason::OriginUnhealthy
        | Reason::OriginOverloaded => StatusCode::SERVICE_UNAVAILABLE,
        Reason::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        Reason::OriginUnreachable
        | Reason::OriginUntrusted
        | Reason::OriginRefusedCertificate
        | Reason::OriginDidNotAsk => StatusCode::BAD_GATEWAY,
        Reason::OriginTimeout => StatusCode::GATEWAY_TIMEOUT,
        // What the trust decision and the rules refuse.
        _ => StatusCode::FORBIDDEN,
    }
}

/// How a refusal is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Form {
    Grpc,
    Html,
    Problem,
}

impl Form {
    /// The form that a request wants a refusal in.
    pub(crate) fn wanted(is_grpc: bool, headers: &HeaderMap) -> Self {
        if is_grpc {
            Self::Grpc
        } else if headers.contains_key(ACCEPT) {
            Self::preferred(headers)
        } else {
            Self::Problem
        }
    }

    /// HTML for those who ask for it by name and do not prefer JSON, as browsers do; a problem (RFC 9457) for everyone else.
    fn preferred(headers: &HeaderMap) -> Self {
        let (mut html, mut json) = (0, 0);
        for value in headers.get_all(ACCEPT) {
            for range in value.as_bytes().split(|byte| *byte == b',').take(32) {
                let mut parts = range.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
                let media = parts.next().unwrap_or_default();
                let weight = parts
                    .find_map(|part| part.strip_prefix(b"q="))
                    .map_or(1000, weight);
                if media.eq_ignore_ascii_case(b"text/html")
                    || media.eq_ignore_ascii_case(b"application/xhtml+xml")
                {
                    html = html.max(weight);
                } else if media.eq_ignore_ascii_case(b"application/problem+json")
                    || media.eq_ignore_ascii_case(b"application/json")
                {
                    json = json.max(weight);
                }
            }
        }
        if html > json {
            Self::Html
        } else {
            Self::Problem
        }
    }
}

/// RFC 9110 §12.4.2: at most three digits after the point; in thousandths.
fn weight(text: &[u8]) -> u32 {
    std::str::from_utf8(text)
        .ok()
        .and_then(|text| text.parse::<f32>().ok())
        .filter(|weight| (0.0..=1.0).contains(weight))
        .map_or(0, |weight| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "from 0 to 1000"
            )]
            let thousandths = (weight * 1000.0) as u32;
            thousandths
        })
}

/// RFC 9457, with what `explain` needs.
#[derive(Serialize)]
struct Problem<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    reason: &'a str,
    remedy: &'a str,
    request_id: &'a str,
}

fn problem(reason: Reason, status: StatusCode, request_id: &str) -> String {
    let problem = Problem {
        r#type: format!("urn:countersign:reason:{}", reason.code()),
        title: reason.title(),
        status: status.as_u16(),
        detail: reason.sentence(),
        reason: reason.code(),
        remedy: reason.remedy(),
        request_id,
    };
    serde_json::to_string(&problem).unwrap_or_default()
}

/// All texts are constants of the taxonomy, except the request id, which is hexadecimal: nothing that a client sent is ever in the page.
fn html(reason: Reason, status: StatusCode, request_id: &str) -> String {
    let (title, code, sentence, remedy) = (
        escape(reason.title()),
        reason.code(),
        escape(reason.sentence()),
        escape(reason.remedy()),
    );
    let status = status.as_u16();
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{status} {title}</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><style>body{{font:16px/1.5 system-ui,sans-serif;max-width:40em;margin:4em auto;padding:0 1em}}\
         code{{background:#8881;padding:.1em .3em}}footer{{color:#888;font-size:.85em}}</style></head>\n\
         <body><h1>{title}</h1><p>{sentence}</p><p><strong>What to do:</strong> {remedy}</p>\n\
         <footer>Status <code>{status}</code> · Reason <code>{code}</code> · Request <code>{request_id}</code></footer></body></html>\n"
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(accept: &str, expected: Form) {
        let mut headers = HeaderMap::new();
        if !accept.is_empty() {
            headers.insert(ACCEPT, HeaderValue::from_str(accept).unwrap());
        }
        assert_eq!(Form::preferred(&headers), expected, "{accept}");
    }

    #[test]
    fn browsers_get_a_page_and_programs_a_problem() {
        check(
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            Form::Html,
        );
        check("", Form::Problem);
        check("*/*", Form::Problem);
        check("application/json", Form::Problem);
        check("text/html;q=0.5, application/json", Form::Problem);
        check("text/html, application/json;q=0.5", Form::Html);
        check("text/html;q=0", Form::Problem);
        check("text/html;q=nonsense", Form::Problem);
    }

    #[test]
    fn every_reason_has_an_error_status_and_a_page() {
        for reason in Reason::ALL {
            let status = status_of(*reason);
            assert!(
                status.is_client_error() || status.is_server_error(),
                "{reason}"
            );
            assert!(html(*reason, status, "1").contains(reason.code()));
            assert!(problem(*reason, status, "1").contains(reason.code()));
        }
    }
}
