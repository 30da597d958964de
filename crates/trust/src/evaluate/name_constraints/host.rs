//! Constraints on DNS names, e-mail addresses and URIs.

use super::Subtrees;

/// RFC 5280 §4.2.1.10: "Any DNS name that can be constructed by simply adding zero or more labels to the left-hand side of the name satisfies
/// the name constraint."
///
/// Deviation: a leading dot, which the RFC does not know here, wants at least one label, as everybody reads it.
pub(super) fn dns(name: &str, base: &str, list: Subtrees) -> Option<bool> {
    if !is_dns_name(name) {
        return None;
    }
    if base.is_empty() {
        return Some(true);
    }
    let (inner, needs_label) = match base.strip_prefix('.') {
        Some(inner) => (inner, true),
        None => (base, false),
    };
    if !is_dns_name(inner) {
        return None;
    }
    if is_below(name, inner) || (!needs_label && name.eq_ignore_ascii_case(inner)) {
        return Some(true);
    }
    // `*.example` stands for `a.example` too, which may be what is excluded.
    let covers_base = list == Subtrees::Excluded
        && name.strip_prefix("*.").is_some_and(|parent| {
            inner
                .split_once('.')
                .is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(parent))
        });
    Some(covers_base)
}

/// RFC 5280 §4.2.1.10: a mailbox, "all addresses at a particular host", or, with a leading dot, "all mailboxes in a domain".
pub(super) fn email(address: &str, base: &str) -> Option<bool> {
    let (local, host) = address.rsplit_once('@')?;
    // RFC 2821 §4.1.2: another `@` is only inside of a quoted string. Where it is not, nobody can say what the host is.
    let quoted = local.len() > 2 && local.starts_with('"') && local.ends_with('"');
    if local.is_empty() || (local.contains(['@', '"']) && !quoted) || !is_dns_name(host) {
        return None;
    }
    if base.is_empty() {
        return Some(true);
    }
    if let Some((base_local, base_host)) = base.rsplit_once('@') {
        // RFC 5280 §7.5: the local part is compared exactly, the host without regard to case.
        return Some(local == base_local && host.eq_ignore_ascii_case(base_host));
    }
    host_inside(host, base)
}

/// RFC 5280 §4.2.1.10: "The constraint applies to the host part of the name." and "If … the URI does not include an authority … the
/// application MUST reject". `None` is that rejection.
pub(super) fn uri(uri: &str, base: &str) -> Option<bool> {
    let host = uri_host(uri)?;
    // "… or includes an authority component in which the host name is not specified as a fully qualified domain name (e.g., … an IP
    // address)": an address could never be told from a name below a number.
    if !is_dns_name(host) || host.parse::<std::net::Ipv4Addr>().is_ok() {
        return None;
    }
    if base.is_empty() {
        return Some(true);
    }
    host_inside(host, base)
}

fn host_inside(host: &str, base: &str) -> Option<bool> {
    match base.strip_prefix('.') {
        Some(domain) if is_dns_name(domain) => Some(is_below(host, domain)),
        None if is_dns_name(base) => Some(host.eq_ignore_ascii_case(base)),
        _ => None,
    }
}

/// The host of a URI (RFC 3986 §3.2); `None` when there is none or it cannot be told for sure.
fn uri_host(uri: &str) -> Option<&str> {
    let (scheme, rest) = uri.split_once("://")?;
    let mut letters = scheme.bytes();
    let well_formed = letters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic())
        && letters.all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    // A backslash is a slash to some readers and a letter to others.
    if !well_formed || rest.contains('\\') {
        return None;
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let authority = rest.get(..end)?;
    let host_and_port = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    let host = match host_and_port.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        Some(_) => return None,
        None => host_and_port,
    };
    (!host.is_empty()).then_some(host)
}

/// Whether `name` has labels in front of `base`.
fn is_below(name: &str, base: &str) -> bool {
    name.len() > base.len()
        && name
            .split_at_checked(name.len() - base.len())
            .is_some_and(|(front, tail)| front.ends_with('.') && tail.eq_ignore_ascii_case(base))
}

/// Labels of letters, digits, hyphens and underscores, the first may be `*`; no empty label, so no trailing dot either.
fn is_dns_name(name: &str) -> bool {
    name.len() <= 253
        && name.split('.').enumerate().all(|(at, label)| {
            (1..=63).contains(&label.len())
                && (label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
                    || (at == 0 && label == "*"))
        })
}
