//! Where requests go.

use crate::program::{Origin, OriginTarget};
use crate::suggest::quote;

use super::super::options::Options;
use super::super::tables::Tables;
use super::{Behavior, Host};

pub(super) fn parse(options: &mut Options<'_>, tables: &mut Tables) -> Option<Behavior> {
    let is_configured = options.has("originId");
    let (key, target) = if is_configured {
        let id = options.required_text("originId")?;
        if id.contains(':') {
            let detail = format!("{} is not the id of an origin", quote(id));
            let remedy = "Write the id without `:`, or give `hostname` and `httpsPort` instead";
            options.error("originId", "bad_origin_id", detail, remedy);
        }
        (id.to_owned(), OriginTarget::Id(id.to_owned()))
    } else {
        address(options)?
    };
    let table = [
        ("REQUEST_HOST_HEADER", 0_u8),
        ("ORIGIN_HOSTNAME", 1),
        ("CUSTOM", 2),
    ];
    // An origin that is configured elsewhere has a setting of its own, which a rule changes only by saying so.
    let host = if is_configured && !options.has("forwardHostHeader") {
        None
    } else {
        Some(
            match options.choice("forwardHostHeader", &table, Some(0))? {
                0 => Host::Request,
                1 => Host::Origin,
                _ => Host::Custom(host_name(options, "customForwardHostHeader")?),
            },
        )
    };
    tables.note_origin(Origin {
        key: key.clone(),
        target,
    });
    Some(Behavior::Origin { key, host })
}

fn address(options: &mut Options<'_>) -> Option<(String, OriginTarget)> {
    let hostname = host_name(options, "hostname")?;
    let https_port = options.number("httpsPort", 1, 65_535).unwrap_or(443);
    // How the origin is trusted is a matter of the origin, not of a rule: the catalogue has no other
    // `verificationMode` than the vendor's default, and what cannot be honoured is refused.
    if options.flag("originSni") == Some(false) {
        let detail = "The origin's name is always sent in the handshake".to_owned();
        options.error(
            "originSni",
            "unsupported_option_value",
            detail,
            "Set it to true",
        );
    }
    if options.flag("enableTrueClientIp") == Some(true) {
        let detail = "`enableTrueClientIp` has no effect here".to_owned();
        let remedy =
            "Add a header with `{{builtin.AK_CLIENT_IP}}` by `modifyIncomingRequestHeader`";
        options.warning("enableTrueClientIp", "option_has_no_effect", detail, remedy);
    }
    let https_port = u16::try_from(https_port).ok()?;
    Some((
        format!("{hostname}:{https_port}"),
        OriginTarget::Host {
            hostname,
            https_port,
        },
    ))
}

fn host_name(options: &mut Options<'_>, option: &'static str) -> Option<String> {
    let name = options.required_text(option)?;
    let plain = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-_.:[]".contains(&byte));
    let address = name
        .trim_matches(['[', ']'])
        .parse::<std::net::Ipv6Addr>()
        .is_ok();
    if !plain || (name.contains([':', '[', ']']) && !address) {
        let detail = format!("{} is not a host name or an address", quote(name));
        options.error(
            option,
            "bad_hostname",
            detail,
            "Write a name such as `origin.example.com`, without port",
        );
        return None;
    }
    Some(name.to_ascii_lowercase())
}
