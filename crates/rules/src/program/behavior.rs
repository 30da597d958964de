//! What a rule does when it applies.

mod enforce;
mod headers;
mod origin;
mod redirect;

use crate::catalogue;
use crate::decision::{
    ClientAttributes, ForwardHost, ForwardIdentity, HeaderChange, IdentityPresets, LimitKey,
    OriginCredential, RateLimit, Redirect, Response,
};
use crate::problem::Problem;
use crate::suggest::{nearest, quote};
use crate::template::Template;
use crate::tree::{Feature, Generation};

use super::options::Options;
use super::tables::Tables;
pub(crate) use enforce::Check;
pub(crate) use headers::Direction;

/// One behavior. `None` inside means that it is switched off: it undoes what an earlier one of its name did.
#[derive(Debug)]
pub(crate) enum Behavior {
    AuthHeader(Option<ForwardIdentity>),
    Credential(Option<Credential>),
    Deny {
        slot: usize,
        denied: Denied,
        enabled: bool,
    },
    Enforce {
        check: Option<Check>,
        forward: Option<ForwardIdentity>,
    },
    Forward(Forward),
    Header {
        direction: Direction,
        slot: usize,
        change: Option<HeaderChange>,
    },
    Limit(Option<RateLimit>),
    Log(Option<Template>),
    Origin {
        key: String,
        /// None when the origin's own setting holds.
        host: Option<Host>,
    },
    Redirect(Redirect),
    Respond(Option<Response>),
}

/// How the origin learns who the client is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Forward {
    pub(crate) presets: IdentityPresets,
    pub(crate) signed: bool,
}

/// A denial by a rule.
#[derive(Debug)]
pub(crate) struct Denied {
    /// Names from the top rule to the one that denies.
    pub(crate) rule: String,
    pub(crate) reason: String,
}

/// The client credential for the origin, as a rule names it.
#[derive(Debug)]
pub(crate) struct Credential {
    version_guid: String,
    origin_must_ask: bool,
}

impl Credential {
    pub(crate) fn as_decision(&self) -> OriginCredential<'_> {
        OriginCredential {
            version_guid: &self.version_guid,
            origin_must_ask: self.origin_must_ask,
        }
    }
}

/// What the origin sees as host, as a rule says it.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Host {
    Custom(String),
    Origin,
    Request,
}

impl Host {
    pub(crate) fn as_decision(&self) -> ForwardHost<'_> {
        match self {
            Host::Custom(name) => ForwardHost::Custom(name),
            Host::Origin => ForwardHost::Origin,
            Host::Request => ForwardHost::Request,
        }
    }
}

impl Behavior {
    /// Reads a behavior of the rule with this path of names; `None` if something is wrong with it, which is then among the problems.
    pub(super) fn parse(
        feature: &Feature,
        at: &str,
        rule: &str,
        generation: Generation,
        tables: &mut Tables,
        problems: &mut Vec<Problem>,
    ) -> Option<Behavior> {
        let Some(entry) = catalogue::find(catalogue::BEHAVIORS, &feature.name, generation) else {
            problems.push(Problem::error(
                format!("{at}/name"),
                "unknown_behavior",
                format!("There is no behavior {}", quote(&feature.name)),
                nearest(&feature.name, catalogue::names(catalogue::BEHAVIORS)),
            ));
            return None;
        };
        let mut options = Options::new(feature, entry, at, problems);
        let name = entry.name;
        let parsed = match name {
            "clientCertificateAuth" => enforce::auth_header(&mut options),
            "constructResponse" => respond(&mut options),
            "denyAccess" => deny(&mut options, rule, tables),
            "enforceMtlsSettings" => enforce::enforce(&mut options, generation, tables),
            "forwardClientIdentity" => forward(&mut options, tables),
            "logCustom" => log(&mut options),
            "modifyIncomingRequestHeader" => {
                headers::parse(&mut options, Direction::Request, tables)
            }
            "modifyOutgoingResponseHeader" => {
                headers::parse(&mut options, Direction::Response, tables)
            }
            "mtlsOriginKeystore" => credential(&mut options, tables),
            "origin" => origin::parse(&mut options, tables),
            "rateLimitPerIdentity" => limit(&mut options),
            _ => redirect::parse(&mut options),
        };
        options.finish(parsed)
    }

