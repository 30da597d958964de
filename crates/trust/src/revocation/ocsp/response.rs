//! Reading responses (RFC 6960 §4.2).

use super::answer::CertificateState;
use super::{CertIdHash, VerifyOcspError};
use crate::certificate::Extension;
use crate::der::{
    self, DerError, ENUMERATED, GENERALIZED_TIME, INTEGER, OCTET_STRING, Reader, SEQUENCE, Value,
    context, context_constructed,
};
use crate::oid::known;
use crate::revocation::RevocationReason;
use crate::{Certificate, DistinguishedName, SerialNumber, SignatureAlgorithm, UnixTime};

/// A `BasicOCSPResponse`, not yet believed.
pub(super) struct Response<'a> {
    pub(super) signed: &'a [u8],
    pub(super) signature_algorithm: SignatureAlgorithm,
    pub(super) signature: &'a [u8],
    pub(super) responder: Responder,
    pub(super) answers: Vec<SingleAnswer>,
    pub(super) nonce: Option<Vec<u8>>,
    pub(super) certificates: Vec<Certificate>,
}

/// Who says that he signed.
pub(super) enum Responder {
    Name(DistinguishedName),
    /// The SHA-1 of the key.
    Key(Vec<u8>),
}

/// What is said about one certificate.
pub(super) struct SingleAnswer {
    pub(super) hash: Option<CertIdHash>,
    pub(super) name_hash: Vec<u8>,
    pub(super) key_hash: Vec<u8>,
    pub(super) serial: SerialNumber,
    pub(super) state: CertificateState,
    pub(super) this_update: UnixTime,
    pub(super) next_update: Option<UnixTime>,
}

pub(super) fn parse(der: &[u8]) -> Result<Response<'_>, VerifyOcspError> {
    let mut outer = der::single(der, SEQUENCE).part("outer sequence")?.reader();
    let status = outer.expect(ENUMERATED).part("responseStatus")?;
    let status = match status.contents {
        [0] => None,
        [1] => Some("malformedRequest"),
        [2] => Some("internalError"),
        [3] => Some("tryLater"),
        [5] => Some("sigRequired"),
        [6] => Some("unauthorized"),
        _ => Some("an unknown status"),
    };
    if let Some(status) = status {
        return Err(VerifyOcspError::Unsuccessful { status });
    }
    let mut wrapper = outer
        .expect(context_constructed(0))
        .part("responseBytes")?
        .reader();
    let mut bytes = wrapper.sequence().part("responseBytes")?;
    if bytes.object_identifier().part("responseType")? != *known::OCSP_BASIC {
        return Err(VerifyOcspError::Malformed {
            part: "responseType",
        });
    }
    let basic = bytes.expect(OCTET_STRING).part("response")?.contents;
    parse_basic(basic)
}

fn parse_basic(der: &[u8]) -> Result<Response<'_>, VerifyOcspError> {
    let mut basic = der::single(der, SEQUENCE)
        .part("BasicOCSPResponse")?
        .reader();
    let data = basic.expect(SEQUENCE).part("tbsResponseData")?;
    let algorithm = basic.expect(SEQUENCE).part("signatureAlgorithm")?;
    let signature = basic.bit_string().part("signature")?;
    let certificates = match basic.optional(context_constructed(0)).part("certs")? {
        Some(wrapper) => certificates(wrapper).part("certs")?,
        None => Vec::new(),
    };
    basic.end().part("certs")?;

    let mut fields = data.reader();
    if let Some(version) = fields.optional(context_constructed(0)).part("version")?
        && version.contents != [INTEGER, 1, 0]
    {
        return Err(VerifyOcspError::Malformed { part: "version" });
    }
    let responder = fields.next().and_then(responder).part("responderID")?;
    fields
        .expect(GENERALIZED_TIME)
        .and_then(der::read_time)
        .part("producedAt")?;
    let mut list = fields.sequence().part("responses")?;
    let mut answers = Vec::new();
    while !list.is_empty() {
        answers.push(single_answer(list.sequence().part("responses")?)?);
    }
    let mut nonce = None;
    if let Some(wrapper) = fields
        .optional(context_constructed(1))
        .part("responseExtensions")?
    {
        for extension in extensions(wrapper)? {
            if extension.kind == *known::OCSP_NONCE {
                // RFC 8954 §2.1 wraps it in an OCTET STRING; responders from before it may not.
                let inner = der::single(extension.value, OCTET_STRING)
                    .map_or(extension.value, |inner| inner.contents);
                nonce = Some(inner.to_vec());
            }
        }
    }
    fields.end().part("end of tbsResponseData")?;
    Ok(Response {
        signed: data.whole,
        signature_algorithm: SignatureAlgorithm::read(algorithm).part("signatureAlgorithm")?,
        signature,
        responder,
        answers,
        nonce,
        certificates,
    })
}

