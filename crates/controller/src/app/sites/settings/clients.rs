//! Who may come in, and how they are asked for a certificate.

use countersign_api::v1::edge_certificates::MutualAuthentication;
use countersign_api::v1::sites::{Enforcement as WireEnforcement, SiteMutualAuthentication};
use countersign_api::v1::tls::{CaList as WireCaList, ClientCertificateMode};
use countersign_rules::Enforcement;
use countersign_snapshot::{CaList, CaSetId, ClientAuth, ClientAuthMode};
use countersign_trust::{Policy, RevocationMode, RevocationPolicy, RevocationScope};

use super::names::paths;
use crate::app::input::Problems;

const CA_SETS_MAX: usize = 32;

/// Who may come in.
#[derive(Clone, Debug)]
pub(crate) struct Clients {
    pub(crate) auth: ClientAuth,
    pub(super) enforcement: Enforcement,
    pub(super) open_paths: Vec<String>,
    pub(super) certificate_paths: Vec<String>,
}

impl Clients {
    /// What an edge certificate says about clients: all of them need a certificate.
    pub(crate) const fn of_edge_certificate(auth: ClientAuth) -> Self {
        Self {
            auth,
            enforcement: Enforcement::Deny,
            open_paths: Vec::new(),
            certificate_paths: Vec::new(),
        }
    }
}

pub(super) fn clients(settings: &SiteMutualAuthentication, problems: &mut Problems) -> Clients {
    let base = "/mutualAuthentication";
    let open_paths = paths(&settings.open_paths, &format!("{base}/openPaths"), problems);
    let certificate_paths = paths(
        &settings.certificate_paths,
        &format!("{base}/certificatePaths"),
        problems,
    );
    if settings.ca_set_ids.len() > CA_SETS_MAX {
        problems.add(
            format!("{base}/caSetIds"),
            "too-many-ca-sets",
            format!("A site names at most {CA_SETS_MAX} CA sets."),
        );
    }
    let mut ca_sets: Vec<CaSetId> = Vec::with_capacity(settings.ca_set_ids.len());
    for (index, text) in settings.ca_set_ids.iter().enumerate() {
        match ca_set_id(text, &format!("{base}/caSetIds/{index}"), problems) {
            Some(id) if !ca_sets.contains(&id) => ca_sets.push(id),
            _ => {}
        }
    }
    if settings.mode != ClientCertificateMode::Off && settings.ca_set_ids.is_empty() {
        problems.add(
            format!("{base}/caSetIds"),
            "missing-ca-set",
            "A site that asks for client certificates needs a CA set: name one, or give the CA certificates as `clientCaPem`.",
        );
    }
    if settings.mode == ClientCertificateMode::Require {
        // The handshake ends without a valid certificate, so nothing below would ever be reached.
        let never_reached = [
            (
                settings.enforcement == WireEnforcement::Record,
                "enforcement",
            ),
            (!settings.open_paths.is_empty(), "openPaths"),
            (!settings.certificate_paths.is_empty(), "certificatePaths"),
        ];
        for (_, field) in never_reached.into_iter().filter(|(is_set, _)| *is_set) {
            problems.add(
                format!("{base}/{field}"),
                "needs-mode-request",
                "With the mode `require` the handshake fails without a valid certificate, so this would never apply; use the mode `request`.",
            );
        }
    }
    Clients {
        auth: client_auth(settings.mode, ca_sets, settings.send_ca_list, settings.ocsp),
        enforcement: match settings.enforcement {
            WireEnforcement::Deny => Enforcement::Deny,
            WireEnforcement::Record => Enforcement::Record,
        },
        open_paths,
        certificate_paths,
    }
}

pub(super) fn mutual_authentication(
    settings: &MutualAuthentication,
    problems: &mut Problems,
) -> ClientAuth {
    let base = "/settings/mutualAuthentication";
    let mut ca_sets = Vec::from_iter(ca_set_id(
        &settings.ca_set_id,
        &format!("{base}/caSetId"),
        problems,
    ));
    if settings.additional_ca_set_ids.len() >= CA_SETS_MAX {
        problems.add(
            format!("{base}/additionalCaSetIds"),
            "too-many-ca-sets",
            format!("An edge certificate names at most {CA_SETS_MAX} CA sets."),
        );
    }
    for (index, text) in settings.additional_ca_set_ids.iter().enumerate() {
        let pointer = format!("{base}/additionalCaSetIds/{index}");
        match ca_set_id(text, &pointer, problems) {
            Some(id) if !ca_sets.contains(&id) => ca_sets.push(id),
            _ => {}
        }
    }
    client_auth(settings.mode, ca_sets, settings.send_ca_list, settings.ocsp)
}

fn ca_set_id(text: &str, pointer: &str, problems: &mut Problems) -> Option<CaSetId> {
    match text.parse() {
        Ok(id) => Some(id),
        Err(error) => {
            problems.add(pointer, "invalid-ca-set-id", format!("{error}."));
            None
        }
    }
}

fn client_auth(
    mode: ClientCertificateMode,
    ca_sets: Vec<CaSetId>,
    ca_list: WireCaList,
    ocsp: bool,
) -> ClientAuth {
    let mode = match mode {
        ClientCertificateMode::Off => return ClientAuth::off(),
        ClientCertificateMode::Request => ClientAuthMode::Request,
        ClientCertificateMode::Require => ClientAuthMode::Require,
    };
    ClientAuth {
        mode,
        ca_sets,
        ca_list: match ca_list {
            WireCaList::All => CaList::Advertise,
            WireCaList::None => CaList::Omit,
        },
        policy: Policy {
            revocation: if ocsp {
                RevocationPolicy {
                    mode: RevocationMode::Prefer,
                    scope: RevocationScope::Leaf,
                    ..RevocationPolicy::default()
                }
            } else {
                RevocationPolicy::default()
            },
            ..Policy::default()
        },
    }
}
