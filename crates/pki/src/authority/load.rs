//! Authorities made elsewhere or earlier.

use rcgen::{Issuer, KeyPair, PublicKeyData};
use x509_parser::{certificate::X509Certificate, prelude::FromDer};
use zeroize::Zeroizing;

use super::{Authority, encoded, to_pem};
use crate::LoadAuthorityError;

pub(super) fn authority(
    certificates_pem: &str,
    key_pem: &str,
) -> Result<Authority, LoadAuthorityError> {
    let certificates = certificates(certificates_pem)?;
    let own = certificates
        .first()
        .ok_or(LoadAuthorityError::MalformedCertificate)?;
    let certificate = parsed(own)?;
    let path_length = allowed_path_length(&certificate)?;
    let (key, key_pem) = key(key_pem)?;
    // Compared without the algorithm's parameters, which RSA keys may have or lack.
    if certificate.public_key().subject_public_key.data.as_ref() != key.der_bytes() {
        return Err(LoadAuthorityError::KeyMismatch);
    }
    let chain_pem = if is_root(&certificate) {
        String::new()
    } else {
        chain_without_root(&certificates)?
    };
    let not_after = certificate.validity().not_after.timestamp();
    let issuer = Issuer::from_ca_cert_der(&own.as_slice().into(), key)
        .map_err(|_| LoadAuthorityError::MalformedCertificate)?;
    Ok(Authority {
        issuer,
        certificate_der: own.clone(),
        key_pem,
        chain_pem,
        not_after,
        path_length,
    })
}

fn chain_without_root(certificates: &[Vec<u8>]) -> Result<String, LoadAuthorityError> {
    let mut chain = String::new();
    for der in certificates {
        if !is_root(&parsed(der)?) {
            chain.push_str(&to_pem(der));
        }
    }
    Ok(chain)
}

fn is_root(certificate: &X509Certificate<'_>) -> bool {
    certificate.subject().as_raw() == certificate.issuer().as_raw()
}

fn certificates(text: &str) -> Result<Vec<Vec<u8>>, LoadAuthorityError> {
    let blocks = pem::parse_many(text).map_err(|_| LoadAuthorityError::MalformedCertificate)?;
    let certificates = blocks
        .into_iter()
        .filter(|block| block.tag() == "CERTIFICATE");
    Ok(certificates.map(pem::Pem::into_contents).collect())
}

fn parsed(der: &[u8]) -> Result<X509Certificate<'_>, LoadAuthorityError> {
    match X509Certificate::from_der(der) {
        // An empty RDN would be a malformed name; rcgen does not expect one.
        Ok(([], certificate))
            if certificate
                .subject()
                .iter()
                .all(|rdn| rdn.iter().count() > 0) =>
        {
            Ok(certificate)
        }
        _ => Err(LoadAuthorityError::MalformedCertificate),
    }
}

fn allowed_path_length(
    certificate: &X509Certificate<'_>,
) -> Result<Option<u32>, LoadAuthorityError> {
    let constraints = certificate
        .basic_constraints()
        .map_err(|_| LoadAuthorityError::MalformedCertificate)?
        .filter(|constraints| constraints.value.ca)
        .ok_or(LoadAuthorityError::NotAnAuthority)?;
    let usage = certificate
        .key_usage()
        .map_err(|_| LoadAuthorityError::MalformedCertificate)?;
    if usage.is_some_and(|usage| !usage.value.key_cert_sign()) {
        return Err(LoadAuthorityError::KeyUsage);
    }
    Ok(constraints.value.path_len_constraint)
}

fn key(text: &str) -> Result<(KeyPair, Zeroizing<String>), LoadAuthorityError> {
    let blocks = pem::parse_many(text).map_err(|_| LoadAuthorityError::MalformedKey)?;
    // `openssl ecparam -genkey` writes its parameters before the key.
    let block = blocks
        .iter()
        .find(|block| block.tag().ends_with("PRIVATE KEY"))
        .ok_or(LoadAuthorityError::MalformedKey)?;
    if block.tag() == "ENCRYPTED PRIVATE KEY" || block.headers().get("Proc-Type").is_some() {
        return Err(LoadAuthorityError::EncryptedKey);
    }
    let key = KeyPair::try_from(block.contents()).map_err(|_| LoadAuthorityError::MalformedKey)?;
    Ok((key, Zeroizing::new(encoded(block))))
}
