//! From what was typed to a CA set and a version.

use std::str::FromStr;

use anyhow::Result;
use countersign_api::truststore::CaSet;
use countersign_api::{CaSetQuery, Client};

use crate::complaint::Complaint;
use crate::nearest::nearest;

/// The CA set with that name, or else with that id. Deleted ones are found by id only, since their names are free again.
pub(crate) async fn ca_set(client: &Client, typed: &str) -> Result<CaSet> {
    let known = client.ca_sets(&CaSetQuery::default()).await?.ca_sets;
    let by_name = known.iter().find(|set| set.ca_set_name == typed);
    let found = by_name.or_else(|| known.iter().find(|set| set.ca_set_id == typed));
    if let Some(set) = found {
        return Ok(set.clone());
    }
    if typed.bytes().all(|byte| byte.is_ascii_digit()) && !typed.is_empty() {
        return Ok(client.ca_set(typed).await?);
    }
    let names = known.iter().map(|set| set.ca_set_name.as_str());
    Err(missing("CA set", "ca-set", typed, names).into())
}

/// Nothing has that name; the nearest one is offered.
pub(crate) fn missing<'a>(
    kind: &str,
    noun: &str,
    typed: &str,
    known: impl Iterator<Item = &'a str>,
) -> Complaint {
    let hint = match nearest(typed, known) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("`countersign {noun} list` shows what there is"),
    };
    Complaint::new(
        format!("there is no {kind} with the name or id `{typed}`"),
        hint,
    )
}

/// Which version of a CA set.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum VersionChoice {
    Latest,
    Number(u32),
    Production,
    Staging,
}

impl FromStr for VersionChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "latest" => Ok(Self::Latest),
            "production" => Ok(Self::Production),
            "staging" => Ok(Self::Staging),
            _ => text
                .parse()
                .ok()
                .filter(|number| *number > 0)
                .map(Self::Number)
                .ok_or_else(|| {
                    "a version is a number, `latest`, `staging` or `production`".to_owned()
                }),
        }
    }
}

impl VersionChoice {
    /// The number of the version.
    pub(crate) fn of(self, set: &CaSet) -> Result<u32> {
        let (number, absent) = match self {
            Self::Number(number) => return Ok(number),
            Self::Latest => (set.latest_version, "has no version yet"),
            Self::Production => (set.production_version, "is not active on production"),
            Self::Staging => (set.staging_version, "is not active on staging"),
        };
        let name = &set.ca_set_name;
        number.ok_or_else(|| {
            let hint = match self {
                Self::Latest => {
                    format!("`countersign ca-set version create {name} --ca FILE` makes one")
                }
                _ => format!("`countersign ca-set version list {name}` shows what there is"),
            };
            Complaint::new(format!("the CA set `{name}` {absent}"), hint).into()
        })
    }
}
