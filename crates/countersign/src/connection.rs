//! How client commands find a controller, believe it, and prove who asks.

pub(crate) mod edgerc;
pub(crate) mod local;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use countersign_api::{Client, Credentials, EdgeGridCredentials, Timestamp};
use countersign_snapshot::Secret;
use countersign_tls::ApiClientIdentity;
use countersign_trust::Clock;

use crate::clock::SystemClock;
use crate::complaint::Complaint;
use crate::output::Output;
use crate::stopped_instance::StoppedInstance;

use edgerc::Edgerc;
use local::LocalConnection;

const TOKEN_VARIABLE: &str = "COUNTERSIGN_TOKEN";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// Which controller, and as whom. On the machine of a running instance nothing has to be given but its data directory, if it has another
/// name.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Connection")]
pub(crate) struct ConnectionOptions {
    /// The controller's address, such as https://control.example.com:8440; that of the instance on this machine when absent.
    #[arg(
        long,
        value_name = "URL",
        env = "COUNTERSIGN_API",
        hide_env_values = true,
        global = true
    )]
    api: Option<String>,
    /// CA certificates (PEM) that vouch for the controller; this machine's store when absent.
    #[arg(
        long,
        value_name = "FILE",
        env = "COUNTERSIGN_CACERT",
        hide_env_values = true,
        global = true
    )]
    cacert: Option<PathBuf>,
    /// A file with a bearer token. The environment variable COUNTERSIGN_TOKEN can have the token itself.
    #[arg(long, value_name = "FILE", global = true, conflicts_with = "edgerc")]
    token_file: Option<PathBuf>,
    /// A file with EdgeGrid credentials and, unless `--api` names one, the controller's host.
    #[arg(long, value_name = "FILE", global = true)]
    edgerc: Option<PathBuf>,
    /// A file with a client certificate and the certificates of its issuers (PEM), and its key unless `--client-key` names another file.
    #[arg(
        long,
        value_name = "FILE",
        env = "COUNTERSIGN_CLIENT_CERT",
        hide_env_values = true,
        global = true
    )]
    client_cert: Option<PathBuf>,
    /// The private key of `--client-cert` (PEM).
    #[arg(
        long,
        value_name = "FILE",
        env = "COUNTERSIGN_CLIENT_KEY",
        hide_env_values = true,
        global = true
    )]
    client_key: Option<PathBuf>,
    /// Which section of `--edgerc`.
    #[arg(long, value_name = "NAME", default_value = "default", global = true)]
    section: String,
    /// The data directory of the instance on this machine.
    #[arg(
        long,
        value_name = "DIR",
        env = "COUNTERSIGN_DATA_DIR",
        hide_env_values = true,
        default_value = "countersign-data",
        global = true
    )]
    data: PathBuf,
    /// For people or for programs.
    #[arg(long, short, value_enum, default_value_t = Output::Table, global = true)]
    output: Output,
}

/// A way to a controller that has not been tried yet.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) client: Client,
    pub(crate) output: Output,
    url: String,
}

impl Session {
    /// The controller's address.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl ConnectionOptions {
    /// Runs a command on a runtime of its own.
    pub(crate) fn run(
        &self,
        command: impl AsyncFnOnce(&Session) -> Result<ExitCode>,
    ) -> Result<ExitCode> {
        let session = self.session()?;
        block_on(async {
            command(&session)
                .await
                .map_err(|error| self.name_address(error, &session))
        })
    }

    pub(crate) fn output(&self) -> Output {
        self.output
    }

    /// The instance's directory on this machine.
    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    pub(crate) fn section(&self) -> &str {
        &self.section
    }

    /// The store of the instance on this machine, when it is meant and does not run.
    pub(crate) async fn stopped_instance(&self) -> Result<Option<StoppedInstance>> {
        if self.api.is_some() || self.edgerc.is_some() {
            return Ok(None);
        }
        StoppedInstance::open(&self.data).await
    }

    /// Finds address, authorities and credentials.
    pub(crate) fn session(&self) -> Result<Session> {
        let edgerc = match &self.edgerc {
            Some(path) => Some(Edgerc::read(path, &self.section)?),
            None => None,
        };
        let local = match (&self.api, &edgerc) {
            (None, None) => Some(LocalConnection::find(&self.data)?),
            _ => None,
        };
        let url = match (&self.api, &edgerc, &local) {
            (Some(url), _, _) => url.clone(),
            (None, Some(edgerc), _) => edgerc.url(),
            (None, None, Some(local)) => local.url.clone(),
            (None, None, None) => String::new(),
        };
        let credentials = self.credentials(edgerc, local.as_ref())?;
        let authority = match (&self.cacert, local) {
            (Some(path), _) => Some(path.clone()),
            (None, Some(local)) => local.authority,
            (None, None) => None,
        };
        let identity = match credentials {
            Credentials::Certificate => self.identity()?,
            _ => None,
        };
        let http = http_client(authority.as_deref(), identity.as_ref())?;
        let client = Client::new(http, &url, credentials)?;
        refuse_plain_text(&url)?;
        Ok(Session {
            client,
            output: self.output,
            url,
        })
    }

