//! The demo of the quickstart: made through the same services that the API uses, and left alone once it is there.

mod origin;
mod pki;
pub(crate) mod story;

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use countersign_api::v1::edge_certificates::CertificateUpload;
use countersign_api::v1::sites::{SiteInput, SiteMutualAuthentication, SiteOrigin, SiteSettings};
use countersign_api::v1::{Network as ApiNetwork, SecretText};
use countersign_controller::{
    ActivationKind, ActivationStatus, ApiClientKind, CaSetFilter, Caller, Controller, Credentials,
    NewApiClient, NewCaSet, NewVersion, Role, SubmittedCertificate,
};
use countersign_snapshot::{CaSetId, Network, VersionNumber};
use countersign_trust::{Clock, Sha1Signatures};
use serde_json::json;

use crate::clock::SystemClock;
use crate::data_dir::write_private;
use crate::instance::Instance;

use origin::DemoOrigin;
use pki::{DemoPki, HOSTNAME};

const NAME: &str = "demo";
/// In process an activation takes milliseconds; one that takes this long will not come.
const ACTIVATION_DEADLINE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(10);

/// The demo as it stands.
#[derive(Debug)]
pub(crate) struct Demo {
    pki: DemoPki,
    ca_set: CaSetId,
    is_new: bool,
    _origin: DemoOrigin,
}

impl Demo {
    /// Makes what is missing: files, the origin, the CA set with version 1 active on both networks, the site.
    ///
    /// Every step looks first, so that a start after a crash goes on where the last one ended. Once the site is there nothing is changed
    /// any more but the address of the origin: what the user did to the demo is the user's.
    pub(crate) async fn set_up(instance: &Instance, origin: SocketAddr) -> Result<Self> {
        let origin = DemoOrigin::start(origin)
            .await
            .with_context(|| format!("the demo's origin cannot listen at {origin}"))?;
        let now = SystemClock.now();
        let pki = DemoPki::open_or_make(&instance.data().dir("demo")?, now)?;
        let demo = Setup {
            controller: instance.control()?.controller(),
            caller: Caller::internal(instance.account(), "quickstart"),
            pki: &pki,
        };
        demo.write_authorization().await?;
        let ca_set = demo.ca_set().await?;
        let is_new = demo.site(ca_set, origin.address()).await?;
        demo.write_version_2()?;
        Ok(Self {
            pki,
            ca_set,
            is_new,
            _origin: origin,
        })
    }

    /// Where the files are.
    pub(crate) fn dir(&self) -> &Path {
        self.pki.dir()
    }

    pub(crate) fn ca_set(&self) -> CaSetId {
        self.ca_set
    }

    /// Whether this start made it.
    pub(crate) fn is_new(&self) -> bool {
        self.is_new
    }
}

struct Setup<'a> {
    controller: &'a Controller,
    caller: Caller,
    pki: &'a DemoPki,
}

