//! Revocations by hand under `/v1`.

use countersign_api::v1::revocations as v1;
use countersign_trust::{
    Fingerprint, ManualRevocation, RevocationReason, SerialNumber, UnixTime, parse_bundle,
};
use http::StatusCode;
use http::header::LOCATION;

use super::body::{self, Object, Reader};
use super::call::{Call, Reply};
use super::operation::{Body, Operation, Parameter, ParameterKind, Verb};
use super::wire;
use crate::app::{ErrorCode, NewRevocation, ServiceError, revocations};
use crate::model::{REVOCATION_REASONS, Revocation, RevocationId};
use crate::{BoxFuture, Role};

pub(super) const OPERATIONS: &[Operation] = &[
    Operation {
        id: "createRevocation",
        method: Verb::Post,
        path: "/v1/revocations",
        summary: "Revokes client certificates by hand: they are refused from now on, and the connections that they opened are ended.",
        role: Role::Approver,
        query: &[],
        body: Body::Json("RevocationRequest"),
        answers: &[(201, Some("Revocation"))],
        errors: &[ErrorCode::InvalidField],
        handler: create,
    },
    Operation {
        id: "listRevocations",
        method: Verb::Get,
        path: "/v1/revocations",
        summary: "Lists the revocations by hand of the account, newest first.",
        role: Role::Viewer,
        query: &[Parameter {
            name: "includeEnded",
            kind: ParameterKind::Boolean,
            summary: "Whether those are listed too that hold no more; `false` when absent.",
        }],
        body: Body::Ignored,
        answers: &[(200, Some("Revocations"))],
        errors: &[ErrorCode::TypeMismatch],
        handler: list,
    },
    Operation {
        id: "getRevocation",
        method: Verb::Get,
        path: "/v1/revocations/{revocationId}",
        summary: "Shows a revocation.",
        role: Role::Viewer,
        query: &[],
        body: Body::Ignored,
        answers: &[(200, Some("Revocation"))],
        errors: &[ErrorCode::RevocationNotFound],
        handler: show,
    },
    Operation {
        id: "endRevocation",
        method: Verb::Delete,
        path: "/v1/revocations/{revocationId}",
        summary: "Ends a revocation; it stays on record.",
        role: Role::Approver,
        query: &[],
        body: Body::Ignored,
        answers: &[(200, Some("Revocation"))],
        errors: &[ErrorCode::RevocationNotFound],
        handler: end,
    },
];

type Answer = BoxFuture<'static, Result<Reply, ServiceError>>;

fn create(call: Call) -> Answer {
    Box::pin(async move {
        let new = read(&call.body)?;
        let made = call.controller.revocations();
        let made = made.create(&call.caller, new).await?;
        let link = link(&made);
        let shown = wire_form(made, call.controller.now());
        Reply::json(StatusCode::CREATED, &shown)?.with(LOCATION, &link)
    })
}

fn list(call: Call) -> Answer {
    Box::pin(async move {
        let now = call.controller.now();
        let service = call.controller.revocations();
        let ended_too = call.query.is_true("includeEnded");
        let found = service.list(&call.caller, ended_too).await?;
        let revocations = found.into_iter().map(|it| wire_form(it, now)).collect();
        Reply::json(StatusCode::OK, &v1::Revocations { revocations })
    })
}

fn show(call: Call) -> Answer {
    Box::pin(async move {
        let service = call.controller.revocations();
        let found = service.find(&call.caller, id(&call)?).await?;
        Reply::json(StatusCode::OK, &wire_form(found, call.controller.now()))
    })
}

fn end(call: Call) -> Answer {
    Box::pin(async move {
        let service = call.controller.revocations();
        let ended = service.end(&call.caller, id(&call)?).await?;
        Reply::json(StatusCode::OK, &wire_form(ended, call.controller.now()))
    })
}