    /// What is named on the command line goes before the environment, and that before what this machine has. The local token goes to the
    /// local controller only.
    fn credentials(
        &self,
        edgerc: Option<Edgerc>,
        local: Option<&LocalConnection>,
    ) -> Result<Credentials> {
        if let Some(path) = &self.token_file {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            return Ok(token(&text).into());
        }
        if let Some(edgerc) = edgerc {
            return Ok(Credentials::EdgeGrid(EdgeGridCredentials {
                client_token: edgerc.client_token,
                access_token: edgerc.access_token,
                client_secret: edgerc.client_secret,
                now: || Timestamp::from_micros(SystemClock.now().as_micros()),
            }));
        }
        if self.client_cert.is_some() {
            return Ok(Credentials::Certificate);
        }
        match (std::env::var(TOKEN_VARIABLE), local) {
            (Ok(text), _) if !text.trim().is_empty() => Ok(token(&text).into()),
            (_, Some(local)) => Ok(Credentials::Bearer(local.token()?)),
            _ => Err(Complaint::new(
                "there is nothing to prove who asks",
                format!("set {TOKEN_VARIABLE}, or give `--token-file FILE`, `--edgerc FILE` or `--client-cert FILE`; `countersign api-client create` on the controller's machine makes or registers each of them"),
            )
            .into()),
        }
    }

    /// The certificate to answer with, and its key.
    fn identity(&self) -> Result<Option<Identity>> {
        let Some(path) = &self.client_cert else {
            return Ok(None);
        };
        let key_path = self.client_key.as_ref().unwrap_or(path);
        let read = |path: &Path| {
            std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
        };
        Ok(Some(Identity {
            path: path.clone(),
            chain: read(path)?,
            key: Secret::new(read(key_path)?),
        }))
    }

    /// Says which address could not be reached.
    fn name_address(&self, error: anyhow::Error, session: &Session) -> anyhow::Error {
        let unreachable = matches!(
            error.downcast_ref(),
            Some(countersign_api::ClientError::Transport(_))
        );
        if unreachable {
            error.context(format!("there is no answer from {}", session.url))
        } else {
            error
        }
    }
}

/// Runs something on a runtime of its own.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?
        .block_on(work)
}

/// A token as files have it: alone, or as the header that `curl -H @file` sends.
fn token(text: &str) -> String {
    let text = text.trim();
    let header = "authorization: bearer ";
    match text.get(..header.len()) {
        Some(start) if start.eq_ignore_ascii_case(header) => text
            .get(header.len()..)
            .unwrap_or_default()
            .trim()
            .to_owned(),
        _ => text.to_owned(),
    }
}

/// A client certificate as its files have it.
struct Identity {
    path: PathBuf,
    chain: Vec<u8>,
    key: Secret,
}

fn http_client(authority: Option<&Path>, identity: Option<&Identity>) -> Result<reqwest::Client> {
    let authorities = match authority {
        Some(path) => {
            Some(std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?)
        }
        None => None,
    };
    let clock = Arc::new(SystemClock);
    let shown = identity.map(|identity| ApiClientIdentity {
        chain: &identity.chain,
        key: &identity.key,
    });
    // First without the certificate, so that each complaint names its file.
    let tls = countersign_tls::api_client_config(authorities.as_deref(), None, clock.clone())
        .with_context(|| match authority {
            Some(path) => format!("{} cannot vouch for a controller", path.display()),
            None => "nobody can vouch for the controller; name its CA with `--cacert`".to_owned(),
        })?;
    let tls = match identity {
        None => tls,
        Some(identity) => countersign_tls::api_client_config(authorities.as_deref(), shown, clock)
            .with_context(|| {
                format!(
                    "{} cannot be used as a client certificate",
                    identity.path.display()
                )
            })?,
    };
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(REQUEST_TIMEOUT)
        // A controller redirects nobody, and credentials are for it alone.
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")))
        .build()
        .context("cannot make an HTTP client")
}

/// Credentials in the clear never leave this machine.
fn refuse_plain_text(url: &str) -> Result<()> {
    let url: reqwest::Url = url.parse()?;
    let host = url.host_str().unwrap_or_default();
    let is_loopback = host == "localhost"
        || host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback());
    if url.scheme() == "http" && !is_loopback {
        return Err(Complaint::new(
            format!("credentials are not sent to {url} in the clear"),
            "use https, or http to this machine only",
        )
        .into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_alone_and_as_a_header() {
        assert_eq!(token("csgn_abc\n"), "csgn_abc");
        assert_eq!(token("Authorization: Bearer csgn_abc\n"), "csgn_abc");
    }

    #[test]
    fn credentials_are_sent_in_the_clear_to_this_machine_only() {
        for good in [
            "https://control.example",
            "http://127.0.0.1:1",
            "http://[::1]:1",
            "http://localhost",
        ] {
            assert!(refuse_plain_text(good).is_ok(), "{good}");
        }
        for bad in [
            "http://control.example",
            "http://localhost.example",
            "http://10.0.0.1",
        ] {
            assert!(refuse_plain_text(bad).is_err(), "{bad}");
        }
    }
}