impl Setup<'_> {
    /// A header file for `curl -H @file` with a token of its own.
    async fn write_authorization(&self) -> Result<()> {
        let path = self.pki.path("authorization");
        if path.exists() {
            return Ok(());
        }
        let new = NewApiClient {
            name: "quickstart".to_owned(),
            role: Role::Approver,
            kind: ApiClientKind::Bearer,
        };
        let clients = self.controller.api_clients();
        match clients.create(&self.caller, new).await? {
            (_, Credentials::Bearer { token }) => {
                let header = [b"Authorization: Bearer ", token.expose(), b"\n"].concat();
                write_private(&path, &header)
            }
            (_, Credentials::EdgeGrid { .. }) => bail!("a bearer token was asked for"),
        }
    }

    async fn ca_set(&self) -> Result<CaSetId> {
        let controller = self.controller;
        let filter = CaSetFilter {
            name_prefix: Some(NAME.to_owned()),
            ..CaSetFilter::default()
        };
        let known = controller.ca_sets().list(&self.caller, &filter).await?;
        if let Some(set) = known.into_iter().find(|set| set.name == NAME) {
            return Ok(set.id);
        }
        let new = NewCaSet {
            name: NAME.to_owned(),
            description: Some("Made by the quickstart".to_owned()),
        };
        Ok(controller.ca_sets().create(&self.caller, new).await?.id)
    }

    /// Makes the site unless it is there. Returns whether it was made.
    async fn site(&self, ca_set: CaSetId, origin: SocketAddr) -> Result<bool> {
        let sites = self.controller.sites();
        let url = format!("http://{origin}");
        let known = sites.list(&self.caller).await?;
        if let Some(mut site) = known.into_iter().find(|site| site.name == NAME) {
            if site.settings.origin.url != url {
                site.settings.origin.url = url;
                let input = SiteInput {
                    deploy_to: vec![ApiNetwork::Staging, ApiNetwork::Production],
                    settings: site.settings,
                    ..SiteInput::default()
                };
                sites.replace(&self.caller, site.id, &input).await?;
                sites.settled(&self.caller, site.id).await?;
            }
            return Ok(false);
        }
        self.activate(ca_set).await?;
        let input = SiteInput {
            name: Some(NAME.to_owned()),
            certificate: Some(CertificateUpload {
                certificate_pem: self.pki.read("server.pem")?,
                private_key_pem: SecretText::new(self.pki.read("server.key")?),
            }),
            deploy_to: vec![ApiNetwork::Staging, ApiNetwork::Production],
            client_ca_pem: None,
            client_credential: None,
            settings: SiteSettings {
                hostnames: vec![HOSTNAME.to_owned()],
                mutual_authentication: Some(SiteMutualAuthentication {
                    ca_set_ids: vec![ca_set.to_string()],
                    open_paths: vec!["/open/*".to_owned()],
                    ..SiteMutualAuthentication::default()
                }),
                forward_identity: vec!["RFC9440".to_owned()],
                origin: SiteOrigin {
                    url,
                    ..SiteOrigin::default()
                },
                ..SiteSettings::default()
            },
        };
        let (site, _) = sites.create(&self.caller, &input).await?;
        sites.settled(&self.caller, site.id).await?;
        Ok(true)
    }

    /// Version 1 with the demo's root, active on both networks.
    async fn activate(&self, ca_set: CaSetId) -> Result<()> {
        let controller = self.controller;
        let set = controller.ca_sets().find(&self.caller, ca_set).await?;
        let first = VersionNumber::new(1);
        if set.latest_version.is_none() {
            let new = NewVersion {
                description: Some("Trusts the demo's root".to_owned()),
                sha1: Sha1Signatures::Refuse,
                certificates: vec![SubmittedCertificate {
                    text: self.pki.read("ca.pem")?,
                    description: None,
                }],
            };
            controller
                .versions()
                .create(&self.caller, ca_set, new)
                .await?;
        }
        for (network, active) in [
            (Network::Staging, set.staging_version),
            (Network::Production, set.production_version),
        ] {
            if active.is_none() {
                self.activate_on(ca_set, first, network).await?;
            }
        }
        Ok(())
    }

    async fn activate_on(
        &self,
        ca_set: CaSetId,
        version: VersionNumber,
        network: Network,
    ) -> Result<()> {
        let activations = self.controller.activations();
        let known = activations
            .list(&self.caller, ca_set, Some(version))
            .await?;
        let running = known
            .into_iter()
            .find(|known| known.network == network && known.status == ActivationStatus::InProgress);
        let activation = match running {
            Some(activation) => activation,
            None => {
                activations
                    .request(
                        &self.caller,
                        ca_set,
                        version,
                        network,
                        ActivationKind::Activate,
                    )
                    .await?
            }
        };
        let finished = tokio::time::timeout(ACTIVATION_DEADLINE, async {
            loop {
                let now = activations
                    .find(&self.caller, ca_set, version, activation.id)
                    .await?;
                match now.status {
                    ActivationStatus::InProgress => tokio::time::sleep(POLL).await,
                    ActivationStatus::Complete => return Ok(()),
                    ActivationStatus::Failed => bail!(
                        "the demo's CA set cannot be activated on {network}: {}",
                        now.failure_reason.unwrap_or_default()
                    ),
                }
            }
        });
        finished
            .await
            .with_context(|| format!("the activation on {network} does not end"))?
    }

    /// The body for the story's second version, which holds another CA.
    fn write_version_2(&self) -> Result<()> {
        let body = json!({
            "allowInsecureSha1": false,
            "description": "Trusts somebody else",
            "certificates": [{ "certificatePem": self.pki.read("other-ca.pem")? }],
        });
        write_private(
            &self.pki.path("version-2.json"),
            body.to_string().as_bytes(),
        )
    }
}
