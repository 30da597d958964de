//! Which CRL tells about which certificate (RFC 5280 §6.3.3).

use super::crl::{Crl, IssuingDistributionPoint};
use crate::certificate::{DistributionPoint, RevocationReasons};
use crate::{Certificate, DistinguishedName, GeneralName};

/// A distribution point of a certificate, or the one that every certificate has by default.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point<'a> {
    pub(super) certificate: &'a Certificate,
    /// `None` is RFC 5280 §6.3.3, last paragraph: "assume a DP with both the reasons and the cRLIssuer fields omitted and a distribution point
    /// name of the certificate issuer".
    pub(super) point: Option<&'a DistributionPoint>,
}

impl<'a> Point<'a> {
    /// The distribution points of a certificate, and the default one last.
    pub(super) fn all(certificate: &'a Certificate) -> impl Iterator<Item = Self> {
        certificate
            .crl_distribution_points()
            .iter()
            .map(Some)
            .chain([None])
            .map(move |point| Point { certificate, point })
    }

    /// Whose CRLs are asked for.
    pub(super) fn crl_issuers(&self) -> Vec<&'a DistinguishedName> {
        match self.point {
            Some(point) if !point.crl_issuer.is_empty() => point
                .crl_issuer
                .iter()
                .filter_map(|name| match name {
                    GeneralName::DirectoryName(name) => Some(name),
                    _ => None,
                })
                .collect(),
            _ => vec![self.certificate.issuer()],
        }
    }

    /// For which reasons the CRL tells about the certificate at this point; `None` when it does not.
    pub(super) fn covered_by(&self, crl: &Crl) -> Option<RevocationReasons> {
        let distribution = crl.distribution();
        let reasons = self
            .point
            .and_then(|point| point.reasons)
            .unwrap_or(RevocationReasons::ALL);
        if !self.issuer_fits(crl) {
            return None;
        }
        let Some(distribution) = distribution else {
            return Some(reasons);
        };
        if !self.name_fits(distribution, crl.issuer()) {
            return None;
        }
        // (b)(2)(ii) to (iv)
        let is_ca = self
            .certificate
            .basic_constraints()
            .is_some_and(|constraints| constraints.ca);
        if distribution.only_attribute_certificates
            || (distribution.only_user_certificates && is_ca)
            || (distribution.only_ca_certificates && !is_ca)
        {
            return None;
        }
        // (d)
        Some(match distribution.only_some_reasons {
            Some(some) => reasons.intersection(some),
            None => reasons,
        })
    }

    /// (b)(1): "If the DP includes cRLIssuer, then verify that the issuer field in the complete CRL matches cRLIssuer in the DP and that the
    /// complete CRL contains an issuing distribution point extension with the indirectCRL boolean asserted. Otherwise, verify that the CRL
    /// issuer matches the certificate issuer."
    fn issuer_fits(&self, crl: &Crl) -> bool {
        match self.point {
            Some(point) if !point.crl_issuer.is_empty() => {
                self.crl_issuers().contains(&crl.issuer())
                    && crl
                        .distribution()
                        .is_some_and(|distribution| distribution.indirect)
            }
            _ => crl.issuer() == self.certificate.issuer(),
        }
    }

    /// (b)(2)(i): when the CRL names its distribution point, one of its names must be one of the certificate's. All distribution points of
    /// a certificate are tried, not the first one only (RUSTSEC-2026-0049).
    fn name_fits(
        &self,
        distribution: &IssuingDistributionPoint,
        crl_issuer: &DistinguishedName,
    ) -> bool {
        let Some(crl_name) = &distribution.name else {
            return true;
        };
        let crl_names = crl_name.names(crl_issuer);
        let own_names = match self.point {
            Some(point) => match &point.name {
                Some(name) => name.names(
                    point
                        .crl_issuer
                        .iter()
                        .find_map(|name| match name {
                            GeneralName::DirectoryName(name) => Some(name),
                            _ => None,
                        })
                        .unwrap_or(self.certificate.issuer()),
                ),
                None => point.crl_issuer.clone(),
            },
            None => vec![GeneralName::DirectoryName(
                self.certificate.issuer().clone(),
            )],
        };
        crl_names.iter().any(|name| own_names.contains(name))
    }
}
