//! What a network says now.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use countersign_api::v1::explain::{ExplainRequest, Explanation};
use countersign_trust::to_pem;

use super::{Explain, offline, page};
use crate::complaint::Complaint;

pub(super) fn explain(command: &Explain) -> Result<ExitCode> {
    let request = ExplainRequest {
        network: Some(command.network.wire()),
        hostname: command.host.clone().unwrap_or_default(),
        server_name: command.server_name.clone(),
        certificate_pem: command.cert.as_deref().map(pem_of).transpose()?,
        method: Some(command.method.clone()),
        path: Some(command.path.clone()),
        headers: headers(&command.header)?,
        client_address: command.client_address.clone(),
        time: command.at.map(|at| at.to_string()),
    };
    command.connection.run(async |session| {
        let answer = session.client.explain(&request).await?;
        session.output.show(&answer, || page::text(&answer))?;
        Ok(exit_code(&answer))
    })
}

pub(super) fn exit_code(answer: &Explanation) -> ExitCode {
    if answer.decision.outcome == "refused" {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

/// The certificates of a file as the client sends them. A private key beside them stays here.
pub(super) fn pem_of(path: &Path) -> Result<String> {
    let chain = offline::client_chain(path)?;
    Ok(chain
        .iter()
        .map(|certificate| to_pem(certificate.der()))
        .collect())
}

pub(super) fn headers(lines: &[String]) -> Result<BTreeMap<String, String>> {
    lines
        .iter()
        .map(|line| match line.split_once(':') {
            Some((name, value)) => Ok((name.trim().to_owned(), value.trim().to_owned())),
            None => Err(Complaint::new(
                format!("`{line}` is no header"),
                "write a name, a colon and a value, such as 'Accept: text/html'",
            )
            .into()),
        })
        .collect()
}
