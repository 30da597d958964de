//! `countersign api-client create`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use countersign_api::control::{ApiClientKind, ApiClientRequest, NewApiClient};
use countersign_api::v1::SecretText;
use countersign_controller::{Credentials, Role};

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
}

impl Create {
    pub(super) async fn run(
        self,
        connection: &ConnectionOptions,
        stopped: Option<&StoppedInstance>,
    ) -> Result<ExitCode> {
        let kind = match &self.write_edgerc {
            Some(_) => Kind::Edgegrid,
            None => self.kind,
        };
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
        let mut made = match stopped {
            Some(stopped) => self.in_store(stopped, kind).await?,
            None => {
                let request = ApiClientRequest {
                    name: self.name.clone(),
                    role: self.role.clone(),
                    kind: match kind {
                        Kind::Bearer => ApiClientKind::Bearer,
                        Kind::Edgegrid => ApiClientKind::Edgegrid,
                    },
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
            },
        };
        let clients = stopped.controller.api_clients();
        let (client, credentials) = clients.create(&stopped.caller(), new).await?;
        let text = |secret: &countersign_snapshot::Secret| {
            String::from_utf8_lossy(secret.expose()).into_owned()
        };
        let mut made = NewApiClient {
            api_client: super::show(client),
            token: None,
            client_token: None,
            access_token: None,
            client_secret: None,
        };
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

fn page(made: &NewApiClient, written: Option<String>) -> String {
    let client = &made.api_client;
    let mut page = Page::default();
    page.line("name", &client.name);
    page.line("id", &client.id);
    page.line("role", &client.role);
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
