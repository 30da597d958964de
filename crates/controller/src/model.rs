//! What the services speak of: plain data that the store fills and the API shows.

mod activation;
mod ageing;
mod api_client;
mod ca_set;
mod caller;
mod client_credential;
mod crl;
mod deployment;
mod feature;
mod forwarding_key;
mod ocsp;
mod presented;
mod property;
mod revocation;
mod site;
mod warning;

pub use activation::{Activation, ActivationId, ActivationKind, ActivationStatus};
pub(crate) use ageing::AgeingData;
pub use api_client::{ApiClient, ApiClientKind, OperatorCertificate};
pub use ca_set::{
    Activity, ActivityKind, Association, AssociationKind, AssociationStatus, CaSet, CaSetStatus,
    Deletion, HeldCertificate, Version, VersionStatus,
};
pub use caller::{AccountId, Caller, ParseRoleError, Role};
pub(crate) use client_credential::CredentialReference;
pub use client_credential::{ClientCredential, CredentialId, CredentialVersion};
pub use crl::{CrlSource, CrlState, HeldCrl};
pub(crate) use deployment::Deployable;
pub use deployment::{Deployed, Deployment, DeploymentAction, DeploymentId, DeploymentKind};
pub use feature::Feature;
pub use forwarding_key::ForwardingKey;
pub use ocsp::{AskedCertificate, HeldAnswer, Says};
pub use presented::Presented;
pub use property::{Property, PropertyId, PropertyVersion};
pub(crate) use revocation::revocation_reason;
pub use revocation::{REVOCATION_REASONS, Revocation, RevocationId};
pub use site::{EdgeCertificate, EdgeCertificateId, KeyPair, KeyPairId, KeyRequest, Site, SiteId};
pub use warning::Warning;

/// Makes an enum whose values have one text each, stored and shown.
macro_rules! text_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum $name { $($(#[$variant_doc])* $variant,)+ }

        impl $name {
            /// All values.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The text of the value, in the store and on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// The value with that text.
            #[must_use]
            pub fn from_text(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}
use text_enum;

/// Makes a type for the numbers that the store gives to things of one kind.
macro_rules! row_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name(i64);

        impl $name {
            /// Wraps a stored number.
            #[must_use]
            pub const fn new(number: i64) -> Self {
                Self(number)
            }

            /// The number.
            #[must_use]
            pub const fn number(self) -> i64 {
                self.0
            }

            /// Reads the decimal form.
            #[must_use]
            pub fn from_text(text: &str) -> Option<Self> {
                let number = text.parse().ok().filter(|number| *number > 0)?;
                (Self(number).to_string() == text).then_some(Self(number))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(&self.0, f)
            }
        }
    };
}
use row_id;
