//! Sending the client elsewhere.

use crate::decision::Redirect;
use crate::suggest::quote;
use crate::template::{Part, Template, Variable};

use super::super::options::Options;
use super::Behavior;

pub(super) fn parse(options: &mut Options<'_>) -> Option<Behavior> {
    let text = |text: &str| Part::Text(text.to_owned());
    let same = Part::Variable;
    let schemes = [
        ("SAME_AS_REQUEST", None),
        ("HTTP", Some("http")),
        ("HTTPS", Some("https")),
    ];
    let scheme = options.choice("destinationProtocol", &schemes, Some(None))?;
    let mut parts = vec![scheme.map_or(same(Variable::Scheme), text), text("://")];
    let same_host = host(options, &mut parts)?;
    let (same_path, has_query) = path(options, &mut parts)?;
    let append = options.choice(
        "queryString",
        &[("APPEND", true), ("IGNORE", false)],
        Some(true),
    )?;
    if append {
        parts.push(same(Variable::QueryAfter(if has_query {
            '&'
        } else {
            '?'
        })));
    }
    let status = options.number("responseCode", 301, 308).unwrap_or(302);
    if ![301, 302, 303, 307, 308].contains(&status) {
        let detail = format!("{status} is not the status of a redirect");
        options.error(
            "responseCode",
            "unknown_value",
            detail,
            "Write one of 301, 302, 303, 307, 308",
        );
    }
    if same_host && same_path && scheme.is_none_or(|scheme| scheme == "https") && append {
        let detail = "The redirect leads to where the request already is".to_owned();
        options.error(
            "",
            "redirect_loop",
            detail,
            "Change the protocol, the hostname or the path",
        );
    }
    let shown = parts.iter().map(|part| match part {
        Part::Text(text) => text.clone(),
        Part::Variable(variable) => format!("{{{variable:?}}}"),
    });
    let location = Template::of(shown.collect(), parts);
    Some(Behavior::Redirect(Redirect {
        status: u16::try_from(status).ok()?,
        location,
    }))
}

/// Adds the host; says whether it is the request's own.
fn host(options: &mut Options<'_>, parts: &mut Vec<Part>) -> Option<bool> {
    let table = [
        ("SAME_AS_REQUEST", 0_u8),
        ("SUBDOMAIN", 1),
        ("SIBLING", 2),
        ("OTHER", 3),
    ];
    match options.choice("destinationHostname", &table, Some(0))? {
        0 => parts.push(Part::Variable(Variable::Host)),
        1 => {
            let label = literal(options, "destinationHostnameSubdomain", |byte| {
                byte.is_ascii_alphanumeric() || b"-.".contains(&byte)
            })?;
            parts.extend([
                Part::Text(format!("{label}.")),
                Part::Variable(Variable::Host),
            ]);
            return Some(false);
        }
        2 => {
            let label = literal(options, "destinationHostnameSibling", |byte| {
                byte.is_ascii_alphanumeric() || b"-.".contains(&byte)
            })?;
            parts.extend([
                Part::Text(format!("{label}.")),
                Part::Variable(Variable::ParentHost),
            ]);
            return Some(false);
        }
        _ => {
            let name = literal(options, "destinationHostnameOther", |byte| {
                byte.is_ascii_alphanumeric() || b"-.:".contains(&byte)
            })?;
            parts.push(Part::Text(name));
            return Some(false);
        }
    }
    Some(true)
}

/// Adds the path; says whether it is the request's own, and whether it brings a query.
fn path(options: &mut Options<'_>, parts: &mut Vec<Part>) -> Option<(bool, bool)> {
    let visible = |byte: u8| (b'!'..=b'~').contains(&byte) && byte != b'\\';
    let table = [
        ("SAME_AS_REQUEST", 0_u8),
        ("PREFIX_REQUEST", 1),
        ("OTHER", 2),
    ];
    match options.choice("destinationPath", &table, Some(0))? {
        0 => {
            parts.push(Part::Variable(Variable::Path));
            Some((true, false))
        }
        1 => {
            let prefix = literal(options, "destinationPathPrefix", visible)?;
            let prefix = prefix.trim_end_matches('/');
            let slash = if prefix.starts_with('/') { "" } else { "/" };
            parts.extend([
                Part::Text(format!("{slash}{prefix}")),
                Part::Variable(Variable::Path),
            ]);
            let suffixes = [("NO_SUFFIX", false), ("SUFFIX", true)];
            if !options.choice("destinationPathSuffixStatus", &suffixes, Some(false))? {
                return Some((false, false));
            }
            let suffix = literal(options, "destinationPathSuffix", visible)?;
            let has_query = suffix.contains('?');
            parts.push(Part::Text(suffix));
            Some((false, has_query))
        }
        _ => {
            let path = literal(options, "destinationPathOther", visible)?;
            if !path.starts_with('/') {
                let detail = format!("{} does not begin with `/`", quote(&path));
                options.error(
                    "destinationPathOther",
                    "bad_path",
                    detail,
                    "Begin it with `/`",
                );
            }
            let has_query = path.contains('?');
            parts.push(Part::Text(path));
            Some((false, has_query))
        }
    }
}

fn literal(
    options: &mut Options<'_>,
    option: &'static str,
    allowed: impl Fn(u8) -> bool,
) -> Option<String> {
    let text = options.required_text(option)?;
    if text.bytes().all(allowed) && !text.contains("{{") {
        return Some(text.to_owned());
    }
    let detail = format!("{} cannot stand in a redirect", quote(text));
    options.error(
        option,
        "bad_redirect",
        detail,
        "Write plain characters of a URL, percent-encoded where needed",
    );
    None
}
