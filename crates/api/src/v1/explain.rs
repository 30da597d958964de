//! What a network says to a client and its request, and why.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Network;
use super::tls::ClientCertificateMode;
use crate::{Timestamp, ValidityDate};

/// A client and its request.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExplainRequest {
    /// The network that is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Network>,
    /// The host that the client connects to and asks for; a port does not matter.
    pub hostname: String,
    /// The name that the connection was made for, when the request comes over a connection to another name; `hostname` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
    /// What the client sends: its certificate and intermediates, PEM, its own first. None: it sends no certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_pem: Option<String>,
    /// `GET` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The path, with the query if there is one; `/` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The request's headers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The client's address; `0.0.0.0` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_address: Option<String>,
    /// When, RFC 3339; now when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
}

/// The answer: everything that was looked at, in the order in which an edge looks at it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// The network.
    pub network: Network,
    /// The generation of the snapshot that it enforces; null before its first.
    pub generation: Option<u64>,
    /// When.
    pub time: Timestamp,
    /// What is asked.
    pub request: ExplainedRequest,
    /// What the client sends, its own certificate first.
    pub certificates: Vec<ExplainedCertificate>,
    /// What the hostname is bound to; null when to nothing.
    pub binding: Option<ExplainedBinding>,
    /// What each CA set of the binding says about the client.
    pub verdicts: Vec<ExplainedVerdict>,
    /// Which rules matched; null when the request came to no rule.
    pub rules: Option<ExplainedRules>,
    /// What comes of it.
    pub decision: ExplainedDecision,
}

/// A request as the rules see it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExplainedRequest {
    /// The host in its canonical form.
    pub hostname: String,
    /// The name that the connection was made for.
    pub server_name: String,
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// The query.
    pub query: Option<String>,
    /// Headers that the edge removes before a rule sees them.
    pub removed_headers: Vec<String>,
}

/// What a certificate says.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExplainedCertificate {
    /// Subject, RFC 2253.
    pub subject: String,
    /// Issuer, RFC 2253.
    pub issuer: String,
    /// Serial number, hexadecimal.
    pub serial_number: String,
    /// SHA-256 of the certificate.
    pub sha256: String,
    /// SHA-256 of its public key.
    pub spki_sha256: String,
    /// Valid from.
    pub not_before: ValidityDate,
    /// Valid until.
    pub not_after: ValidityDate,
}

/// What a hostname is bound to.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExplainedBinding {
    /// Its id, as logs have it.
    pub binding_id: String,
    /// Of what it was made.
    pub kind: ExplainedKind,
    /// The name of that.
    pub name: String,
    /// Its hostnames.
    pub hostnames: Vec<String>,
    /// When it asks for a certificate.
    pub client_certificate: ClientCertificateMode,
}

/// Of what a binding was made.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ExplainedKind {
    /// A property.
    Property,
    /// A site.
    Site,
}

impl ExplainedKind {
    /// The noun, as commands have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Property => "property",
            Self::Site => "site",
        }
    }
}

/// What a CA set says about a client.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExplainedVerdict {
    /// The set.
    pub ca_set_id: String,
    /// Its name.
    pub ca_set_name: String,
    /// The version that the network enforces.
    pub ca_set_version: u32,
    /// `missing`, `valid` or `invalid`.
    pub verdict: String,
    /// Why it is not valid.
    pub reason: Option<String>,
    /// The same with the evidence.
    pub cause: Option<String>,
    /// What to do about it.
    pub remedy: Option<String>,
    /// The path that is good, from the client's certificate to the one of the set.
    pub path: Vec<ExplainedCertificate>,
    /// The earliest end of validity on that path.
    pub valid_until: Option<ValidityDate>,
    /// The paths that were tried and failed.
    pub tried: Vec<ExplainedAttempt>,
    /// What is done about revocation.
    pub revocation: ExplainedRevocation,
}

/// A path that failed.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExplainedAttempt {
    /// The subjects as far as it went, the client's first.
    pub subjects: Vec<String>,
    /// Why it failed.
    pub reason: String,
    /// The same with the evidence.
    pub cause: String,
}

/// What is known about the revocation of the certificates of the good path, or of the one that came nearest.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExplainedRevocation {
    /// `off`, `prefer` or `require`.
    pub mode: String,
    /// `leaf` or `path`.
    pub scope: String,
    /// How long information may be used after newer was promised.
    pub stale_grace_seconds: u64,
    /// Certificate by certificate, the client's first.
    pub certificates: Vec<ExplainedStatus>,
}

/// What is known about the revocation of a certificate.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExplainedStatus {
    /// The certificate's subject.
    pub subject: String,
    /// Its issuer on the path.
    pub issuer: String,
    /// Whether something has to be known.
    pub required: bool,
    /// `good`, `revoked`, `stale`, `unknown` or `not_asked`.
    pub state: String,
    /// The particulars, as a sentence.
    pub detail: String,
    /// What was asked.
    pub sources: Vec<ExplainedSource>,
}

/// A CRL or an OCSP answer.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExplainedSource {
    /// `crl`, `delta_crl` or `ocsp`.
    pub kind: String,
    /// The number of the CRL.
    pub number: Option<String>,
    /// Who signed it.
    pub signer: String,
    /// When it was made.
    pub this_update: Timestamp,
    /// By when a newer one is promised.
    pub next_update: Option<Timestamp>,
    /// Its age.
    pub age_seconds: u64,
}

/// What the rules did.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExplainedRules {
    /// The decision as one sentence.
    pub conclusion: String,
    /// Rule by rule, a parent before its children.
    pub rules: Vec<ExplainedRule>,
}

/// What happened at one rule.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExplainedRule {
    /// Names from the top rule to this one, joined by ` / `.
    pub rule: String,
    /// Where it stands in the rule tree, as a JSON Pointer.
    pub pointer: String,
    /// How deep; 0 is the top rule.
    pub depth: u32,
    /// `matched`, `not_matched` or `not_reached`.
    pub outcome: String,
    /// `all` or `any` of its criteria have to hold.
    pub criteria_must_satisfy: String,
    /// Each criterion with what it compared.
    pub criteria: Vec<ExplainedCriterion>,
    /// What its behaviors did, as sentences.
    pub behaviors: Vec<String>,
}

/// What happened at one criterion.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExplainedCriterion {
    /// Its name.
    pub name: String,
    /// Whether it held.
    pub matched: bool,
    /// What the rule asks for.
    pub expected: String,
    /// What the request has.
    pub actual: String,
}

/// What comes of it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExplainedDecision {
    /// `forwarded`, `answered`, `redirected` or `refused`.
    pub outcome: String,
    /// Where it was refused: `handshake`, `request` or `rules`.
    pub refused_at: Option<String>,
    /// The code of the reason.
    pub reason: Option<String>,
    /// The decision as one sentence, with the evidence.
    pub sentence: String,
    /// What to do about it.
    pub remedy: Option<String>,
    /// The command that does it, or the first step of it.
    pub command: Option<String>,
    /// The rule that decided.
    pub rule: Option<String>,
    /// The origin that the request goes to.
    pub origin: Option<String>,
    /// The rate limit that the request counts against, which is not looked at here.
    pub rate_limit: Option<String>,
}