    /// What it does, as a sentence.
    pub(super) fn describe(&self) -> String {
        match self {
            Behavior::AuthHeader(None) => {
                "forwards no certificate in the vendor's headers".to_owned()
            }
            Behavior::AuthHeader(Some(forward)) => {
                format!("forwards {}", enforce::describe(forward))
            }
            Behavior::Credential(None) => "presents no client certificate to the origin".to_owned(),
            Behavior::Credential(Some(credential)) => {
                format!(
                    "presents the client certificate {} to the origin",
                    quote(&credential.version_guid)
                )
            }
            Behavior::Deny {
                denied,
                enabled: true,
                ..
            } => format!("denies access with the reason {}", quote(&denied.reason)),
            Behavior::Deny { denied, .. } => {
                format!("cancels denials with the reason {}", quote(&denied.reason))
            }
            Behavior::Enforce { check: None, .. } => "puts no mutual-TLS check in force".to_owned(),
            Behavior::Enforce {
                check: Some(check), ..
            } => check.describe(),
            Behavior::Forward(forward) => {
                let names: Vec<&str> = forward.presets.names().collect();
                let what = if names.is_empty() {
                    "forwards no identity".to_owned()
                } else {
                    format!("forwards the identity as {}", names.join(", "))
                };
                let signed = if forward.signed {
                    " and signs the request"
                } else {
                    ""
                };
                what + signed
            }
            Behavior::Header {
                direction, change, ..
            } => headers::describe(*direction, change.as_ref()),
            Behavior::Limit(None) => "applies no limit".to_owned(),
            Behavior::Limit(Some(limit)) => {
                format!("counts against the limit {}", quote(&limit.name))
            }
            Behavior::Log(None) => "writes no custom log field".to_owned(),
            Behavior::Log(Some(template)) => {
                format!("writes the custom log field {}", quote(template.source()))
            }
            Behavior::Origin { key, .. } => {
                format!("sends the request to the origin {}", quote(key))
            }
            Behavior::Redirect(redirect) => format!("redirects with status {}", redirect.status),
            Behavior::Respond(None) => "constructs no response".to_owned(),
            Behavior::Respond(Some(response)) => format!("answers with status {}", response.status),
        }
    }
}

fn deny(options: &mut Options<'_>, rule: &str, tables: &mut Tables) -> Option<Behavior> {
    let enabled = options.flag("enabled").unwrap_or(true);
    let reason = options.required_text("reason")?;
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !reason.chars().all(word) {
        let remedy = "Write it with letters, digits, `_` and `-` only";
        options.error(
            "reason",
            "bad_reason",
            format!("{} is not a reason", quote(reason)),
            remedy,
        );
    }
    let Some(slot) = tables.deny_slot(reason, enabled) else {
        let detail = format!(
            "There are more than {} different reasons in the tree",
            super::tables::MAX_DENY_REASONS
        );
        options.error(
            "reason",
            "too_many_reasons",
            detail,
            "Use the same reason where the cause is the same",
        );
        return None;
    };
    if !enabled && !tables.denies(slot) {
        options.warning(
            "reason",
            "cancels_nothing",
            format!("No earlier `denyAccess` has the reason {}", quote(reason)),
            "Write the same `reason` as the denial that it should cancel, and stand after it",
        );
    }
    let denied = Denied {
        rule: rule.to_owned(),
        reason: reason.to_owned(),
    };
    Some(Behavior::Deny {
        slot,
        denied,
        enabled,
    })
}

fn respond(options: &mut Options<'_>) -> Option<Behavior> {
    const LONGEST_BODY_CHARS: usize = 2_000;
    const STATUSES: [i64; 11] = [200, 401, 403, 404, 405, 417, 500, 501, 502, 503, 504];
    let enabled = options.flag("enabled").unwrap_or(true);
    let body = options.text("body").unwrap_or_default();
    let status = options.number("responseCode", 200, 599).unwrap_or(200);
    if body.chars().count() > LONGEST_BODY_CHARS {
        let detail = format!("`body` is longer than {LONGEST_BODY_CHARS} characters");
        options.error(
            "body",
            "value_too_long",
            detail,
            "Shorten it, or serve it from an origin",
        );
    }
    if !STATUSES.contains(&status) {
        let statuses: Vec<String> = STATUSES.iter().map(i64::to_string).collect();
        let detail = format!("A response cannot be constructed with status {status}");
        options.error(
            "responseCode",
            "unknown_value",
            detail,
            format!("Write one of {}", statuses.join(", ")),
        );
    }
    let status = u16::try_from(status).ok()?;
    Some(Behavior::Respond(enabled.then(|| Response {
        status,
        body: body.to_owned(),
    })))
}

