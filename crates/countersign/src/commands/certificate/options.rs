//! What an edge certificate can be told, the same for `create` and `update`.

use anyhow::Result;
use clap::{Args, ValueEnum};
use countersign_api::Client;
use countersign_api::v1::edge_certificates::{EdgeCertificateSettings, MutualAuthentication};
use countersign_api::v1::tls::{
    CaList, CipherProfile, ClientCertificateMode, HttpVersions, TlsVersion,
};

use crate::ca_set::find;
use crate::commands::https::HttpsOptions;
use crate::complaint::Complaint;

/// How the edge speaks TLS with a certificate.
#[derive(Debug, Args)]
pub(crate) struct CertificateOptions {
    /// The CA sets whose clients are known, by name or id; with --mode off none is needed.
    #[arg(long, value_name = "SET")]
    ca_set: Vec<String>,
    /// Never ask clients for a certificate, ask and let rules decide, or fail the handshake without a valid one.
    #[arg(long, value_enum)]
    mode: Option<Mode>,
    /// Refuse clients whose certificate is known as revoked.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    ocsp: Option<bool>,
    /// Name the CAs to clients in the handshake, or none of them.
    #[arg(long, value_enum)]
    send_ca_list: Option<SendCaList>,
    /// The lowest TLS version to accept.
    #[arg(long, value_enum, value_name = "VERSION")]
    minimum_tls: Option<Tls>,
    /// The highest TLS version to accept.
    #[arg(long, value_enum, value_name = "VERSION")]
    maximum_tls: Option<Tls>,
    /// Which cipher suites.
    #[arg(long, value_enum)]
    ciphers: Option<Ciphers>,
    /// The HTTP versions to offer.
    #[arg(long, value_enum, value_name = "VERSIONS")]
    http_versions: Option<Http>,
    #[command(flatten)]
    https: HttpsOptions,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Mode {
    Off,
    Request,
    Require,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum SendCaList {
    All,
    None,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Tls {
    #[value(name = "1.2")]
    OneTwo,
    #[value(name = "1.3")]
    OneThree,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Ciphers {
    Compatible,
    Modern,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Http {
    #[value(name = "http1")]
    One,
    #[value(name = "http1-and-http2")]
    OneAndTwo,
    #[value(name = "http1-to-http3")]
    OneToThree,
}

impl CertificateOptions {
    /// What is not told stays.
    pub(super) async fn tell(
        &self,
        client: &Client,
        settings: &mut EdgeCertificateSettings,
    ) -> Result<()> {
        self.tell_tls(settings);
        self.https.tell(&mut settings.https);
        let tells_about_clients = !self.ca_set.is_empty()
            || self.mode.is_some()
            || self.ocsp.is_some()
            || self.send_ca_list.is_some();
        if !tells_about_clients {
            return Ok(());
        }
        if matches!(self.mode, Some(Mode::Off)) {
            settings.mutual_authentication = None;
            return Ok(());
        }
        let mut ca_sets = Vec::new();
        for set in &self.ca_set {
            ca_sets.push(find::ca_set(client, set).await?.ca_set_id);
        }
        let mut ca_sets = ca_sets.into_iter();
        let mut clients = match (ca_sets.next(), settings.mutual_authentication.take()) {
            (Some(ca_set_id), known) => MutualAuthentication {
                ca_set_id,
                additional_ca_set_ids: ca_sets.collect(),
                mode: known.as_ref().map_or_else(Default::default, |it| it.mode),
                send_ca_list: known
                    .as_ref()
                    .map_or_else(Default::default, |it| it.send_ca_list),
                ocsp: known.is_some_and(|it| it.ocsp),
            },
            (None, Some(known)) => known,
            (None, None) => {
                return Err(Complaint::new(
                    "clients are to be asked for certificates, and no CA set says whose",
                    "name one with `--ca-set`; `countersign ca-set list` shows what there is",
                )
                .into());
            }
        };
        clients.mode = match self.mode {
            Some(Mode::Off) | None => clients.mode,
            Some(Mode::Request) => ClientCertificateMode::Request,
            Some(Mode::Require) => ClientCertificateMode::Require,
        };
        clients.ocsp = self.ocsp.unwrap_or(clients.ocsp);
        clients.send_ca_list = match self.send_ca_list {
            None => clients.send_ca_list,
            Some(SendCaList::All) => CaList::All,
            Some(SendCaList::None) => CaList::None,
        };
        settings.mutual_authentication = Some(clients);
        Ok(())
    }

    fn tell_tls(&self, settings: &mut EdgeCertificateSettings) {
        let version = |tls| match tls {
            Tls::OneTwo => TlsVersion::Tls12,
            Tls::OneThree => TlsVersion::Tls13,
        };
        if let Some(tls) = self.minimum_tls {
            settings.tls.minimum_version = version(tls);
        }
        if let Some(tls) = self.maximum_tls {
            settings.tls.maximum_version = version(tls);
        }
        if let Some(ciphers) = self.ciphers {
            settings.tls.cipher_profile = match ciphers {
                Ciphers::Compatible => CipherProfile::Compatible,
                Ciphers::Modern => CipherProfile::Modern,
            };
        }
        if let Some(http) = self.http_versions {
            settings.tls.http_versions = match http {
                Http::One => HttpVersions::Http1,
                Http::OneAndTwo => HttpVersions::Http1AndHttp2,
                Http::OneToThree => HttpVersions::Http1ToHttp3,
            };
        }
    }
}
