//! The compiled form of a rule tree.

mod behavior;
mod compile;
mod criterion;
mod decide;
mod explain;
mod index;
mod options;
mod tables;
mod values;

use crate::decision::Decision;
use crate::facts::Facts;
use crate::problem::Problem;
use crate::trace::Trace;
use crate::tree::Satisfy;

use behavior::Behavior;
use criterion::Criterion;
use index::ChildIndex;

pub use compile::compile;

/// A rule tree, checked and ready to decide.
#[derive(Debug)]
pub struct Program {
    root: CompiledRule,
    origins: Vec<Origin>,
    ca_sets: Vec<String>,
    warnings: Vec<Problem>,
}

#[derive(Debug)]
struct CompiledRule {
    name: String,
    /// Names from the top rule to this one, joined by ` / `.
    path: String,
    pointer: String,
    criteria: Vec<Criterion>,
    satisfy: Satisfy,
    behaviors: Vec<Behavior>,
    children: Vec<CompiledRule>,
    /// Finds the children worth looking at, where there are many.
    index: Option<ChildIndex>,
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
        /// DNS name or IP address, in lower case.
        hostname: String,
        /// Port for TLS.
        https_port: u16,
    },
    /// An origin that is configured beside the property, by id.
    Id(String),
}

impl Program {
    /// Decides on one request. Does not allocate; the cost grows with the rules that match, not with all of them.
    pub fn decide<'p>(&'p self, facts: &impl Facts) -> Decision<'p> {
        decide::decide(&self.root, facts)
    }

    /// Decides on one request and says why. It looks at every rule and allocates; not for every request.
    pub fn explain<'p>(&'p self, facts: &impl Facts) -> (Decision<'p>, Trace) {
        explain::explain(&self.root, facts)
    }

    /// Every origin that some rule may choose.
    pub fn origins(&self) -> &[Origin] {
        &self.origins
    }

    /// Ids of every CA set that some rule names. A binding that runs this program needs all of them.
    pub fn ca_sets(&self) -> &[String] {
        &self.ca_sets
    }

    /// What was found when the program was compiled and did not stop it.
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }
}