/// Certificates that cannot be read are left out: they could not be the responder's.
fn certificates(wrapper: Value<'_>) -> Result<Vec<Certificate>, DerError> {
    let mut inner = wrapper.reader();
    let list = inner.sequence()?;
    inner.end()?;
    let found = list.each(|list| list.expect(SEQUENCE))?;
    Ok(found
        .into_iter()
        .take(MAX_CERTIFICATES)
        .filter_map(|value| Certificate::from_der(value.whole).ok())
        .collect())
}

/// The responder's certificate and those above it; more are only there to cost us time.
const MAX_CERTIFICATES: usize = 8;

fn responder(value: Value<'_>) -> Result<Responder, DerError> {
    if value.tag == context_constructed(1) {
        return DistinguishedName::read(value.contents).map(Responder::Name);
    }
    if value.tag == context_constructed(2) {
        return der::single(value.contents, OCTET_STRING)
            .map(|key| Responder::Key(key.contents.to_vec()));
    }
    Err(DerError)
}

fn single_answer(mut fields: Reader<'_>) -> Result<SingleAnswer, VerifyOcspError> {
    let mut id = fields.sequence().part("certID")?;
    let mut algorithm = id.sequence().part("certID")?;
    let hash = algorithm.object_identifier().part("certID")?;
    let name_hash = id.expect(OCTET_STRING).part("certID")?.contents.to_vec();
    let key_hash = id.expect(OCTET_STRING).part("certID")?.contents.to_vec();
    let serial = id.expect(INTEGER).part("certID")?.contents;
    id.end().part("certID")?;
    let state = fields.next().and_then(state).part("certStatus")?;
    let this_update = fields
        .expect(GENERALIZED_TIME)
        .and_then(der::read_time)
        .part("thisUpdate")?;
    let next_update = match fields.optional(context_constructed(0)).part("nextUpdate")? {
        Some(wrapper) => Some(
            der::single(wrapper.contents, GENERALIZED_TIME)
                .and_then(der::read_time)
                .part("nextUpdate")?,
        ),
        None => None,
    };
    if let Some(wrapper) = fields
        .optional(context_constructed(1))
        .part("singleExtensions")?
    {
        extensions(wrapper)?;
    }
    fields.end().part("end of SingleResponse")?;
    Ok(SingleAnswer {
        hash: CertIdHash::of_identifier(hash.as_der_contents()),
        name_hash,
        key_hash,
        serial: SerialNumber::from_der_contents(serial),
        state,
        this_update,
        next_update,
    })
}

fn state(value: Value<'_>) -> Result<CertificateState, DerError> {
    if value.tag == context(0) {
        return Ok(CertificateState::Good);
    }
    if value.tag == context(2) {
        return Ok(CertificateState::Unknown);
    }
    if value.tag != context_constructed(1) {
        return Err(DerError);
    }
    let mut info = value.reader();
    let at = info.expect(GENERALIZED_TIME).and_then(der::read_time)?;
    let reason = match info.optional(context_constructed(0))? {
        Some(wrapper) => match der::single(wrapper.contents, ENUMERATED)?.contents {
            [code] => RevocationReason::from_code(*code),
            _ => None,
        },
        None => None,
    };
    info.end()?;
    Ok(CertificateState::Revoked {
        at,
        reason: reason.unwrap_or(RevocationReason::Unspecified),
    })
}

/// Reads a list of extensions; only the nonce may be critical.
fn extensions(wrapper: Value<'_>) -> Result<Vec<Extension<'_>>, VerifyOcspError> {
    let mut inner = wrapper.reader();
    let list = inner.sequence().part("extensions")?;
    inner.end().part("extensions")?;
    let found = list.each(Extension::read).part("extensions")?;
    match found
        .iter()
        .find(|extension| extension.critical && extension.kind != *known::OCSP_NONCE)
    {
        Some(unknown) => Err(VerifyOcspError::UnknownCriticalExtension {
            extension: unknown.kind.clone(),
        }),
        None => Ok(found),
    }
}

trait Part<T> {
    fn part(self, part: &'static str) -> Result<T, VerifyOcspError>;
}

impl<T> Part<T> for Result<T, DerError> {
    fn part(self, part: &'static str) -> Result<T, VerifyOcspError> {
        self.map_err(|DerError| VerifyOcspError::Malformed { part })
    }
}
