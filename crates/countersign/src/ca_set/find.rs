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
    match named("ca-set", typed, &known, |set| {
        (&set.ca_set_name, &set.ca_set_id)
    }) {
        Err(_) if typed.bytes().all(|byte| byte.is_ascii_digit()) && !typed.is_empty() => {
            Ok(client.ca_set(typed).await?)
        }
        found => Ok(found?.clone()),
    }
}

/// The one of the known things that has that name, or else that id. When none has, the nearest name is offered. `noun` is the command's.
pub(crate) fn named<'k, T>(
    noun: &str,
    typed: &str,
    known: &'k [T],
    name_and_id: impl Fn(&T) -> (&String, &String),
) -> Result<&'k T, Complaint> {
    let by_name = known.iter().find(|it| name_and_id(it).0 == typed);
    let found = by_name.or_else(|| known.iter().find(|it| name_and_id(it).1 == typed));
    found.ok_or_else(|| {
        let kind = match noun {
            "ca-set" => "CA set",
            "certificate" => "edge certificate",
            "client-credential" => "client credential",
            other => other,
        };
        let names = known.iter().map(|it| name_and_id(it).0.as_str());
        let hint = match nearest(typed, names) {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("`countersign {noun} list` shows what there is"),
        };
        Complaint::new(
            format!("there is no {kind} with the name or id `{typed}`"),
            hint,
        )
    })
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
