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
    /// Its key is of a kind that is not certified.
    #[error("the request's key is neither ECDSA on P-256, P-384 or P-521, nor Ed25519, nor RSA")]
    UnsupportedKey,
    /// Its RSA key is too short.
    #[error("the request's RSA key has {bits} bits; at least 2048 are needed")]
    WeakKey {
        /// How many it has.
        bits: usize,
    },
}
