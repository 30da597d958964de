//! `countersign api-client create`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use countersign_api::control::{ApiClientKind, ApiClientRequest, NewApiClient};
use countersign_api::v1::SecretText;
use countersign_controller::{
    Credentials, NewCertificateClient, OperatorCertificate, Role, api_client_document,
};
use countersign_trust::{Certificate, parse_bundle};

use crate::complaint::Complaint;
use crate::connection::ConnectionOptions;
use crate::connection::edgerc::Edgerc;
use crate::connection::local::LocalConnection;
use crate::data_dir::write_private;
use crate::output::Page;
use crate::stopped_instance::StoppedInstance;

/// Makes credentials. Their secret part is shown this once, or written to a file that only you can read.
#[derive(Debug, Args)]
pub(crate) struct Create {
    /// A name for the logs: 1 to 64 characters.
    name: String,
    /// viewer: sees; operator: prepares, activates on staging; approver: changes production; admin: decides who may call.
    #[arg(long, value_parser = ["viewer", "operator", "approver", "admin"])]
    role: String,
    /// How requests prove who sent them.
    #[arg(long, value_enum, default_value_t = Kind::Bearer)]
    kind: Kind,
    /// Register this client certificate (PEM), whoever made it; it is accepted as long as it is valid. Means `--kind certificate`.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["client_ca", "write_edgerc", "write_token"])]
    certificate: Option<PathBuf>,
    /// Accept every certificate with the subject `--subject` that one of these CAs (PEM) vouches for, so that it can be renewed. Means
    /// `--kind certificate`.
    #[arg(long, value_name = "FILE", requires = "subject", conflicts_with_all = ["write_edgerc", "write_token"])]
    client_ca: Option<PathBuf>,
    /// Such as `CN=alice,O=Example`; `openssl x509 -noout -subject -nameopt RFC2253 -in FILE` prints it.
    #[arg(long, value_name = "DN", requires = "client_ca")]
    subject: Option<String>,
    /// Put EdgeGrid credentials into this file (mode 0600), in the section `--section`; other sections stay. Means `--kind edgegrid`.
    #[arg(long, value_name = "FILE", conflicts_with = "write_token")]
    write_edgerc: Option<PathBuf>,
    /// Put the bearer token into this file (mode 0600) instead of showing it.
    #[arg(long, value_name = "FILE")]
    write_token: Option<PathBuf>,
    /// The controller's host and port for `--write-edgerc`, as its clients reach it.
    #[arg(long, value_name = "HOST", requires = "write_edgerc")]
    host: Option<String>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Kind {
    /// A token in the Authorization header.
    Bearer,
    /// Signed requests (EG1-HMAC-SHA256), as the vendor's clients send them.
    Edgegrid,
    /// A client certificate, registered with `--certificate`, or with `--client-ca` and `--subject`.
    Certificate,
}

impl Create {
    pub(super) async fn run(
        self,
        connection: &ConnectionOptions,
        stopped: Option<&StoppedInstance>,
    ) -> Result<ExitCode> {
        let has_certificate = self.certificate.is_some() || self.client_ca.is_some();
        let kind = match &self.write_edgerc {
            Some(_) => Kind::Edgegrid,
            None if has_certificate => Kind::Certificate,
            None => self.kind,
        };
        if kind == Kind::Certificate && !has_certificate {
            return Err(Complaint::new(
                "there is no certificate to register",
                "give `--certificate FILE`, or `--client-ca FILE` and `--subject DN`",
            )
            .into());
        }
        if self.write_token.is_some() && kind == Kind::Edgegrid {
            return Err(Complaint::new(
                "EdgeGrid credentials are no token",
                "`--write-edgerc FILE` writes them",
            )
            .into());
        }
        // Found out before anything is made.
        let host = match (&self.write_edgerc, &self.host) {
            (None, _) => String::new(),
            (Some(_), Some(host)) => host.clone(),
            (Some(_), None) => self.known_host(connection, stopped)?,
        };
        let mut made = match (stopped, kind) {
            (Some(stopped), Kind::Certificate) => self.register_in_store(stopped).await?,
            (Some(stopped), _) => self.in_store(stopped, kind).await?,
            (None, _) => {
                let request = ApiClientRequest {
                    name: self.name.clone(),
                    role: self.role.clone(),
                    kind: match kind {
                        Kind::Bearer => ApiClientKind::Bearer,
                        Kind::Edgegrid => ApiClientKind::Edgegrid,
                        Kind::Certificate => ApiClientKind::Certificate,
                    },
                    certificate: self.certificate.as_deref().map(certificates).transpose()?,
                    authorities: self.client_ca.as_deref().map(certificates).transpose()?,
                    subject: self.subject.clone(),
                };
                connection
                    .session()?
                    .client
                    .create_api_client(&request)
                    .await?
            }
        };
        let written = match self.write(&mut made, host, connection.section()) {
            Ok(written) => written,
            Err(error) => {
                // Nobody has them, so nobody is to need them.
                super::revoke(connection, stopped, &made.api_client.id).await?;
                return Err(error);
            }
        };
        connection.output().show(&made, || page(&made, written))?;
        Ok(ExitCode::SUCCESS)
    }

