//! What the commands about CA sets have in common.

pub(crate) mod diff;
pub(crate) mod files;
pub(crate) mod find;
pub(crate) mod impact;
pub(crate) mod wait;

use clap::ValueEnum;
use countersign_api::truststore;

/// One of the two networks.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Network {
    Production,
    Staging,
}

impl Network {
    pub(crate) const fn wire(self) -> truststore::Network {
        match self {
            Self::Production => truststore::Network::Production,
            Self::Staging => truststore::Network::Staging,
        }
    }
}

/// The name of a network as commands take it.
pub(crate) const fn network_name(network: truststore::Network) -> &'static str {
    match network {
        truststore::Network::Production => "production",
        truststore::Network::Staging => "staging",
    }
}
