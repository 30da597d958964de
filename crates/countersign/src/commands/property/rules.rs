//! `countersign property rules`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use serde_json::json;

use crate::connection::Session;

/// Prints the rule tree of a version as JSON; what is wrong with the version goes to standard error.
///
/// Exit code 1 when an error stands against activation.
#[derive(Debug, Args)]
pub(crate) struct Rules {
    /// The property's name or id.
    property: String,
    /// Which version; the newest when absent.
    version: Option<u32>,
}

impl Rules {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode> {
        let client = &session.client;
        let property = super::find(client, &self.property).await?;
        let number = self.version.unwrap_or(property.latest_version);
        let answer = client.property_rules(&property.property_id, number).await?;
        let is_bad = super::tell(&answer.errors, &answer.warnings);
        session.output.show(&answer, || {
            let mut tree = json!({"ruleFormat": answer.rule_format, "rules": answer.rules});
            if let (Some(comments), Some(fields)) = (&answer.comments, tree.as_object_mut()) {
                fields.insert("comments".to_owned(), comments.as_str().into());
            }
            format!("{tree:#}\n")
        })?;
        Ok(if is_bad {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        })
    }
}
