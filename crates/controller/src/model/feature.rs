//! Features: what an account may use, switched by its administrators.

use super::text_enum;

text_enum! {
    /// Something that an account may use or not.
    Feature {
        /// Mutual TLS in the settings of sites: who may come in, and what origins are shown.
        SiteConfigMtls = "site-config-mtls",
    }
}

impl Feature {
    /// What it is about, as a sentence.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::SiteConfigMtls => {
                "Sites have mutual TLS settings: client CAs downstream, a client credential upstream. Off: they are hidden and cannot be changed, and what is enforced stays."
            }
        }
    }
}