    /// Where the controller is, as far as this machine knows.
    fn known_host(
        &self,
        connection: &ConnectionOptions,
        stopped: Option<&StoppedInstance>,
    ) -> Result<String> {
        let url = match stopped {
            Some(_) => LocalConnection::find(connection.data())?.url,
            None => connection.session()?.url().to_owned(),
        };
        let url: reqwest::Url = url.parse().context("the controller's address is no URL")?;
        let host = url.host_str().unwrap_or_default();
        Ok(match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        })
    }

    async fn in_store(&self, stopped: &StoppedInstance, kind: Kind) -> Result<NewApiClient> {
        let new = countersign_controller::NewApiClient {
            name: self.name.clone(),
            role: self.role.parse::<Role>()?,
            kind: match kind {
                Kind::Bearer => countersign_controller::ApiClientKind::Bearer,
                Kind::Edgegrid => countersign_controller::ApiClientKind::EdgeGrid,
                Kind::Certificate => countersign_controller::ApiClientKind::Certificate,
            },
        };
        let clients = stopped.controller.api_clients();
        let (client, credentials) = clients.create(&stopped.caller(), new).await?;
        let text = |secret: &countersign_snapshot::Secret| {
            String::from_utf8_lossy(secret.expose()).into_owned()
        };
        let mut made = without_secrets(client);
        match credentials {
            Credentials::Bearer { token } => made.token = Some(text(&token)),
            Credentials::EdgeGrid {
                client_token,
                access_token,
                client_secret,
            } => {
                made.client_token = Some(client_token);
                made.access_token = Some(access_token);
                made.client_secret = Some(text(&client_secret));
            }
        }
        Ok(made)
    }

    async fn register_in_store(&self, stopped: &StoppedInstance) -> Result<NewApiClient> {
        let read = |path: &Path| -> Result<Vec<Certificate>> {
            let bundle = parse_bundle(certificates(path)?.as_bytes())?;
            Ok(bundle
                .certificates
                .into_iter()
                .map(|entry| entry.certificate)
                .collect())
        };
        let certificate = match (&self.certificate, &self.client_ca) {
            (Some(path), _) => {
                let first = read(path)?.into_iter().next();
                OperatorCertificate::Pinned(first.context("there is no certificate")?)
            }
            (None, Some(path)) => OperatorCertificate::Issued {
                authorities: read(path)?,
                subject: self.subject.clone().unwrap_or_default(),
            },
            (None, None) => bail!("there is no certificate to register"),
        };
        let new = NewCertificateClient {
            name: self.name.clone(),
            role: self.role.parse::<Role>()?,
            certificate,
        };
        let clients = stopped.controller.api_clients();
        let client = clients.register(&stopped.caller(), new).await?;
        Ok(without_secrets(client))
    }

    /// Puts the secret where it was wanted; what is in a file is not shown as well.
    fn write(
        &self,
        made: &mut NewApiClient,
        host: String,
        section: &str,
    ) -> Result<Option<String>> {
        if let (Some(path), Some(client_token), Some(access_token), Some(client_secret)) = (
            &self.write_edgerc,
            &made.client_token,
            &made.access_token,
            &made.client_secret,
        ) {
            let edgerc = Edgerc {
                host,
                client_token: client_token.clone(),
                access_token: access_token.clone(),
                client_secret: SecretText::new(client_secret.clone()),
            };
            edgerc.write(path, section)?;
            made.client_secret = None;
            return Ok(Some(format!("{} [{section}]", path.display())));
        }
        if let (Some(path), Some(token)) = (&self.write_token, &made.token) {
            write_private(path, format!("{token}\n").as_bytes())?;
            made.token = None;
            return Ok(Some(path.display().to_string()));
        }
        Ok(None)
    }
}

fn without_secrets(client: countersign_controller::ApiClient) -> NewApiClient {
    NewApiClient {
        api_client: api_client_document(client),
        token: None,
        client_token: None,
        access_token: None,
        client_secret: None,
    }
}

/// The certificates of a file, and not the key that people have beside them in the same file: it is no business of the controller's.
fn certificates(path: &Path) -> Result<String> {
    let text = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let text = String::from_utf8_lossy(&text);
    let mut kept = String::new();
    let mut is_kept = false;
    for line in text.lines() {
        is_kept |= line.starts_with("-----BEGIN ") && line.contains("CERTIFICATE-----");
        if is_kept {
            kept.push_str(line);
            kept.push('\n');
        }
        is_kept &= !line.starts_with("-----END ");
    }
    if kept.is_empty() {
        bail!("{} has no PEM certificate", path.display());
    }
    Ok(kept)
}

fn page(made: &NewApiClient, written: Option<String>) -> String {
    let client = &made.api_client;
    let mut page = Page::default();
    page.line("name", &client.name);
    page.line("id", &client.id);
    page.line("role", &client.role);
    if let Some(certificate) = &client.certificate {
        page.line("subject", &certificate.subject);
        match &certificate.fingerprint {
            Some(fingerprint) => page.line("sha-256", fingerprint),
            None => page.line("ca sha-256", &certificate.authorities.join(" ")),
        }
        page.line("until", &certificate.end_date.to_string());
        return page.into_text();
    }
    if let Some(place) = written {
        page.line("written to", &place);
        return page.into_text();
    }
    for (label, value) in [
        ("token", &made.token),
        ("client_token", &made.client_token),
        ("access_token", &made.access_token),
        ("client_secret", &made.client_secret),
    ] {
        if let Some(value) = value {
            page.line(label, value);
        }
    }
    page.line("", "It is not shown again.");
    page.into_text()
}
