//! A certificate that the edge is to present, with its key: put in order, completed and checked.

use countersign_snapshot::NamePattern;
use countersign_trust::{
    CaSetVersion, Certificate, ExtendedKeyUsageRule, GeneralName, KeyAlgorithm, PeerChain, Policy,
    PublicKey, RevocationIndex, Sha1Signatures, UnixTime, Verdict, evaluate, parse_bundle,
};

use super::ErrorItem;
use super::secrets::PrivateKey;
use crate::model::Warning;

/// The longest chain that is presented.
const CHAIN_MAX: usize = 8;

/// A chain in order, leaf first and without the root, whose key is at hand.
#[derive(Debug)]
pub(crate) struct CheckedChain {
    pub(crate) chain: Vec<Certificate>,
    pub(crate) key: PrivateKey,
    /// What the person who handed it in should know.
    pub(crate) remarks: Vec<ChainRemark>,
}

/// Something about a chain that does not keep it from being presented.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct ChainRemark {
    pub(crate) code: &'static str,
    pub(crate) detail: String,
}

impl ChainRemark {
    /// The remark as the API gives it, about the upload at that place.
    pub(crate) fn warning(&self, place: &str) -> Warning {
        Warning {
            code: self.code.to_owned(),
            title: "About the certificate chain.".to_owned(),
            detail: self.detail.clone(),
            pointer: Some(format!("{place}/{}", Field::Certificate.name())),
            context: serde_json::Map::new(),
        }
    }
}

/// Why a chain cannot be presented, and which field says so.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct ChainProblem {
    pub(crate) field: Field,
    pub(crate) code: &'static str,
    pub(crate) detail: String,
}

impl ChainProblem {
    /// The problem as the API gives it, about the upload at that place.
    pub(crate) fn item(self, place: &str) -> ErrorItem {
        ErrorItem {
            code: self.code.to_owned(),
            title: "The certificate or its key cannot be used.".to_owned(),
            detail: self.detail,
            pointer: Some(format!("{place}/{}", self.field.name())),
            context: serde_json::Map::new(),
        }
    }
}

/// A field of an upload.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Field {
    Certificate,
    Key,
}

impl Field {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Certificate => "certificatePem",
            Self::Key => "privateKeyPem",
        }
    }
}

/// Whom a certificate is shown to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ChainPurpose {
    /// Origins: it proves who the edge is as a client.
    Client,
    /// Clients: it proves who the edge is as a server.
    Server,
}

/// Where the key of an upload is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Keys<'k> {
    /// In the upload, PEM.
    Given(&'k str),
    /// Among those that are here already.
    Held(&'k [PrivateKey]),
}

impl Keys<'_> {
    /// The key, or the code and the sentence that say why there is none.
    fn of(self, certificates: &[Certificate]) -> Result<PrivateKey, (&'static str, String)> {
        let unusable = |error| {
            (
                "private-key-unusable",
                format!("The private key cannot be used: {error}."),
            )
        };
        match self {
            Self::Given(pem) => PrivateKey::from_pem(pem).map_err(unusable),
            Self::Held(held) => {
                let fits = |key: &&PrivateKey| {
                    certificates
                        .iter()
                        .any(|certificate| key.belongs_to(certificate.public_key()))
                };
                let key = held.iter().find(fits).ok_or_else(|| {
                    let detail = "No key that is held for this edge certificate belongs to the certificate; give its key, or the certificate that was signed for an open request.";
                    ("private-key-missing", detail.to_owned())
                })?;
                PrivateKey::from_pkcs8(key.pkcs8.expose()).map_err(unusable)
            }
        }
    }
}

