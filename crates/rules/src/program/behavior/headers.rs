//! Changes to headers.

use crate::decision::{HeaderChange, HeaderOperation, MAX_CHANGED_HEADERS};
use crate::suggest::quote;

use super::super::options::Options;
use super::super::tables::Tables;
use super::Behavior;

/// Which message is changed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Direction {
    Request,
    Response,
}

#[derive(Clone, Copy)]
enum Action {
    Add,
    Delete,
    Modify,
    Pass,
}

/// Headers that frame the message or belong to the connection: changing them would let two parties disagree about
/// where a message ends (threats C5.2), or about whom it is for.
const FRAMING: [&str; 12] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Beginnings of the names of headers that carry the client's identity. Only the edge sets them (Invariant I3).
const IDENTITY: [&str; 8] = [
    "akamai-cc-",
    "client-cert",
    "client-to-edge",
    "ssl-client",
    "x-amzn-mtls",
    "x-forwarded-client-cert",
    "x-forwarded-tls-client",
    "x-ssl-client",
];

pub(super) fn parse(
    options: &mut Options<'_>,
    direction: Direction,
    tables: &mut Tables,
) -> Option<Behavior> {
    let actions: &[(&'static str, Action)] = match direction {
        Direction::Request => &[
            ("ADD", Action::Add),
            ("DELETE", Action::Delete),
            ("MODIFY", Action::Modify),
            ("PASS", Action::Pass),
        ],
        Direction::Response => &[
            ("ADD", Action::Add),
            ("DELETE", Action::Delete),
            ("MODIFY", Action::Modify),
        ],
    };
    let action = options.choice("action", actions, None);
    let (standard, value) = match action? {
        Action::Add => ("standardAddHeaderName", Some("headerValue")),
        Action::Delete => ("standardDeleteHeaderName", None),
        Action::Modify => ("standardModifyHeaderName", Some("newHeaderValue")),
        Action::Pass => ("standardPassHeaderName", None),
    };
    let name = name(options, standard)?;
    let value = match value {
        None => None,
        Some(option) => {
            let text = options.required_text(option)?;
            let template = options.template(option, text)?;
            if template
                .literals()
                .any(|text| text.bytes().any(|byte| !(b' '..=b'~').contains(&byte)))
            {
                let detail = format!("`{option}` has characters that a header cannot carry");
                options.error(
                    option,
                    "bad_header_value",
                    detail,
                    "Use visible ASCII characters and spaces",
                );
            }
            Some(template)
        }
    };
    let slot = tables.header_slot(direction, &name);
    let Some(slot) = slot else {
        let detail = format!(
            "The tree changes more than {MAX_CHANGED_HEADERS} different headers in this direction"
        );
        options.error(
            "customHeaderName",
            "too_many_headers",
            detail,
            "Change fewer different headers",
        );
        return None;
    };
    let operation = match (action?, value) {
        (Action::Add, Some(value)) => Some(HeaderOperation::Add(value)),
        (Action::Modify, Some(value)) => Some(HeaderOperation::Set(value)),
        (Action::Delete, _) => Some(HeaderOperation::Delete),
        _ => None,
    };
    let change = operation.map(|operation| HeaderChange { name, operation });
    Some(Behavior::Header {
        direction,
        slot,
        change,
    })
}

/// The name in lower case: one of the vendor's words, or the custom name where the word is `OTHER` or absent.
fn name(options: &mut Options<'_>, standard: &'static str) -> Option<String> {
    let word = options.text(standard).unwrap_or("OTHER");
    let (option, name) = if word == "OTHER" {
        (
            "customHeaderName",
            options
                .required_text("customHeaderName")?
                .to_ascii_lowercase(),
        )
    } else {
        (standard, word.to_ascii_lowercase().replace('_', "-"))
    };
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if !name.bytes().all(token) {
        let remedy = "Write a header's name such as `X-Request-Zone`";
        options.error(
            option,
            "bad_header_name",
            format!("{} is not the name of a header", quote(&name)),
            remedy,
        );
        return None;
    }
    // Many origins read `_` as `-`.
    let spelled = name.replace('_', "-");
    if FRAMING.contains(&spelled.as_str()) {
        let detail = format!(
            "{} belongs to the connection and cannot be changed by a rule",
            quote(&name)
        );
        options.error(
            option,
            "reserved_header",
            detail,
            "Remove the behavior; for the host, use `origin`",
        );
        return None;
    }
    if IDENTITY.iter().any(|prefix| spelled.starts_with(prefix)) {
        let detail = format!(
            "{} carries the client's identity and is set by the edge alone",
            quote(&name)
        );
        options.error(
            option,
            "reserved_header",
            detail,
            "Use `forwardClientIdentity`",
        );
        return None;
    }
    Some(name)
}

pub(super) fn describe(direction: Direction, change: Option<&HeaderChange>) -> String {
    let message = match direction {
        Direction::Request => "request",
        Direction::Response => "response",
    };
    let Some(change) = change else {
        return format!("passes a header of the {message} unchanged");
    };
    let name = quote(&change.name);
    match &change.operation {
        HeaderOperation::Add(value) => format!(
            "adds {name} with {} to the {message}",
            quote(value.source())
        ),
        HeaderOperation::Delete => format!("removes {name} from the {message}"),
        HeaderOperation::Set(value) => {
            format!("sets {name} to {} in the {message}", quote(value.source()))
        }
    }
}
