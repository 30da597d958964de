//! `countersign property create`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use countersign_api::v1::properties::{CloneFrom, PropertyInput};

use super::update::Edit;
use crate::connection::Session;

/// Makes a property with its version 1; nothing is enforced before it is activated.
///
/// For example: countersign property create shop --hostname www.example.com --origin main=https://10.0.0.5 --rules rules.json
#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Its name; it never changes.
    name: String,
    /// Begin with the origins and rules of this property's newest version.
    #[arg(long, value_name = "PROPERTY")]
    clone_from: Option<String>,
    /// The format of the rules, when none are given: `latest` or the date of the vendor's format.
    #[arg(long, value_name = "FORMAT", conflicts_with = "clone_from")]
    rule_format: Option<String>,
    #[command(flatten)]
    edit: Edit,
}

impl Create {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let client = &session.client;
        let edit = self.edit.read()?;
        let clone_from = match &self.clone_from {
            None => None,
            Some(typed) => {
                let source = super::find(client, typed).await?;
                Some(CloneFrom {
                    property_id: source.property_id,
                    version: source.latest_version,
                })
            }
        };
        let input = PropertyInput {
            property_name: self.name,
            rule_format: self.rule_format,
            clone_from,
        };
        let property = client.create_property(&input).await?;
        edit.apply(session, property, 1).await
    }
}
