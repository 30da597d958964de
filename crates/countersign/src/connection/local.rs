//! What a running instance leaves in its data directory, so that commands on the same machine need not be told anything.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use countersign_api::v1::SecretText;
use countersign_controller::{ApiClientKind, Caller, Controller, Credentials, NewApiClient, Role};
use serde::{Deserialize, Serialize};

use crate::complaint::Complaint;
use crate::data_dir::{DataDir, write_private};

const CONNECTION: &str = "api/local.json";
const TOKEN: &str = "api/local.token";
/// Its name in the list of API clients and in the audit log.
const CLIENT_NAME: &str = "local command line";

/// Where the instance of a data directory serves its API.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct LocalConnection {
    pub(crate) url: String,
    /// Who vouches for it, in the data directory; absent when the operator brought a certificate.
    pub(crate) authority: Option<PathBuf>,
    #[serde(skip)]
    token: PathBuf,
}

impl LocalConnection {
    /// Reads what the instance of the directory left at its start.
    pub(crate) fn find(data: &Path) -> Result<Self> {
        let path = data.join(CONNECTION);
        let Ok(bytes) = fs::read(&path) else {
            return Err(Complaint::new(
                format!(
                    "no controller is named, and no instance was started on {}",
                    data.display()
                ),
                "`--data DIR` (COUNTERSIGN_DATA_DIR) names the directory of the instance on this machine, `--api URL` (COUNTERSIGN_API) another controller",
            )
            .into());
        };
        let mut found: Self = serde_json::from_slice(&bytes)
            .with_context(|| format!("{} is damaged; the next start writes it", path.display()))?;
        found.authority = found.authority.map(|authority| data.join(authority));
        found.token = data.join(TOKEN);
        Ok(found)
    }

    /// The token that the instance made for this machine.
    pub(crate) fn token(&self) -> Result<SecretText> {
        fs::read_to_string(&self.token)
            .map(|text| SecretText::new(text.trim().to_owned()))
            .with_context(|| format!("cannot read {}", self.token.display()))
    }

    /// Leaves address, authority and a token for commands on this machine. Whoever can read them can read the instance's keys beside them.
    pub(crate) async fn write(
        data: &DataDir,
        url: String,
        has_authority: bool,
        controller: &Controller,
        caller: &Caller,
    ) -> Result<()> {
        let path = data.path(TOKEN);
        let known = match fs::read_to_string(&path) {
            Ok(token) => controller.api_clients().by_token(token.trim()).await?,
            Err(_) => None,
        };
        if known.is_none() {
            let new = NewApiClient {
                name: CLIENT_NAME.to_owned(),
                role: Role::Admin,
                kind: ApiClientKind::Bearer,
            };
            match controller.api_clients().create(caller, new).await? {
                (_, Credentials::Bearer { token }) => write_private(&path, token.expose())?,
                (_, Credentials::EdgeGrid { .. }) => bail!("a bearer token was asked for"),
            }
        }
        let connection = Self {
            url,
            authority: has_authority.then(|| PathBuf::from("api/ca.pem")),
            token: PathBuf::new(),
        };
        write_private(
            &data.path(CONNECTION),
            &serde_json::to_vec_pretty(&connection)?,
        )
    }
}
