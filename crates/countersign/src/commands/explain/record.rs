//! From a line of an access log to what the network says now.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_api::truststore::Network;
use countersign_api::v1::explain::{ExplainRequest, Explanation};
use countersign_trust::{Fingerprint, Reason, to_pem};
use serde_json::{Value, json};

use super::network::{exit_code, headers, pem_of};
use super::{Explain, page};
use crate::access_log::{LINE_MAX_BYTES, read_line};
use crate::complaint::Complaint;
use crate::output::Page;

pub(super) fn explain(command: &Explain) -> Result<ExitCode> {
    let path = command.log_record.as_deref().unwrap_or(Path::new("-"));
    let found = Found::read(path, command.request_id.as_deref())?;
    let request = request(command, &found)?;
    let Some(request) = request else {
        // Nothing else can be asked: the client named no server.
        let output = command.connection.output();
        let answer = json!({ "record": found.record, "explanation": null });
        output.show(&answer, || recorded(&found.record, None))?;
        return Ok(ExitCode::FAILURE);
    };
    command.connection.run(async |session| {
        let explanation = session.client.explain(&request).await?;
        let answer = json!({ "record": found.record, "explanation": explanation });
        session.output.show(&answer, || {
            let page = page::text(&explanation);
            format!("{}\n{page}", recorded(&found.record, Some(&explanation)))
        })?;
        Ok(exit_code(&explanation))
    })
}

/// A record and the chain that its client showed.
struct Found {
    record: Value,
    /// DER, the client's own certificate first; empty when no record has it.
    chain: Vec<Vec<u8>>,
}

impl Found {
    /// Looks through a log for the record; the chain is in the first refusal of its connection.
    fn read(path: &Path, id: Option<&str>) -> Result<Self> {
        let input: Box<dyn BufRead> = if path == Path::new("-") {
            Box::new(io::stdin().lock())
        } else {
            let file =
                File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
            Box::new(BufReader::new(file))
        };
        Self::find(input, id)
    }

    fn find(mut input: impl BufRead, id: Option<&str>) -> Result<Self> {
        let mut found: Option<Value> = None;
        let mut chains: Vec<(String, Vec<Vec<u8>>)> = Vec::new();
        let mut line = Vec::new();
        while read_line(&mut input, &mut line).context("cannot read the log")? {
            let Ok(record) = serde_json::from_slice::<Value>(&line) else {
                continue;
            };
            if let Some(chain) = chain_of(&record) {
                let sha256 = text(&record, "client_certificate_sha256").to_owned();
                // A log may be long; the chains of the last clients are enough.
                const CHAINS_MAX: usize = 1_000;
                chains.retain(|(known, _)| *known != sha256);
                if chains.len() == CHAINS_MAX {
                    chains.remove(0);
                }
                chains.push((sha256, chain));
            }
            let is_it = match id {
                Some(id) => text(&record, "request_id") == id,
                None => record.get("reason").is_some_and(Value::is_string),
            };
            if is_it {
                found = Some(record);
            }
        }
        let record = found.ok_or_else(|| match id {
            Some(id) => Complaint::new(
                format!("no record has the request id `{id}`"),
                "look into the rotated files too: `cat access.log.1 access.log | countersign explain --log-record -`",
            ),
            None => Complaint::new(
                format!("there is no refusal among the lines of at most {LINE_MAX_BYTES} bytes"),
                "give the lines of an access log, as the edge writes them",
            ),
        })?;
        let sha256 = text(&record, "client_certificate_sha256");
        let chain = chains
            .into_iter()
            .find(|(known, _)| !sha256.is_empty() && known == sha256)
            .map(|(_, chain)| chain)
            .unwrap_or_default();
        Ok(Self { record, chain })
    }
}

/// The chain that a record holds.
fn chain_of(record: &Value) -> Option<Vec<Vec<u8>>> {
    let chain = record.get("client_chain")?.as_array()?;
    chain
        .iter()
        .map(|certificate| STANDARD.decode(certificate.as_str()?).ok())
        .collect()
}

fn text<'r>(record: &'r Value, field: &str) -> &'r str {
    record
        .get(field)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// What to ask; `None` when the client named no server.