fn id(call: &Call) -> Result<RevocationId, ServiceError> {
    let text = call.parameter("revocationId");
    RevocationId::from_text(text).ok_or_else(|| revocations::not_found(text))
}

const BY_CERTIFICATE: &str = "certificateSha256";
const BY_KEY: &str = "spkiSha256";
const BY_SERIAL: &str = "serialNumber";
const BY_TIME: &str = "issuedBefore";
const MARKS: [&str; 4] = [BY_CERTIFICATE, BY_KEY, BY_SERIAL, BY_TIME];
const ISSUER: &str = "issuerCertificatePem";
const ISSUER_KEY: &str = "issuerSpkiSha256";

fn read(bytes: &[u8]) -> Result<NewRevocation, ServiceError> {
    let value = body::parse(bytes)?;
    let mut reader = Reader::default();
    let root = reader.root(&value);
    let known: Vec<_> = MARKS
        .into_iter()
        .chain([ISSUER, ISSUER_KEY, "reason", "description", "endDate"])
        .collect();
    reader.only(root, &known, &[]);
    let certificate = fingerprint(&mut reader, root, BY_CERTIFICATE);
    let key = fingerprint(&mut reader, root, BY_KEY);
    let serial = serial(&mut reader, root, BY_SERIAL);
    let before = reader.time(root, BY_TIME);
    let issuer = issuer(&mut reader, root);
    let reason = reason(&mut reader, root);
    let note = reader.description(root);
    let ends_at = reader.time(root, "endDate");
    let given: Vec<_> = MARKS
        .into_iter()
        .filter(|mark| reader.optional_text(root, mark).is_some())
        .collect();
    match given.as_slice() {
        [] => reader.problem(
            root,
            BY_CERTIFICATE,
            format!(
                "one of these has to say which certificates: {}",
                MARKS.join(", ")
            ),
        ),
        [mark] => {
            let wants_issuer = [BY_SERIAL, BY_TIME].contains(mark);
            let has_issuer = [ISSUER, ISSUER_KEY]
                .iter()
                .any(|field| reader.optional_text(root, field).is_some());
            if wants_issuer && !has_issuer {
                reader.problem(
                    root,
                    ISSUER,
                    format!(
                        "`{mark}` says nothing without the CA; give its certificate or `{}`",
                        ISSUER_KEY
                    ),
                );
            } else if !wants_issuer && has_issuer {
                reader.problem(root, ISSUER, format!("`{mark}` needs no issuer"));
            }
        }
        [first, second, ..] => reader.problem(
            root,
            second,
            format!("`{first}` says already which certificates; make one revocation for each"),
        ),
    }
    reader.finish()?;
    let what = match (certificate, key, serial, before, issuer) {
        (Some(sha256), None, None, None, None) => ManualRevocation::Certificate(sha256),
        (None, Some(sha256), None, None, None) => ManualRevocation::Key(sha256),
        (None, None, Some(serial), None, Some(issuer_key)) => {
            ManualRevocation::Serial { issuer_key, serial }
        }
        (None, None, None, Some(before), Some(issuer_key)) => {
            ManualRevocation::IssuedBefore { issuer_key, before }
        }
        // What does not fit together has been noted above.
        _ => {
            return Err(ServiceError::new(
                ErrorCode::InvalidField,
                "The fields do not say which certificates.",
            ));
        }
    };
    Ok(NewRevocation {
        what,
        reason: reason.unwrap_or(RevocationReason::Unspecified),
        note,
        ends_at,
    })
}

fn fingerprint(reader: &mut Reader, root: Object<'_>, field: &str) -> Option<Fingerprint> {
    let text = reader.optional_text(root, field)?;
    let plain = text.replace(':', "").to_ascii_lowercase();
    let parsed = plain.parse().ok();
    if parsed.is_none() {
        reader.problem(root, field, "it has to be a SHA-256: 64 hexadecimal digits");
    }
    parsed
}

