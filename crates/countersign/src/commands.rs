//! The commands, one file each; the doc comment of a command is its help.

pub(crate) mod api_client;
pub(crate) mod apply;
pub(crate) mod audit;
pub(crate) mod ca_set;
pub(crate) mod certificate;
pub(crate) mod client_credential;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod crl;
pub(crate) mod explain;
pub(crate) mod feature;
pub(crate) mod forwarding_key;
pub(crate) mod https;
pub(crate) mod logs;
pub(crate) mod pki;
pub(crate) mod property;
pub(crate) mod quickstart;
pub(crate) mod revoke;
pub(crate) mod serve;
pub(crate) mod site;
