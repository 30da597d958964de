//! What can go wrong.

use thiserror::Error;

/// Why an authority did not issue a certificate.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum IssueError {
    /// The country of a subject is not a code of two letters.
    #[error("a country is a code of two letters, such as US")]
    Country,
    /// The authority's own name has a form that this crate cannot reproduce, so that what it issued would not chain.
    #[error(
        "the authority's subject has a form that cannot be reproduced (such as two values of one attribute)"
    )]
    IssuerName,
    /// A server certificate without any name.
    #[error("a server certificate needs at least one subject alternative name")]
    NoNames,
    /// The certificate would be valid when the authority's own is not.
    #[error(
        "the certificate would be valid until {not_after}, its authority is only until {authority_not_after} (seconds since the epoch)"
    )]
    OutlivesAuthority {
        /// The end that was asked for.
        not_after: i64,
        /// The authority's own end.
        authority_not_after: i64,
    },
    /// The authority may not have authorities under it.
    #[error("the authority's path length constraint allows no intermediate below it")]
    PathLength,
    /// A server certificate that is valid for too long.
    #[error("a server certificate is valid for at most {most} days, not {days}")]
    TooLong {
        /// How many days were asked for.
        days: i64,
        /// How many it may be.
        most: i64,
    },
    /// A client certificate with a wildcard: a client is somebody, and not everybody under a domain.
    #[error("a client's name has no wildcard, as `{name}` has")]
    Wildcard {
        /// The name.
        name: String,
    },
    /// The key or the signature could not be made.
    #[error("the key or the signature could not be made")]
    Signing {
        /// What the cryptography said.
        source: rcgen::Error,
    },
    /// A moment that certificates and revocation lists cannot carry.
    #[error("a time is outside the years 1950 to 9999")]
    Time,
    /// A subject attribute that is empty or too long.
    #[error("a subject attribute has 1 to 64 characters, not {characters}")]
    SubjectLength {
        /// How many it had.
        characters: usize,
    },
}

/// Why a certificate and a key are not an authority that can issue.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum LoadAuthorityError {
    /// The key is encrypted.
    #[error(
        "the private key is encrypted; decrypt it first, for example with `openssl pkey -in KEY -out PLAIN`"
    )]
    EncryptedKey,
    /// The key does not belong to the certificate.
    #[error("the private key does not belong to the certificate")]
    KeyMismatch,
    /// The certificate's key usage forbids signing certificates.
    #[error("the certificate's key usage does not include signing certificates (keyCertSign)")]
    KeyUsage,
    /// Not one or more PEM certificates, the authority's own first.
    #[error("no PEM certificate that can be read")]
    MalformedCertificate,
    /// Not a PEM private key of a supported kind.
    #[error(
        "no PEM private key of a supported kind (ECDSA, Ed25519 or RSA with at least 2048 bits)"
    )]
    MalformedKey,
    /// The certificate is not an authority's.
    #[error("the certificate is not a certificate authority's (basic constraints without cA)")]
    NotAnAuthority,
}

/// Why a certificate signing request was refused.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum SigningRequestError {
    /// Not a PKCS#10 request in PEM.
    #[error("not a PEM certificate signing request")]
    Malformed,
    /// Its signature is wrong, so its sender did not prove to have the key.
    #[error("the request's signature is wrong: its sender did not prove possession of the key")]
    Signature,
    /// Its key is of a kind or on a curve that is not certified.
    #[error("the request's key ({kind}) is neither ECDSA on P-256 or P-384, nor Ed25519, nor RSA")]
    UnsupportedKey {
        /// What kind of key it is: a name, or the object identifier of one that is not known.
        kind: String,
    },
    /// Its signature is of a kind that cannot be checked.
    #[error("the request's signature is of a kind that is not checked here ({algorithm})")]
    UnsupportedSignature {
        /// The algorithm's object identifier.
        algorithm: String,
    },
    /// Its signature proves nothing: whoever finds a collision of the hash has a request for a key of their own.
    #[error("the request is signed with {algorithm}, which is broken")]
    WeakSignature {
        /// The algorithm's name.
        algorithm: &'static str,
    },
    /// Its RSA key is too short.
    #[error("the request's RSA key has {bits} bits; at least 2048 are needed")]
    WeakKey {
        /// How many it has.
        bits: usize,
    },
}