/// Reads, orders, completes and checks an upload. `known` are certificates of issuers that may complete it.
///
/// # Errors
/// Everything that keeps the edge from presenting it, or clients from believing it.
pub(crate) fn check(
    certificate_pem: &str,
    keys: Keys<'_>,
    known: &[Certificate],
    purpose: ChainPurpose,
    now: UnixTime,
) -> Result<CheckedChain, Vec<ChainProblem>> {
    let mut problems = Vec::new();
    let given: Vec<Certificate> = match parse_bundle(certificate_pem.as_bytes()) {
        Ok(bundle) => bundle
            .certificates
            .into_iter()
            .map(|entry| entry.certificate)
            .collect(),
        Err(error) => {
            problems.push(refused(
                Field::Certificate,
                "certificate-unreadable",
                with_cause(&error),
            ));
            Vec::new()
        }
    };
    let key = keys
        .of(&given)
        .map_err(|(code, detail)| problems.push(refused(Field::Key, code, detail)))
        .ok();
    let (Some(key), false) = (key, given.is_empty()) else {
        // A key that nobody can read is seldom the cause: say what the certificate has that is not used here.
        if let Some(leaf) = given.first() {
            check_key(leaf.public_key(), &mut problems);
        }
        return Err(problems);
    };
    let Some(leaf) = given
        .iter()
        .find(|certificate| key.belongs_to(certificate.public_key()))
    else {
        return Err(vec![refused(
            Field::Key,
            "private-key-mismatch",
            "The private key belongs to none of the certificates.".to_owned(),
        )]);
    };
    let mut remarks = Vec::new();
    let mut chain = in_order(leaf, &given, known);
    note_order(&given, &chain, &mut remarks);
    check_signatures(&chain, now, &mut problems);
    check_validity(&chain, now, &mut problems, &mut remarks);
    check_leaf(leaf, purpose, &mut problems);
    if chain.len() > CHAIN_MAX {
        problems.push(refused(
            Field::Certificate,
            "chain-too-long",
            format!(
                "The chain has {} certificates, {CHAIN_MAX} are the most.",
                chain.len()
            ),
        ));
    }
    // RFC 8446 §4.4.2: the root "MAY be omitted from the chain, provided that supported peers are known to possess it".
    if chain.len() > 1 && chain.last().is_some_and(Certificate::is_self_signed) {
        chain.pop();
    }
    if problems.is_empty() {
        Ok(CheckedChain {
            chain,
            key,
            remarks,
        })
    } else {
        Err(problems)
    }
}

/// The DNS names that a certificate covers. The common name is none of them (RFC 9525 §6.3).
pub(crate) fn names(leaf: &Certificate) -> Vec<NamePattern> {
    leaf.subject_alternative_names()
        .iter()
        .filter_map(|name| match name {
            GeneralName::Dns(name) => name.parse().ok(),
            _ => None,
        })
        .collect()
}

/// Whether clients that ask for anything that the pattern covers find the name in the certificate.
pub(crate) fn covers(leaf: &Certificate, pattern: &NamePattern) -> bool {
    names(leaf).iter().any(|name| {
        name == pattern
            || match pattern {
                NamePattern::Exact(exact) => name.covers(exact),
                NamePattern::Wildcard(_) => false,
            }
    })
}

/// From the leaf upwards, each certificate followed by one whose subject is its issuer.
fn in_order(leaf: &Certificate, given: &[Certificate], known: &[Certificate]) -> Vec<Certificate> {
    let mut chain = vec![leaf.clone()];
    let mut current = leaf.clone();
    while !current.is_self_issued() {
        let next = given
            .iter()
            .chain(known)
            .find(|candidate| is_issuer(candidate, &current) && !chain.contains(candidate));
        let Some(next) = next else { break };
        chain.push(next.clone());
        current = next.clone();
    }
    chain
}

fn is_issuer(candidate: &Certificate, of: &Certificate) -> bool {
    let key_fits = match (
        of.authority_key_identifier()
            .and_then(|identifier| identifier.key_identifier.as_deref()),
        candidate.subject_key_identifier(),
    ) {
        (Some(wanted), Some(own)) => wanted == own,
        _ => true,
    };
    candidate.subject() == of.issuer() && key_fits
}

fn note_order(given: &[Certificate], chain: &[Certificate], remarks: &mut Vec<ChainRemark>) {
    let unused = given
        .iter()
        .filter(|certificate| !chain.contains(certificate));
    for certificate in unused {
        remarks.push(ChainRemark {
            code: "certificate-unused",
            detail: format!(
                "The certificate `{}` is not on the way from the leaf to its root and is left out.",
                certificate.subject().to_rfc2253()
            ),
        });
    }
    for certificate in chain
        .iter()
        .filter(|certificate| !given.contains(certificate))
    {
        remarks.push(ChainRemark {
            code: "chain-completed",
            detail: format!(
                "The intermediate certificate `{}` was missing and is taken from another edge certificate.",
                certificate.subject().to_rfc2253()
            ),
        });
    }
    let top = chain.last().filter(|top| !top.is_self_issued());
    if let Some(top) = top
        && chain.len() == 1
    {
        remarks.push(ChainRemark {
            code: "chain-without-intermediate",
            detail: format!(
                "The chain ends with the leaf; if its issuer `{}` is no root that clients know, add the intermediate certificate.",
                top.issuer().to_rfc2253()
            ),
        });
    }
}

