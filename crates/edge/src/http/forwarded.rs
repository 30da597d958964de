//! The headers that tell an origin where a request came from.

use std::fmt::Write;
use std::net::IpAddr;

use countersign_snapshot::{ForwardedForm, ForwardedHeaders};
use http::Version;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::authority::Authority;
use super::identity::strip_where;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Sets the headers that the origin is to get. Inbound ones are replaced, unless the client is a front that the origin's policy trusts: its
/// own are kept and added to. `client_text` is `client`, written.
pub(crate) fn set(
    headers: &mut HeaderMap,
    policy: &ForwardedHeaders,
    client: IpAddr,
    client_text: Option<HeaderValue>,
    authority: &Authority,
    received: Version,
    over_tls: bool,
) {
    let proto = if over_tls { "https" } else { "http" };
    let is_front = policy
        .trusted_fronts
        .iter()
        .any(|front| front.contains(client));
    let (x_forwarded, forwarded) = match policy.form {
        ForwardedForm::Both => (true, true),
        ForwardedForm::Forwarded => (false, true),
        ForwardedForm::None => (false, false),
        ForwardedForm::XForwarded => (true, false),
    };
    // What a front says in a form that is not asked for goes as well: the origin would have two sources of truth.
    strip_where(headers, |name| {
        if *name == header::FORWARDED {
            !(is_front && forwarded)
        } else {
            name.as_str().starts_with("x-forwarded-") && !(is_front && x_forwarded)
        }
    });
    if x_forwarded {
        append(headers, X_FORWARDED_FOR, client_text);
        headers
            .entry(X_FORWARDED_PROTO)
            .or_insert(HeaderValue::from_static(proto));
        if !headers.contains_key(X_FORWARDED_HOST)
            && let Some(host) = authority.to_header()
        {
            headers.insert(X_FORWARDED_HOST, host);
        }
    }
    if forwarded {
        let element = element(client, authority, proto);
        append(
            headers,
            header::FORWARDED,
            HeaderValue::try_from(element).ok(),
        );
    }
    // RFC 9110 §7.6.3: a gateway "MUST send an appropriate Via header field in each inbound request message".
    headers.append(
        header::VIA,
        HeaderValue::from_static(match received {
            Version::HTTP_3 => "3 countersign",
            Version::HTTP_2 => "2 countersign",
            _ => "1.1 countersign",
        }),
    );
}

/// RFC 7239 §4. §6: an IPv6 address stands in brackets, and therefore in quotes; a host with a port needs quotes as well.
fn element(client: IpAddr, authority: &Authority, proto: &str) -> String {
    let mut text = String::with_capacity(64);
    // Writing to a string does not fail.
    let _ = match client {
        IpAddr::V4(address) => write!(text, "for={address}"),
        IpAddr::V6(address) => write!(text, "for=\"[{address}]\""),
    };
    let _ = match authority.port {
        None => write!(text, ";host={authority};proto={proto}"),
        Some(_) => write!(text, ";host=\"{authority}\";proto={proto}"),
    };
    text
}

/// One line, as many origins read the first one only.
fn append(headers: &mut HeaderMap, name: HeaderName, value: Option<HeaderValue>) {
    let Some(value) = value else {
        return;
    };
    if !headers.contains_key(&name) {
        headers.insert(name, value);
        return;
    }
    let mut line = Vec::with_capacity(value.len());
    for known in headers.get_all(&name) {
        line.extend_from_slice(known.as_bytes());
        line.extend_from_slice(b", ");
    }
    line.extend_from_slice(value.as_bytes());
    if let Ok(value) = HeaderValue::from_maybe_shared(bytes::Bytes::from(line)) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use countersign_snapshot::ServerName;

    use super::*;

    fn check(
        form: ForwardedForm,
        client: &str,
        sent: &[(&'static str, &'static str)],
        expected: &[(&str, &str)],
    ) {
        let policy = ForwardedHeaders {
            form,
            trusted_fronts: vec!["10.0.0.0/8".parse().unwrap()],
        };
        let authority = Authority {
            name: Arc::new(ServerName::new("a.test").unwrap()),
            port: None,
        };
        let mut headers = HeaderMap::new();
        for (name, value) in sent {
            headers.append(*name, HeaderValue::from_static(value));
        }
        set(
            &mut headers,
            &policy,
            client.parse().unwrap(),
            HeaderValue::from_str(client).ok(),
            &authority,
            Version::HTTP_2,
            true,
        );
        assert_eq!(headers.remove("via").unwrap(), "2 countersign");
        let mut found: Vec<_> = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
            .collect();
        found.sort_unstable();
        assert_eq!(found, expected, "{form:?} {client}");
    }

    const SPOOFED: &[(&str, &str)] = &[
        ("x-forwarded-for", "192.0.2.9"),
        ("x-forwarded-for", "192.0.2.8"),
        ("x-forwarded-host", "evil.test"),
        ("x-forwarded-port", "1"),
        ("x-forwarded-proto", "http"),
        ("forwarded", "for=192.0.2.9"),
    ];

    #[test]
    fn what_a_client_says_is_replaced() {
        let x_forwarded = [
            ("x-forwarded-for", "203.0.113.7"),
            ("x-forwarded-host", "a.test"),
            ("x-forwarded-proto", "https"),
        ];
        check(
            ForwardedForm::XForwarded,
            "203.0.113.7",
            SPOOFED,
            &x_forwarded,
        );
        check(ForwardedForm::None, "203.0.113.7", SPOOFED, &[]);
        check(
            ForwardedForm::Forwarded,
            "2001:db8::1",
            SPOOFED,
            &[("forwarded", "for=\"[2001:db8::1]\";host=a.test;proto=https")],
        );
        let mut both = vec![("forwarded", "for=203.0.113.7;host=a.test;proto=https")];
        both.extend(x_forwarded);
        check(ForwardedForm::Both, "203.0.113.7", SPOOFED, &both);
    }

    #[test]
    fn what_a_trusted_front_says_is_kept_and_added_to() {
        check(
            ForwardedForm::XForwarded,
            "10.1.2.3",
            SPOOFED,
            &[
                ("x-forwarded-for", "192.0.2.9, 192.0.2.8, 10.1.2.3"),
                ("x-forwarded-host", "evil.test"),
                ("x-forwarded-port", "1"),
                ("x-forwarded-proto", "http"),
            ],
        );
        check(
            ForwardedForm::Forwarded,
            "10.1.2.3",
            SPOOFED,
            &[(
                "forwarded",
                "for=192.0.2.9, for=10.1.2.3;host=a.test;proto=https",
            )],
        );
    }
}
