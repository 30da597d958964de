//! Which keys and signatures of requests are refused, by name.

use x509_parser::{
    signature_algorithm::RsaSsaPssParams,
    x509::{AlgorithmIdentifier, SubjectPublicKeyInfo},
};

use crate::SigningRequestError;

const EC_PUBLIC_KEY: &str = "1.2.840.10045.2.1";
const RSASSA_PSS: &str = "1.2.840.113549.1.1.10";
const SHA1: &str = "1.3.14.3.2.26";

/// Signatures whose hash has known collisions (RFC 6194, RFC 6151). The library that checks signatures takes some of them.
const BROKEN: [(&str, &str); 7] = [
    ("1.2.840.113549.1.1.2", "MD2 and RSA"),
    ("1.2.840.113549.1.1.3", "MD4 and RSA"),
    ("1.2.840.113549.1.1.4", "MD5 and RSA"),
    ("1.2.840.113549.1.1.5", "SHA-1 and RSA"),
    ("1.3.14.3.2.29", "SHA-1 and RSA"),
    ("1.2.840.10040.4.3", "SHA-1 and DSA"),
    ("1.2.840.10045.4.1", "SHA-1 and ECDSA"),
];

/// Curves that certificates are issued for.
const CURVES: [&str; 2] = ["1.2.840.10045.3.1.7", "1.3.132.0.34"];

/// Kinds of keys that are asked for at times and refused.
const OTHER_KEYS: [(&str, &str); 7] = [
    ("1.2.840.10045.3.1.1", "P-192"),
    ("1.3.132.0.33", "P-224"),
    ("1.3.132.0.35", "P-521"),
    ("1.3.132.0.10", "secp256k1"),
    ("1.2.840.10040.4.1", "DSA"),
    ("1.3.101.113", "Ed448"),
    (RSASSA_PSS, "RSA for PSS only"),
];

pub(super) fn refuse_weak_signature(
    signature: &AlgorithmIdentifier<'_>,
) -> Result<(), SigningRequestError> {
    let id = signature.algorithm.to_id_string();
    let broken = if id == RSASSA_PSS {
        let parameters = signature.parameters.as_ref();
        let parameters = parameters.and_then(|any| RsaSsaPssParams::try_from(any).ok());
        // RFC 4055 §3.1: SHA-1 where nothing else is said.
        parameters
            .is_none_or(|parameters| parameters.hash_algorithm_oid().to_id_string() == SHA1)
            .then_some("SHA-1 and RSA-PSS")
    } else {
        named(&BROKEN, &id)
    };
    match broken {
        None => Ok(()),
        Some(algorithm) => Err(SigningRequestError::WeakSignature { algorithm }),
    }
}

pub(super) fn refuse_other_curves(
    key: &SubjectPublicKeyInfo<'_>,
) -> Result<(), SigningRequestError> {
    let other = key.algorithm.algorithm.to_id_string() == EC_PUBLIC_KEY
        && !CURVES.contains(&kind_of(key).as_str());
    if other {
        return Err(unsupported_key(key));
    }
    Ok(())
}

pub(super) fn unsupported_key(key: &SubjectPublicKeyInfo<'_>) -> SigningRequestError {
    let id = kind_of(key);
    SigningRequestError::UnsupportedKey {
        kind: named(&OTHER_KEYS, &id).map_or(id, str::to_owned),
    }
}

/// The object identifier of its curve, or of its algorithm when it has none.
fn kind_of(key: &SubjectPublicKeyInfo<'_>) -> String {
    let curve = key.algorithm.parameters.as_ref();
    let curve = curve.and_then(|any| any.as_oid().ok());
    curve.map_or_else(
        || key.algorithm.algorithm.to_id_string(),
        |oid| oid.to_id_string(),
    )
}

fn named(names: &[(&str, &'static str)], id: &str) -> Option<&'static str> {
    names
        .iter()
        .find_map(|(known, name)| (*known == id).then_some(*name))
}