/// The topmost certificate stands as the only anchor: whatever is wrong between the leaf and it is found by the one evaluator.
fn check_signatures(chain: &[Certificate], now: UnixTime, problems: &mut Vec<ChainProblem>) {
    let (Some(top), true) = (chain.last(), chain.len() > 1) else {
        return;
    };
    let ders: Vec<&[u8]> = chain.iter().map(Certificate::der).collect();
    let policy = Policy {
        extended_key_usage: ExtendedKeyUsageRule::Any,
        ..Policy::default()
    };
    let verdict = match (
        PeerChain::from_der(&ders),
        CaSetVersion::new(vec![top.clone()], Sha1Signatures::Refuse),
    ) {
        (Ok(peer), Ok(anchors)) => {
            evaluate(&peer, &anchors, &RevocationIndex::empty(), &policy, now)
        }
        (Err(refusal), _) => Verdict::Invalid(refusal),
        (Ok(_), Err(_)) => return,
    };
    if let Verdict::Invalid(refusal) = verdict {
        problems.push(refused(
            Field::Certificate,
            "chain-invalid",
            format!("{} {}", refusal.explanation(), refusal.remedy()),
        ));
    }
}

fn check_validity(
    chain: &[Certificate],
    now: UnixTime,
    problems: &mut Vec<ChainProblem>,
    remarks: &mut Vec<ChainRemark>,
) {
    for certificate in chain {
        let subject = certificate.subject().to_rfc2253();
        let validity = certificate.validity();
        if validity.not_after < now {
            problems.push(refused(
                Field::Certificate,
                "certificate-expired",
                format!(
                    "The certificate `{subject}` expired at {}.",
                    validity.not_after
                ),
            ));
        } else if validity.not_before > now {
            problems.push(refused(
                Field::Certificate,
                "certificate-not-yet-valid",
                format!(
                    "The certificate `{subject}` is valid from {} only.",
                    validity.not_before
                ),
            ));
        } else if validity.ends_soon(now) {
            remarks.push(ChainRemark {
                code: "certificate-expiring",
                detail: format!(
                    "The certificate `{subject}` expires at {}; less than 30 % of its lifetime is left.",
                    validity.not_after
                ),
            });
        }
    }
}

fn check_leaf(leaf: &Certificate, purpose: ChainPurpose, problems: &mut Vec<ChainProblem>) {
    let usage = leaf.extended_key_usage();
    if purpose == ChainPurpose::Client
        && usage.is_some_and(|usage| !(usage.client_auth() || usage.any()))
    {
        problems.push(refused(
            Field::Certificate,
            "certificate-not-for-clients",
            "The certificate's extended key usage does not include client authentication."
                .to_owned(),
        ));
    }
    if purpose == ChainPurpose::Server && names(leaf).is_empty() {
        problems.push(refused(
            Field::Certificate,
            "certificate-without-names",
            "The certificate names no host: clients look for DNS names among the subject alternative names, and pass over the common name.".to_owned(),
        ));
    }
    if purpose == ChainPurpose::Server
        && usage.is_some_and(|usage| !(usage.server_auth() || usage.any()))
    {
        problems.push(refused(
            Field::Certificate,
            "certificate-not-for-servers",
            "The certificate's extended key usage does not include server authentication."
                .to_owned(),
        ));
    }
    check_key(leaf.public_key(), problems);
}

/// What is refused here and by the rules of CA sets alike, such as SM2, cannot be on one side of a handshake only: the certificates of both
/// sides are of one family (RFC 8446 §4.2.3), whose members, RSA, ECDSA and Ed25519, go with each other.
fn check_key(key: &PublicKey, problems: &mut Vec<ChainProblem>) {
    let is_usable = match key.algorithm {
        KeyAlgorithm::Rsa => key.bits >= 2048,
        KeyAlgorithm::EcP256 | KeyAlgorithm::EcP384 | KeyAlgorithm::Ed25519 => true,
        _ => false,
    };
    if !is_usable {
        problems.push(refused(
            Field::Certificate,
            "certificate-key-unsupported",
            format!("The certificate's key is {} of {} bits; RSA of at least 2048 bits, P-256, P-384 and Ed25519 can be used.", key.algorithm, key.bits),
        ));
    }
}

fn refused(field: Field, code: &'static str, detail: String) -> ChainProblem {
    ChainProblem {
        field,
        code,
        detail,
    }
}

/// The error with its causes, as one sentence.
fn with_cause(error: &dyn std::error::Error) -> String {
    let mut text = format!("The certificates cannot be read: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text.push('.');
    text
}
