//! Finds in a rule tree what refers to things outside of it.

use countersign_rules::{Feature, Rule, RuleTree};
use serde_json::Value;

/// A text in a rule tree that names something, and where it stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) pointer: String,
}

/// Everything that a tree refers to.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct References {
    /// CA sets that checks accept.
    pub(super) ca_sets: Vec<Named>,
    /// CA sets that criteria compare with.
    pub(super) compared_ca_sets: Vec<Named>,
    /// Origins by id.
    pub(super) origins: Vec<Named>,
    /// Versions of client credentials.
    pub(super) credentials: Vec<Named>,
    /// Host names that criteria compare with.
    pub(super) hostnames: Vec<Named>,
}

impl References {
    pub(super) fn of(tree: &RuleTree) -> Self {
        let mut references = Self::default();
        references.rule(&tree.rules, "/rules");
        references
    }

    fn rule(&mut self, rule: &Rule, at: &str) {
        for (index, criterion) in rule.criteria.iter().enumerate() {
            self.criterion(criterion, &format!("{at}/criteria/{index}/options"));
        }
        for (index, behavior) in rule.behaviors.iter().enumerate() {
            self.behavior(behavior, &format!("{at}/behaviors/{index}/options"));
        }
        for (index, child) in rule.children.iter().enumerate() {
            self.rule(child, &format!("{at}/children/{index}"));
        }
    }

    fn criterion(&mut self, criterion: &Feature, at: &str) {
        let names = match criterion.name.as_str() {
            "clientCaSet" => &mut self.compared_ca_sets,
            "hostname" => &mut self.hostnames,
            _ => return,
        };
        names.extend(texts(criterion, "values", at));
    }

    fn behavior(&mut self, behavior: &Feature, at: &str) {
        let is_on = |option: &str| behavior.options.get(option) != Some(&Value::Bool(false));
        match behavior.name.as_str() {
            "enforceMtlsSettings"
                if behavior.options.get("enableAuthSet") == Some(&Value::Bool(true)) =>
            {
                self.ca_sets
                    .extend(texts(behavior, "certificateAuthoritySet", at));
            }
            "mtlsOriginKeystore" if is_on("enable") => {
                self.credentials
                    .extend(text(behavior, "clientCertificateVersionGuid", at));
            }
            "origin" => self.origins.extend(text(behavior, "originId", at)),
            _ => {}
        }
    }
}

/// Gives the origins that rules choose by id other ids.
pub(super) fn rename_origins(rule: &mut Rule, name: &impl Fn(&str) -> String) {
    for behavior in &mut rule.behaviors {
        if behavior.name == "origin"
            && let Some(Value::String(id)) = behavior.options.get_mut("originId")
        {
            *id = name(id);
        }
    }
    for child in &mut rule.children {
        rename_origins(child, name);
    }
}

fn text(feature: &Feature, option: &str, at: &str) -> Option<Named> {
    let name = feature.options.get(option)?.as_str()?;
    Some(Named {
        name: name.to_owned(),
        pointer: format!("{at}/{option}"),
    })
}

fn texts(feature: &Feature, option: &str, at: &str) -> Vec<Named> {
    let values = feature.options.get(option).and_then(Value::as_array);
    values
        .into_iter()
        .flatten()
        .enumerate()
        .filter_map(|(index, value)| {
            Some(Named {
                name: value.as_str()?.to_owned(),
                pointer: format!("{at}/{option}/{index}"),
            })
        })
        .collect()
}