fn request(command: &Explain, found: &Found) -> Result<Option<ExplainRequest>> {
    let record = &found.record;
    let filled = |field: &str| Some(text(record, field)).filter(|text| !text.is_empty());
    let Some(hostname) = filled("host").or_else(|| filled("server_name")) else {
        return Ok(None);
    };
    let certificate_pem = match &command.cert {
        Some(path) => Some(pem_of(path)?),
        None if found.chain.is_empty() => None,
        None => Some(found.chain.iter().map(|der| to_pem(der)).collect()),
    };
    check_certificate(command, found)?;
    Ok(Some(ExplainRequest {
        network: Some(match text(record, "network") {
            "staging" => Network::Staging,
            _ => Network::Production,
        }),
        hostname: hostname.to_owned(),
        server_name: filled("server_name").map(str::to_owned),
        certificate_pem,
        method: filled("method").map(str::to_owned),
        path: filled("path").map(str::to_owned),
        headers: headers(&command.header)?,
        client_address: filled("client_address").map(str::to_owned),
        time: command
            .at
            .map(|at| at.to_string())
            .or_else(|| filled("time").map(str::to_owned)),
    }))
}

/// The certificate has to be the one that the record speaks of.
fn check_certificate(command: &Explain, found: &Found) -> Result<()> {
    let wanted = text(&found.record, "client_certificate_sha256");
    if wanted.is_empty() {
        return Ok(());
    }
    let Some(path) = &command.cert else {
        if found.chain.is_empty() {
            return Err(Complaint::new(
                format!("the record speaks of the certificate with the SHA-256 {wanted} and does not hold it"),
                "give the log from the first refusal of that client on, or the certificate with `--cert FILE`",
            )
            .into());
        }
        return Ok(());
    };
    let given = super::offline::client_chain(path)?;
    let given = given.first().map(|leaf| leaf.fingerprint());
    if given
        .map(|sha256: Fingerprint| sha256.to_string())
        .as_deref()
        == Some(wanted)
    {
        return Ok(());
    }
    Err(Complaint::new(
        format!(
            "{} is not the certificate of the record, which has the SHA-256 {wanted}",
            path.display()
        ),
        "without `--cert` the certificate is taken from the log",
    )
    .into())
}

/// What the record itself says.
fn recorded(record: &Value, now: Option<&Explanation>) -> String {
    let mut page = Page::default();
    let id = text(record, "request_id");
    let of = text(record, "client_address");
    page.line(
        "record",
        &format!(
            "{} {} from {of} {id}",
            text(record, "time"),
            text(record, "event")
        ),
    );
    let code = text(record, "reason");
    if !code.is_empty() {
        page.line("reason", code);
    }
    let detail = text(record, "detail");
    if !detail.is_empty() {
        page.line("cause", detail);
    }
    if let Some(reason) = Reason::from_code(code) {
        if detail.is_empty() {
            page.line("cause", reason.sentence());
        }
        page.line("remedy", reason.remedy());
    }
    if let Some(now) = now {
        let generation = record.get("generation").and_then(Value::as_u64);
        if generation.is_some() && generation != now.generation {
            page.line(
                "since then",
                &format!(
                    "the network went from generation {} to {}; what follows is what it says now",
                    generation.unwrap_or_default(),
                    now.generation.unwrap_or_default()
                ),
            );
        }
    }
    page.into_text()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(log: &str, id: Option<&str>) -> Result<Found> {
        Found::find(log.as_bytes(), id)
    }

    #[test]
    fn the_last_refusal_is_found_or_the_one_with_the_id() {
        let log = concat!(
            "not json\n",
            r#"{"event":"request","request_id":"a","reason":"expired","client_certificate_sha256":"1","client_chain":["AAE="]}"#,
            "\n",
            r#"{"event":"request","request_id":"b","reason":"missing"}"#,
            "\n",
            r#"{"event":"request","request_id":"c","reason":null}"#,
            "\n",
            r#"{"event":"request","request_id":"d","reason":"expired","client_certificate_sha256":"1"}"#,
        );
        let last = find(log, None).unwrap();
        assert_eq!(text(&last.record, "request_id"), "d");
        assert_eq!(last.chain, [vec![0, 1]], "from the client's first refusal");
        assert_eq!(
            text(&find(log, Some("b")).unwrap().record, "reason"),
            "missing"
        );
        assert!(find(log, Some("x")).is_err());
        assert!(find("{}\n", None).is_err());
    }
}