fn forward(options: &mut Options<'_>, tables: &mut Tables) -> Option<Behavior> {
    let enabled = options.flag("enabled").unwrap_or(true);
    let signed = options.flag("sign").unwrap_or(false);
    let presets = options.choices("presets", &preset_table());
    if enabled && presets.is_empty() && !signed && options.clean() {
        let names: Vec<String> = preset_table()
            .iter()
            .map(|(name, _)| format!("`{name}`"))
            .collect();
        let detail = "`forwardClientIdentity` needs at least one value in `presets`".to_owned();
        options.error(
            "presets",
            "no_values",
            detail,
            format!("Write some of {}", names.join(", ")),
        );
    }
    if !enabled {
        return Some(Behavior::Forward(Forward::default()));
    }
    tables.signs |= signed;
    Some(Behavior::Forward(Forward {
        presets: presets.into_iter().collect(),
        signed,
    }))
}

fn preset_table() -> Vec<(&'static str, IdentityPresets)> {
    IdentityPresets::ALL
        .iter()
        .map(|(preset, name)| (*name, *preset))
        .collect()
}

fn attribute_table() -> Vec<(&'static str, ClientAttributes)> {
    ClientAttributes::ALL
        .iter()
        .map(|(attribute, name)| (*name, *attribute))
        .collect()
}

fn log(options: &mut Options<'_>) -> Option<Behavior> {
    const LONGEST_FIELD_BYTES: usize = 1_000;
    let enabled = options.flag("logCustomLogField").unwrap_or(true);
    let field = options.text("customLogField").unwrap_or_default();
    if field.len() > LONGEST_FIELD_BYTES {
        let detail = format!(
            "`customLogField` has {} bytes; at most {LONGEST_FIELD_BYTES} are allowed",
            field.len()
        );
        options.error("customLogField", "value_too_long", detail, "Shorten it");
    }
    if enabled && field.is_empty() {
        let detail = "`logCustom` needs `customLogField`".to_owned();
        options.error(
            "customLogField",
            "option_missing",
            detail,
            "Add the text to log, or set `logCustomLogField` to false",
        );
    }
    let template = options.template("customLogField", field)?;
    Some(Behavior::Log(enabled.then_some(template)))
}

fn credential(options: &mut Options<'_>, tables: &mut Tables) -> Option<Behavior> {
    let enable = options.flag("enable").unwrap_or(true);
    let origin_must_ask = options.flag("authClientCert").unwrap_or(false);
    let guid = if enable {
        let guid = options.required_text("clientCertificateVersionGuid")?;
        tables.note_credential(guid);
        guid
    } else {
        options
            .text("clientCertificateVersionGuid")
            .unwrap_or_default()
    };
    let credential = Credential {
        version_guid: guid.to_owned(),
        origin_must_ask,
    };
    Some(Behavior::Credential(enable.then_some(credential)))
}

fn limit(options: &mut Options<'_>) -> Option<Behavior> {
    let enabled = options.flag("enabled").unwrap_or(true);
    let table = [
        ("FINGERPRINT", LimitKey::Fingerprint),
        ("SPKI", LimitKey::Spki),
        ("SUBJECT", LimitKey::Subject),
    ];
    let key = options.choice("key", &table, Some(LimitKey::Fingerprint))?;
    if !enabled {
        return Some(Behavior::Limit(None));
    }
    let name = options.required_text("name");
    let requests = options.required_number("requests", 1, 1_000_000);
    let seconds = options.required_number("seconds", 1, 86_400);
    let limit = RateLimit {
        name: name?.to_owned(),
        requests: u32::try_from(requests?).ok()?,
        seconds: u32::try_from(seconds?).ok()?,
        key,
    };
    Some(Behavior::Limit(Some(limit)))
}
