//! What a request brings along, judged before anything is made for it: problems are told where they were written.

use countersign_api::v1::sites::SiteInput;

use super::{CheckedSite, client_ca, client_credential};
use crate::app::input::invalid;
use crate::app::{ErrorCode, ServiceError};

const CERTIFICATE: &str = "/certificate";

/// Refuses settings that would be refused in any case.
///
/// # Errors
/// Every problem found, each with its pointer into the request.
pub(super) fn check(input: &SiteInput) -> Result<(), ServiceError> {
    let mut settings = input.settings.clone();
    // Where what is made for the request will be named, and where it was written. Any number does for what is not made yet.
    let mut written = Vec::new();
    if input.certificate.is_some() {
        if !settings.edge_certificate_ids.is_empty() {
            return Err(both(CERTIFICATE, "edgeCertificateIds"));
        }
        settings.edge_certificate_ids = vec!["1".to_owned()];
        written.push(("/edgeCertificateIds", CERTIFICATE));
    }
    if input.client_ca_pem.is_some() {
        if settings.mutual_authentication.is_none() {
            written.push(("/mutualAuthentication", client_ca::POINTER));
        }
        let clients = settings.mutual_authentication.get_or_insert_default();
        clients.ca_set_ids.push("1".to_owned());
    }
    if input.client_credential.is_some() {
        if settings.origin.client_credential_id.is_some() {
            return Err(both(
                client_credential::POINTER,
                "origin.clientCredentialId",
            ));
        }
        settings.origin.client_credential_id = Some("1".to_owned());
        written.push(("/origin/clientCredentialId", client_credential::POINTER));
    }
    let Err(mut problems) = CheckedSite::new(&settings) else {
        return Ok(());
    };
    for pointer in problems.iter_mut().filter_map(|it| it.pointer.as_mut()) {
        if let Some((_, place)) = written.iter().find(|(named, _)| pointer.starts_with(named)) {
            *pointer = (*place).to_owned();
        }
    }
    Err(invalid(problems))
}

fn both(pointer: &str, other: &str) -> ServiceError {
    ServiceError::new(
        ErrorCode::InvalidField,
        format!("Give either this or `{other}`, not both."),
    )
    .at(pointer)
}
