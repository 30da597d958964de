//! `enforceMtlsSettings` in both generations, and `clientCertificateAuth`.

use crate::decision::{ClientAttributes, EnforcementResult, ForwardIdentity, IdentityPresets};
use crate::facts::Facts;
use crate::suggest::quote;
use crate::tree::Generation;

use super::super::options::Options;
use super::super::tables::Tables;
use super::{Behavior, attribute_table};

/// A mutual-TLS check that a rule puts in force.
#[derive(Debug)]
pub(crate) struct Check {
    pub(crate) ca_sets: Vec<String>,
    revocation: Revocation,
    pub(crate) denies: bool,
}

/// Whether the revocation status must be known to be good.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Revocation {
    /// Only what the CA set's own policy asks for.
    AsCaSet,
    MustBeGood,
}

impl Check {
    /// How the check ends for a client. Without CA sets, any CA set of the binding will do.
    pub(crate) fn result(&self, facts: &impl Facts) -> EnforcementResult {
        let good = self.revocation == Revocation::AsCaSet || facts.revocation_status_is_good();
        if good && self.has_certificate(facts) {
            EnforcementResult::Passed
        } else {
            EnforcementResult::Failed
        }
    }

    /// Whether the client has a certificate of a right CA set.
    pub(crate) fn has_certificate(&self, facts: &impl Facts) -> bool {
        use crate::facts::CertificateState::Valid;
        // The verdict over all sets is asked as well: one that contradicts the verdict of a set must not let in.
        facts.certificate_state() == Valid
            && (self.ca_sets.is_empty()
                || self
                    .ca_sets
                    .iter()
                    .any(|ca_set| facts.satisfies_ca_set(ca_set)))
    }

    pub(crate) fn describe(&self) -> String {
        let ca_sets: Vec<String> = self.ca_sets.iter().map(|ca_set| quote(ca_set)).collect();
        let ca_sets = if ca_sets.is_empty() {
            "any CA set of the binding".to_owned()
        } else {
            ca_sets.join(" or ")
        };
        let revocation = match self.revocation {
            Revocation::AsCaSet => "",
            Revocation::MustBeGood => " and a good revocation status",
        };
        let denies = if self.denies {
            "or the request is denied"
        } else {
            "without denying"
        };
        format!("checks for a certificate of {ca_sets}{revocation}, {denies}")
    }
}

pub(super) fn enforce(
    options: &mut Options<'_>,
    generation: Generation,
    tables: &mut Tables,
) -> Option<Behavior> {
    let auth_set = options.flag("enableAuthSet").unwrap_or(false);
    let revocation = options.flag("enableOcspStatus").unwrap_or(false);
    let denies = options.flag("enableDenyRequest");
    let ca_sets = if auth_set {
        options.values("certificateAuthoritySet")
    } else {
        options.list("certificateAuthoritySet")
    };
    let forward = match generation {
        Generation::First => None,
        Generation::Second => {
            let complete = options
                .flag("enableCompleteClientCertificate")
                .unwrap_or(false);
            let attributes = attributes(options);
            for option in [
                "enableOcspStatus",
                "enableDenyRequest",
                "enableCompleteClientCertificate",
            ] {
                if !auth_set && options.flag(option) == Some(true) {
                    needs_auth_set(options, option);
                }
            }
            if !auth_set && !attributes.is_empty() {
                needs_auth_set(options, "clientCertificateAttributes");
            }
            Some(forward(
                complete,
                attributes,
                false,
                IdentityPresets::AKAMAI_CC_DER,
            ))
        }
    };
    if !auth_set && !revocation {
        if denies == Some(true) && generation == Generation::First {
            options.error(
                "enableDenyRequest",
                "denies_without_check",
                "`enableDenyRequest` is on, but neither `enableAuthSet` nor `enableOcspStatus` checks anything".to_owned(),
                "Turn on `enableAuthSet` and name the CA sets, or turn `enableDenyRequest` off",
            );
        }
        return Some(Behavior::Enforce {
            check: None,
            forward,
        });
    }
    if !options.has("enableDenyRequest") {
        // Deviation: the vendor has a default. Whether clients without a certificate come in is never left to one here.
        options.error(
            "enableDenyRequest",
            "option_missing",
            "`enforceMtlsSettings` does not say what happens to a client that fails the check".to_owned(),
            "Set `enableDenyRequest` to true to refuse it, or to false to let the other rules decide",
        );
    }
    let mut names: Vec<String> = Vec::new();
    for (_, ca_set) in ca_sets.into_iter().filter(|_| auth_set) {
        if !names.iter().any(|name| name == ca_set) {
            names.push(ca_set.to_owned());
            tables.note_ca_set(ca_set);
        }
    }
    tables.asks_for_revocation_status |= revocation;
    let revocation = if revocation {
        Revocation::MustBeGood
    } else {
        Revocation::AsCaSet
    };
    Some(Behavior::Enforce {
        check: Some(Check {
            ca_sets: names,
            revocation,
            denies: denies?,
        }),
        forward,
    })
}

fn needs_auth_set(options: &mut Options<'_>, option: &'static str) {
    let detail = format!("`{option}` is on without `enableAuthSet`, so nothing would be checked");
    options.error(
        option,
        "needs_auth_set",
        detail,
        "Turn on `enableAuthSet` and name the CA sets",
    );
}

pub(super) fn auth_header(options: &mut Options<'_>) -> Option<Behavior> {
    let enable = options.flag("enable").unwrap_or(false);
    let complete = options
        .flag("enableCompleteClientCertificate")
        .unwrap_or(false);
    let status = options
        .flag("enableClientCertificateValidationStatus")
        .unwrap_or(false);
    let attributes = attributes(options);
    if !enable {
        return Some(Behavior::AuthHeader(None));
    }
    if !complete && attributes.is_empty() && !status && options.clean() {
        options.error(
            "enable",
            "forwards_nothing",
            "`clientCertificateAuth` is on and forwards nothing".to_owned(),
            "Turn on `enableCompleteClientCertificate`, or name attributes in `clientCertificateAttributes`",
        );
    }
    // The vendor's texts of different years name different headers for the certificate; origins may wait for either.
    let presets = IdentityPresets::AKAMAI_CC_DER | IdentityPresets::CLIENT_TO_EDGE;
    Some(Behavior::AuthHeader(Some(forward(
        complete, attributes, status, presets,
    ))))
}

fn attributes(options: &Options<'_>) -> ClientAttributes {
    options
        .choices("clientCertificateAttributes", &attribute_table())
        .into_iter()
        .collect()
}

fn forward(
    complete: bool,
    attributes: ClientAttributes,
    validation_status: bool,
    certificate: IdentityPresets,
) -> ForwardIdentity {
    let presets = if complete {
        certificate
    } else {
        IdentityPresets::empty()
    };
    ForwardIdentity {
        presets,
        attributes,
        validation_status,
        signed: false,
    }
}

pub(super) fn describe(forward: &ForwardIdentity) -> String {
    let mut what: Vec<&str> = Vec::new();
    if !forward.presets.is_empty() {
        what.push("the certificate");
    }
    what.extend(forward.attributes.names());
    if forward.validation_status {
        what.push("the validation status");
    }
    if what.is_empty() {
        "nothing".to_owned()
    } else {
        format!("{} in the vendor's headers", what.join(", "))
    }
}
