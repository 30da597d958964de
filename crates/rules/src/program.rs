//! The compiled form of a rule tree.

mod behavior;
mod compile;
mod criterion;
mod decide;
mod explain;
mod index;
mod options;
mod readings;
mod tables;
mod values;

use crate::decision::Decision;
use crate::facts::Facts;
use crate::problem::Problem;
use crate::suggest::quote;
use crate::trace::Trace;
use crate::tree::Satisfy;

use behavior::Behavior;
use criterion::Criterion;
use index::ChildIndex;
use readings::WithoutParameters;

pub use compile::compile;

/// A rule tree, checked and ready to decide.
#[derive(Debug)]
pub struct Program {
    root: CompiledRule,
    origins: Vec<Origin>,
    ca_sets: Vec<String>,
    credentials: Vec<String>,
    asks_for_revocation_status: bool,
    signs: bool,
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
    /// Decides on one request. The cost grows with the rules that match, not with all of them, and nothing is
    /// allocated; except that a path with parameters (`/a;b`) is decided twice, with and without them, and the stricter
    /// decision holds, since origins disagree about what they mean.
    pub fn decide<'p>(&'p self, facts: &impl Facts) -> Decision<'p> {
        let plain = decide::decide(&self.root, facts);
        match WithoutParameters::of(facts) {
            None => plain,
            Some(other) => {
                let other = decide::decide(&self.root, &other);
                if readings::is_stricter(&other, &plain) {
                    other
                } else {
                    plain
                }
            }
        }
    }

    /// Decides on one request and says why. It looks at every rule and allocates; not for every request.
    pub fn explain<'p>(&'p self, facts: &impl Facts) -> (Decision<'p>, Trace) {
        let plain = explain::explain(&self.root, facts);
        match WithoutParameters::of(facts) {
            None => plain,
            Some(reading) => {
                let mut other = explain::explain(&self.root, &reading);
                if !readings::is_stricter(&other.0, &plain.0) {
                    return plain;
                }
                let path = quote(reading.path());
                other.1.conclusion.push_str(&format!(
                    "; decided for {path}, as which some origins read the path"
                ));
                other
            }
        }
    }

    /// Every origin that some rule may choose.
    pub fn origins(&self) -> &[Origin] {
        &self.origins
    }

    /// Ids of every CA set that some rule names. A binding that runs this program needs all of them.
    pub fn ca_sets(&self) -> &[String] {
        &self.ca_sets
    }

    /// Every client credential that some rule shows to origins, as [`OriginCredential::version_guid`](crate::OriginCredential) has it.
    pub fn credentials(&self) -> &[String] {
        &self.credentials
    }

    /// Whether some rule asks for the revocation status of clients, which somebody has to find out.
    pub fn asks_for_revocation_status(&self) -> bool {
        self.asks_for_revocation_status
    }

    /// Whether some rule has requests signed, which takes a key.
    pub fn signs(&self) -> bool {
        self.signs
    }

    /// What was found when the program was compiled and did not stop it.
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }
}
