//! What sites and edge certificates are told about clients that come without TLS.

use std::str::FromStr;

use clap::Args;
use countersign_api::v1::tls::{HttpsSettings, StrictTransportSecurity};

/// What is said to clients that come without TLS.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct HttpsOptions {
    /// Send requests without TLS to the same place over HTTPS, where the edge listens for them (`listen_http`).
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    https_redirect: Option<bool>,
    /// Tell browsers to come over TLS only for so many seconds (Strict-Transport-Security), or `off`.
    #[arg(long, value_name = "SECONDS")]
    hsts: Option<Hsts>,
    /// The same for all names below.
    #[arg(long, requires = "hsts")]
    hsts_include_subdomains: bool,
    /// Consent to the lists that browsers are delivered with.
    #[arg(long, requires = "hsts")]
    hsts_preload: bool,
}

/// For how long.
#[derive(Clone, Copy, Debug)]
enum Hsts {
    Off,
    Seconds(u32),
}

impl FromStr for Hsts {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "off" => Ok(Self::Off),
            _ => text.parse().map(Self::Seconds).map_err(|_| {
                "a number of seconds, such as 31536000 for a year, or `off`".to_owned()
            }),
        }
    }
}

impl HttpsOptions {
    /// Whether anything is told.
    pub(crate) const fn tells(&self) -> bool {
        self.https_redirect.is_some() || self.hsts.is_some()
    }

    /// What is not told stays.
    pub(crate) fn tell(&self, settings: &mut HttpsSettings) {
        if let Some(redirect) = self.https_redirect {
            settings.redirect = redirect;
        }
        match self.hsts {
            None => {}
            Some(Hsts::Off) => settings.strict_transport_security = None,
            Some(Hsts::Seconds(max_age_seconds)) => {
                settings.strict_transport_security = Some(StrictTransportSecurity {
                    max_age_seconds,
                    include_sub_domains: self.hsts_include_subdomains,
                    preload: self.hsts_preload,
                });
            }
        }
    }
}
