//! The settings of edge certificates.

use countersign_api::v1::edge_certificates::EdgeCertificateSettings;
use countersign_snapshot::{ClientAuth, TlsPolicy};

use super::clients::mutual_authentication;
use super::https::{Https, https};
use super::tls::tls_policy;
use crate::app::ErrorItem;
use crate::app::input::Problems;

/// An edge certificate's settings, of which every value is known to be good.
#[derive(Clone, Debug)]
pub(crate) struct CheckedEdgeCertificate {
    pub(crate) tls: TlsPolicy,
    pub(crate) client_auth: ClientAuth,
    pub(crate) https: Https,
}

impl CheckedEdgeCertificate {
    /// Checks everything that can be checked without the store.
    ///
    /// # Errors
    /// Every problem found, each with its pointer.
    pub(crate) fn new(settings: &EdgeCertificateSettings) -> Result<Self, Vec<ErrorItem>> {
        let mut problems = Problems::default();
        let checked = Self {
            tls: tls_policy(settings.tls, "/settings/tls", &mut problems),
            client_auth: settings
                .mutual_authentication
                .as_ref()
                .map_or_else(ClientAuth::off, |mutual| {
                    mutual_authentication(mutual, &mut problems)
                }),
            https: https(settings.https, "/settings/https", &mut problems),
        };
        problems.or(checked)
    }
}
