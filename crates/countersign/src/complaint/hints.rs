//! Which command helps against which refusal of the controller.

use serde_json::{Map, Value};

/// When nothing answers.
pub(super) const UNREACHABLE: &str = "`countersign serve` starts a controller on this machine; `--api URL` (COUNTERSIGN_API) names another, \
     `--cacert FILE` (COUNTERSIGN_CACERT) says who vouches for it";

/// The hint for a refusal; none where the refusal says all.
pub(super) fn of(slug: &str, context: &Map<String, Value>) -> Option<String> {
    let set = context
        .get("caSetName")
        .and_then(|name| name.as_str())
        .unwrap_or("SET");
    Some(match slug {
        "unauthorized" | "request-error" | "deny" => {
            "on the controller's own machine, `countersign api-client create NAME --role operator` makes new credentials".to_owned()
        }
        "forbidden" => "ask somebody with a higher role: viewer < operator < approver < admin; changes of production want an approver".to_owned(),
        "ca-set-not-found" => "`countersign ca-set list` shows what there is".to_owned(),
        "ca-set-version-not-found" => format!("`countersign ca-set version list {set}` shows what there is"),
        "ca-set-in-use-by-enrollments"
        | "ca-set-in-use-by-hostnames"
        | "ca-set-in-use-by-both-enrollments-and-hostnames"
        | "ca-set-bound-to-hostname" => format!("`countersign ca-set associations {set}` shows who uses it"),
        "ca-set-cannot-be-deleted-active-versions" => {
            format!("take it from the networks first: `countersign ca-set deactivate {set} --network production --wait`, the same with staging")
        }
        "ca-set-version-is-active" | "ca-set-version-was-previously-active" => {
            format!("a version is frozen by its first activation; make another: `countersign ca-set version clone {set} latest`")
        }
        "ca-set-version-already-active-on-network" | "ca-set-version-not-active-on-network" => {
            format!("`countersign ca-set show {set}` shows what is active where")
        }
        "another-activation-request-in-progress-in-the-ca-set"
        | "another-deactivation-request-in-progress-in-the-ca-set"
        | "ca-set-cannot-be-deleted-in-progress-version-activations" => {
            format!("`countersign ca-set activations {set}` shows how far it is; try again when it has ended")
        }
        "no-previous-ca-set-version" if context.contains_key("caSetName") => format!("`countersign ca-set activations {set}` shows what was active when"),
        "revocation-not-found" => "`countersign revoke list --ended` shows what there is".to_owned(),
        "site-not-found" => "`countersign site list` shows what there is".to_owned(),
        "property-not-found" => "`countersign property list` shows what there is".to_owned(),
        "property-version-not-found" => "`countersign property versions PROPERTY` shows what there is".to_owned(),
        "property-version-was-activated" => "`countersign property update PROPERTY` makes the next version and edits that".to_owned(),
        "no-previous-property-version" => "`countersign property activations PROPERTY` shows what was active when".to_owned(),
        "edge-certificate-not-found" => "`countersign certificate list` shows what there is".to_owned(),
        "client-credential-not-found" => "`countersign client-credential list` shows what there is".to_owned(),
        "client-credential-not-active-on-network" => "`countersign client-credential activate NAME --network NETWORK --wait` makes a network show it".to_owned(),
        "precondition-failed" => "somebody else changed it meanwhile; look at it again and repeat the command".to_owned(),
        "api-client-not-found" => "`countersign api-client list` shows what there is".to_owned(),
        "still-deployed" => "take it from the networks first, with `remove NAME --network production --wait` of the same command, the same with staging".to_owned(),
        "account-rate-limit-exceeded" => "wait a moment and try again".to_owned(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use countersign_controller::ErrorCode;

    /// Every kind of refusal that a hint is for is one that the controller has.
    #[test]
    fn hints_are_for_refusals_that_exist() {
        let source = include_str!("hints.rs");
        let (table, _) = source.split_once("_ => return None").unwrap();
        let known: Vec<&str> = ErrorCode::ALL.iter().map(|code| code.slug()).collect();
        let words = table.split('"').skip(1).step_by(2);
        let slugs = words.filter(|word| word.contains('-') && !word.contains([' ', '`', '{']));
        // These two are the last parts of the vendor's own types.
        for slug in slugs.filter(|slug| !["request-error"].contains(slug)) {
            assert!(known.contains(&slug), "{slug}");
        }
    }
}
