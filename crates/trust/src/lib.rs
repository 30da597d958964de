//! Certificates and the decision whether to believe them.
//!
//! This crate says who may come in: it reads certificates, judges which of them make a good CA set, and evaluates a client's chain against
//! a CA set, a revocation index, a policy and a time. The answer is a [`Verdict`]: missing, valid with the path as proof, or invalid with
//! one [`Reason`] out of one taxonomy and the evidence for it.
//!
//! It does **not** know sockets, files, clocks, TLS, HTTP or rules. Everything is a function of its arguments.
//!
//! Start from [`evaluate`] (the decision), [`CaSetVersion`] (whom to believe) and [`Verdict`] (the answer).
//!
//! ```
//! use countersign_trust::{CaSetVersion, Policy, RevocationIndex, Verdict, UnixTime, PeerChain, evaluate};
//!
//! fn admit(chain: &PeerChain, set: &CaSetVersion, now: UnixTime) -> Result<String, String> {
//!     match evaluate(chain, set, &RevocationIndex::empty(), &Policy::default(), now) {
//!         Verdict::Valid(chain) => Ok(chain.identity().subject().to_rfc2253()),
//!         Verdict::Invalid(refusal) => Err(refusal.explanation()),
//!         Verdict::Missing => Err("no certificate".to_owned()),
//!     }
//! }
//! ```

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic
    )
)]
#![warn(missing_docs)]

mod bundle;
mod ca_set;
mod certificate;
mod der;
mod evaluate;
mod fingerprint;
mod general_name;
mod identity;
mod key;
mod name;
mod oid;
mod peer_chain;
mod policy;
mod reason;
mod revocation;
mod serial;
mod signature;
mod text;
pub mod time;
mod verdict;

pub use bundle::{Bundle, BundleEntry, ParseBundleError, WrongContent, parse_bundle, to_pem};
pub use ca_set::{
    CaSetRule, CaSetVersion, EmptyCaSet, Finding, Severity, Sha1Signatures, ca_set_rules,
    validate_ca_set,
};
pub use certificate::{
    AccessDescription, AuthorityKeyIdentifier, BasicConstraints, Certificate, DistributionPoint,
    DistributionPointName, ExtendedKeyUsage, GeneralSubtree, KeyUsage, NameConstraints,
    ParseCertificateError, RevocationReasons, Validity, Version,
};
pub use evaluate::{
    RevocationEvidence, RevocationStatus, evaluate, evaluate_pinned, evaluate_with_answers,
    judge_again, revocation_evidence,
};
pub use fingerprint::{Fingerprint, ParseFingerprintError};
pub use general_name::GeneralName;
pub use identity::ClientIdentity;
pub use key::{KeyAlgorithm, PublicKey};
pub use name::{Attribute, DistinguishedName, is_unprintable};
pub use oid::ObjectIdentifier;
pub use peer_chain::PeerChain;
pub use policy::{ExtendedKeyUsageRule, Policy};
pub use reason::Reason;
pub use revocation::ocsp;
pub use revocation::{
    CaState, Concern, Crl, CrlEntry, LoadCrlError, ManualRevocation, Owner, RevocationChanges,
    RevocationIndex, RevocationIndexBuilder, RevocationMode, RevocationPolicy, RevocationReason,
    RevocationScope, RevocationSource, RevocationSourceKind, crl_issuers,
};
pub use serial::SerialNumber;
pub use signature::{Hash, PssParameters, PssRestriction, SignatureAlgorithm, SignatureError};
pub use time::{Clock, ParseTimeError, UnixTime};
pub use verdict::{PathAttempt, Refusal, RevocationState, Unanswered, ValidChain, Verdict};
