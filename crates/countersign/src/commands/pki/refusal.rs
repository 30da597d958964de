//! What helps when nothing was issued.

use std::path::Path;

use anyhow::Error;
use countersign_pki::{IssueError, SigningRequestError};
use countersign_trust::UnixTime;

use crate::complaint::Complaint;

pub(super) fn not_issued(error: IssueError) -> Error {
    let hint = match &error {
        IssueError::NoNames => {
            "say under which names it is reached, each with `--san`, such as `--san www.example.com`"
        }
        IssueError::TooLong { .. } => {
            "give fewer `--days`, and issue another one before it ends; Apple's systems refuse servers beyond 825"
        }
        IssueError::Wildcard { .. } => "name the one client with `--san`, or leave it out",
        IssueError::OutlivesAuthority {
            authority_not_after,
            ..
        } => {
            let end = UnixTime::from_secs(*authority_not_after);
            return Complaint::new(
                format!("the certificate would outlive its authority, which ends at {end}"),
                "give fewer `--days`, or make a new authority with `countersign pki init --dir`",
            )
            .into();
        }
        IssueError::SubjectLength { .. } => "give a shorter name, of 64 characters at most",
        _ => return error.into(),
    };
    Complaint::new(error.to_string(), hint).into()
}

pub(super) fn not_signed(request: &Path, error: &SigningRequestError) -> Error {
    let hint = match error {
        SigningRequestError::WeakSignature { .. }
        | SigningRequestError::UnsupportedSignature { .. } => {
            "make it anew from the same key with `openssl req -new -sha256 -key KEY -out REQUEST`"
        }
        SigningRequestError::WeakKey { .. } | SigningRequestError::UnsupportedKey { .. } => {
            "make it anew with a better key: `openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout KEY -out REQUEST`"
        }
        _ => "make it anew with `openssl req -new -sha256 -key KEY -out REQUEST`",
    };
    Complaint::new(
        format!("{} cannot be signed: {error}", request.display()),
        hint,
    )
    .into()
}
