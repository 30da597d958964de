//! The compiled form of a rule tree.

use crate::decision::{Decision, Denial, ForwardHost, ForwardIdentity, HeaderChanges, Outcome};
use crate::facts::Facts;
use crate::problem::Problem;
use crate::trace::Trace;
use crate::tree::RuleTree;

/// A rule tree, checked and ready to decide.
#[derive(Debug)]
pub struct Program {
    origins: Vec<Origin>,
    ca_sets: Vec<String>,
    warnings: Vec<Problem>,
}

/// An origin that some rule of a program may choose.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Origin {
    /// What [`Decision::origin`] says when it is chosen: its id, or `hostname:port`.
    pub key: String,
    /// Where it is.
    pub target: OriginTarget,
}

/// Where an origin is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum OriginTarget {
    /// An address written in the rule.
    Host {
        /// DNS name or IP address.
        hostname: String,
        /// Port for TLS.
        https_port: u16,
    },
    /// An origin that is configured beside the property, by id.
    Id(String),
}

/// Checks a tree and compiles it.
///
/// # Errors
/// Every problem with the tree; at least one of them is an error. Warnings alone do not stop a tree: they are at
/// [`Program::warnings`].
pub fn compile(_tree: &RuleTree) -> Result<Program, Vec<Problem>> {
    Ok(Program {
        origins: Vec::new(),
        ca_sets: Vec::new(),
        warnings: Vec::new(),
    })
}

impl Program {
    /// Decides on one request.
    pub fn decide<'p>(&'p self, _facts: &impl Facts) -> Decision<'p> {
        Decision {
            outcome: Outcome::Deny(Denial::AccessDenied {
                rule: "default",
                reason: "not-compiled",
            }),
            origin: None,
            forward_host: ForwardHost::default(),
            origin_credential: None,
            forward_identity: ForwardIdentity::default(),
            custom_log: None,
            rate_limit: None,
            request_headers: HeaderChanges::none(),
            response_headers: HeaderChanges::none(),
            enforced: None,
        }
    }

    /// Decides on one request and says why. Allocates; not for every request.
    pub fn explain<'p>(&'p self, facts: &impl Facts) -> (Decision<'p>, Trace) {
        (
            self.decide(facts),
            Trace {
                rules: Vec::new(),
                conclusion: String::new(),
            },
        )
    }

    /// Every origin that some rule may choose.
    pub fn origins(&self) -> &[Origin] {
        &self.origins
    }

    /// Ids of every CA set that some rule names.
    pub fn ca_sets(&self) -> &[String] {
        &self.ca_sets
    }

    /// What was found when the program was compiled and did not stop it.
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }
}
