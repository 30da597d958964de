//! `countersign crl sources`.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, ValueEnum};
use countersign_api::v1::ocsp::{CertIdHash, Nonce, OcspResponder, RevocationSources};

use crate::ca_set::find;
use crate::connection::Session;
use crate::output::{Page, Table};

/// Shows or sets who may be asked about the revocation of a CA set's clients.
///
/// Any of the options replaces all that was set before.
#[derive(Debug, Args)]
pub(crate) struct Sources {
    /// The CA set's name or id.
    set: String,
    /// A host that may be asked when a certificate names it, as `ocsp.example.com`, `*.example.com` or `*`, with a port when it is not 80.
    #[arg(long, value_name = "HOST")]
    host: Vec<String>,
    /// An OCSP responder to ask instead of those that certificates name.
    #[arg(long, value_name = "URL")]
    responder: Vec<String>,
    /// Hosts and responders may be in a private network.
    #[arg(long)]
    private_network: bool,
    /// What is done about the nonce of a question.
    #[arg(long, value_enum)]
    nonce: Option<NonceOption>,
    /// The hash by which a question names a certificate.
    #[arg(long, value_enum)]
    cert_id_hash: Option<HashOption>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum NonceOption {
    /// None is sent.
    Off,
    /// One is sent, and another one is refused.
    Prefer,
    /// One is sent and has to come back.
    Require,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum HashOption {
    /// What every responder understands.
    Sha1,
    /// What newer responders understand.
    Sha256,
}

impl Sources {
    fn wanted(&self) -> Option<RevocationSources> {
        let says_nothing = self.host.is_empty()
            && self.responder.is_empty()
            && !self.private_network
            && self.nonce.is_none()
            && self.cert_id_hash.is_none();
        if says_nothing {
            return None;
        }
        Some(RevocationSources {
            hosts: self.host.clone(),
            private_network: self.private_network,
            responders: self
                .responder
                .iter()
                .map(|url| OcspResponder {
                    url: url.clone(),
                    private_network: self.private_network,
                    issuer_spki_sha256: None,
                })
                .collect(),
            nonce: match self.nonce {
                Some(NonceOption::Off) => Nonce::Off,
                Some(NonceOption::Require) => Nonce::Require,
                Some(NonceOption::Prefer) | None => Nonce::Prefer,
            },
            cert_id_hash: match self.cert_id_hash {
                Some(HashOption::Sha256) => CertIdHash::Sha256,
                Some(HashOption::Sha1) | None => CertIdHash::Sha1,
            },
        })
    }

    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let client = &session.client;
        let set = find::ca_set(client, &self.set).await?;
        let shown = match self.wanted() {
            Some(wanted) => {
                client
                    .set_revocation_sources(&set.ca_set_id, &wanted)
                    .await?
            }
            None => client.revocation_sources(&set.ca_set_id).await?,
        };
        session.output.show(&shown, || page(&shown))?;
        Ok(ExitCode::SUCCESS)
    }
}

fn page(sources: &RevocationSources) -> String {
    let network = |private: bool| if private { "may be private" } else { "public" };
    let mut page = Page::default();
    let hosts = if sources.hosts.is_empty() {
        "those that the CA set's own certificates name".to_owned()
    } else {
        sources.hosts.join(", ")
    };
    page.line("hosts", &hosts);
    page.line("network", network(sources.private_network));
    page.line(
        "nonce",
        match sources.nonce {
            Nonce::Off => "off",
            Nonce::Prefer => "prefer",
            Nonce::Require => "require",
        },
    );
    page.line(
        "named by",
        match sources.cert_id_hash {
            CertIdHash::Sha1 => "SHA-1",
            CertIdHash::Sha256 => "SHA-256",
        },
    );
    let mut table = Table::new(
        ["RESPONDER", "NETWORK", "ONLY FOR THE KEY"],
        "responders are those that certificates name",
    );
    for responder in &sources.responders {
        table.row([
            responder.url.clone(),
            network(responder.private_network).to_owned(),
            responder.issuer_spki_sha256.clone().unwrap_or_default(),
        ]);
    }
    page.table(&table);
    page.into_text()
}