fn serial(reader: &mut Reader, root: Object<'_>, field: &str) -> Option<SerialNumber> {
    let text = reader.optional_text(root, field)?;
    let parsed = parse_serial(text);
    if parsed.is_none() {
        reader.problem(
            root,
            field,
            "it has to be a serial number: 1 to 40 hexadecimal digits",
        );
    }
    parsed
}

fn parse_serial(text: &str) -> Option<SerialNumber> {
    let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b':').collect();
    // RFC 5280 §4.1.2.2: at most 20 octets.
    if digits.is_empty() || digits.len() > 40 {
        return None;
    }
    let value = |byte: u8| char::from(byte).to_digit(16);
    let mut octets = Vec::with_capacity(20);
    let (first, pairs) = digits.split_at(digits.len() % 2);
    if let [digit] = first {
        octets.push(value(*digit)?);
    }
    for [high, low] in pairs.as_chunks::<2>().0 {
        octets.push(value(*high)? << 4 | value(*low)?);
    }
    let octets: Option<Vec<u8>> = octets
        .into_iter()
        .map(|octet| u8::try_from(octet).ok())
        .collect();
    Some(SerialNumber::from_bytes(&octets?))
}

fn issuer(reader: &mut Reader, root: Object<'_>) -> Option<Fingerprint> {
    let Some(pem) = reader.optional_text(root, ISSUER) else {
        return fingerprint(reader, root, ISSUER_KEY);
    };
    if reader.optional_text(root, ISSUER_KEY).is_some() {
        reader.problem(
            root,
            ISSUER_KEY,
            format!("`{ISSUER}` says already which CA"),
        );
    }
    match parse_bundle(pem.as_bytes()).map(|bundle| bundle.certificates) {
        Ok(found) if found.len() == 1 => found
            .first()
            .map(|entry| entry.certificate.spki_fingerprint()),
        Ok(found) => {
            reader.problem(
                root,
                ISSUER,
                format!(
                    "it has to be one certificate, and there are {}",
                    found.len()
                ),
            );
            None
        }
        Err(error) => {
            reader.problem(root, ISSUER, error.to_string());
            None
        }
    }
}

fn reason(reader: &mut Reader, root: Object<'_>) -> Option<RevocationReason> {
    reader.optional_text(root, "reason")?;
    let choices: Vec<_> = REVOCATION_REASONS
        .iter()
        .map(|reason| (reason.name(), *reason))
        .collect();
    reader.choice(root, "reason", &choices)
}

fn link(revocation: &Revocation) -> String {
    format!("/v1/revocations/{}", revocation.id)
}

fn wire_form(revocation: Revocation, now: UnixTime) -> v1::Revocation {
    let mut shown = v1::Revocation {
        revocation_id: revocation.id.to_string(),
        revocation_link: link(&revocation),
        active: revocation.is_in_force(now),
        certificate_sha256: None,
        spki_sha256: None,
        serial_number: None,
        issued_before: None,
        issuer_spki_sha256: None,
        reason: revocation.reason.name().to_owned(),
        description: revocation.note,
        end_date: revocation.ends_at.map(wire::time),
        created_date: wire::time(revocation.created_at),
        created_by: revocation.created_by,
        ended_date: revocation.ended_at.map(wire::time),
        ended_by: revocation.ended_by,
    };
    match revocation.what {
        ManualRevocation::Certificate(sha256) => {
            shown.certificate_sha256 = Some(sha256.to_string());
        }
        ManualRevocation::Key(sha256) => shown.spki_sha256 = Some(sha256.to_string()),
        ManualRevocation::IssuedBefore { issuer_key, before } => {
            shown.issuer_spki_sha256 = Some(issuer_key.to_string());
            shown.issued_before = Some(wire::time(before));
        }
        ManualRevocation::Serial { issuer_key, serial } => {
            shown.issuer_spki_sha256 = Some(issuer_key.to_string());
            shown.serial_number = Some(serial.to_string());
        }
    }
    shown
}
