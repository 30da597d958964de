//! Certificate signing requests.

mod algorithm;

use rcgen::SubjectPublicKeyInfo;
use x509_parser::{
    certification_request::X509CertificationRequest,
    error::X509Error,
    extensions::{GeneralName, ParsedExtension},
    prelude::FromDer,
    public_key::PublicKey,
};

use crate::{Name, SigningRequestError};

/// A PKCS#10 request (RFC 2986) whose sender has proven to have the key.
///
/// Only its key is certified. What else it asks for is shown, for the caller to decide: a request is the wish of someone
/// outside, and an authority that copies it blindly issues authorities.
#[derive(Clone, Debug)]
pub struct SigningRequest {
    pub(crate) key: SubjectPublicKeyInfo,
    pub(crate) rsa: bool,
    common_name: Option<String>,
    names: Vec<Name>,
}

impl SigningRequest {
    /// Reads a request and checks its signature.
    ///
    /// # Errors
    ///
    /// When it cannot be read, is not signed with its own key, or its key or signature is weak or of an unsupported kind.
    pub fn from_pem(pem: &str) -> Result<Self, SigningRequestError> {
        let blocks = pem::parse_many(pem).map_err(|_| SigningRequestError::Malformed)?;
        let block = blocks
            .iter()
            .find(|block| block.tag().ends_with("CERTIFICATE REQUEST"))
            .ok_or(SigningRequestError::Malformed)?;
        let (rest, request) = X509CertificationRequest::from_der(block.contents())
            .map_err(|_| SigningRequestError::Malformed)?;
        if !rest.is_empty() {
            return Err(SigningRequestError::Malformed);
        }
        let info = &request.certification_request_info;
        let rsa = match info.subject_pki.parsed() {
            Ok(PublicKey::RSA(key)) if key.key_size() < 2048 => {
                let bits = key.key_size();
                return Err(SigningRequestError::WeakKey { bits });
            }
            Ok(key) => matches!(key, PublicKey::RSA(_)),
            Err(_) => return Err(algorithm::unsupported_key(&info.subject_pki)),
        };
        algorithm::refuse_other_curves(&info.subject_pki)?;
        let key = SubjectPublicKeyInfo::from_der(info.subject_pki.raw)
            .map_err(|_| algorithm::unsupported_key(&info.subject_pki))?;
        algorithm::refuse_weak_signature(&request.signature_algorithm)?;
        request.verify_signature().map_err(|error| match error {
            X509Error::SignatureUnsupportedAlgorithm => SigningRequestError::UnsupportedSignature {
                algorithm: request.signature_algorithm.algorithm.to_id_string(),
            },
            _ => SigningRequestError::Signature,
        })?;
        let common_name = info.subject.iter_common_name().next();
        let common_name = common_name.and_then(|name| name.as_str().ok());
        Ok(Self {
            key,
            rsa,
            common_name: common_name.map(str::to_owned),
            names: requested_names(&request),
        })
    }

    /// The common name it asks for.
    pub fn common_name(&self) -> Option<&str> {
        self.common_name.as_deref()
    }

    /// Whether its key is an RSA key.
    pub fn is_rsa(&self) -> bool {
        self.rsa
    }

    /// The subject alternative names it asks for, those of a kind or form that is never issued left out.
    pub fn names(&self) -> &[Name] {
        &self.names
    }
}

fn requested_names(request: &X509CertificationRequest<'_>) -> Vec<Name> {
    let extensions = request.requested_extensions().into_iter().flatten();
    let names = extensions.filter_map(|extension| match extension {
        ParsedExtension::SubjectAlternativeName(names) => Some(&names.general_names),
        _ => None,
    });
    names
        .flatten()
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => format!("dns:{name}").parse().ok(),
            GeneralName::RFC822Name(address) => format!("email:{address}").parse().ok(),
            GeneralName::URI(uri) => format!("uri:{uri}").parse().ok(),
            GeneralName::IPAddress(octets) => address(octets).map(Name::Ip),
            _ => None,
        })
        .collect()
}

fn address(octets: &[u8]) -> Option<std::net::IpAddr> {
    let four = <[u8; 4]>::try_from(octets).ok().map(Into::into);
    four.or_else(|| <[u8; 16]>::try_from(octets).ok().map(Into::into))
}
