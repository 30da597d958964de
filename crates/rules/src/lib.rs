//! Decides what happens to one request.
//!
//! A property is a [`RuleTree`]: rules with criteria, behaviors and children, in the JSON form that operators of the
//! vendor's edge already write. [`compile`] checks it once and turns it into a [`Program`]; [`Program::decide`] then
//! answers per request, without allocating, with a [`Decision`]. [`Program::explain`] gives the same decision
//! together with a [`Trace`] of every rule and the values it compared.
//!
//! What this crate does not know: certificates, trust, sockets, clocks, HTTP libraries. Facts about the request and
//! about the client come in through [`Facts`], which the caller implements.
//!
//! Start from [`RuleTree`], [`Program`] and [`Decision`]; `docs/rules.md` is the users' side of the same thing.
//!
//! ```
//! use countersign_rules::{RuleTree, compile};
//!
//! let tree = RuleTree::from_json(
//!     r#"{ "ruleFormat": "latest", "rules": { "name": "default", "behaviors": [
//!         { "name": "enforceMtlsSettings", "options": {
//!             "enableAuthSet": true, "certificateAuthoritySet": ["partners"], "enableDenyRequest": true } } ] } }"#,
//! )
//! .expect("the form is right");
//! let program = compile(&tree).expect("so is what it says");
//! assert_eq!(program.ca_sets(), ["partners"]);
//!
//! // An allowlist of nothing is a mistake, and says so.
//! let tree = RuleTree::from_json(
//!     r#"{ "ruleFormat": "latest", "rules": { "name": "default", "behaviors": [
//!         { "name": "enforceMtlsSettings", "options": {
//!             "enableAuthSet": true, "certificateAuthoritySet": [], "enableDenyRequest": true } } ] } }"#,
//! )
//! .expect("the form is right");
//! let problems = compile(&tree).expect_err("what it says is not");
//! assert_eq!(problems[0].pointer, "/rules/behaviors/0/options/certificateAuthoritySet");
//! ```
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic
    )
)]
#![warn(missing_docs)]

mod catalogue;
mod decision;
mod facts;
pub mod path;
mod problem;
mod program;
mod schema;
mod site;
mod suggest;
mod template;
mod trace;
mod tree;

pub use decision::{
    ClientAttributes, Decision, Denial, Enforced, EnforcementResult, ForwardHost, ForwardIdentity,
    HeaderChange, HeaderChanges, HeaderOperation, IdentityPresets, LimitKey, OriginCredential,
    Outcome, RateLimit, Redirect, Response,
};
pub use facts::{CertificateState, Facts, NameAttribute, Protocol, SanKind};
pub use problem::{Problem, Severity};
pub use program::{Origin, OriginTarget, Program, compile};
pub use schema::json_schema;
pub use site::{Enforcement, SiteOrigin, SiteRules, site_rules};
pub use template::Template;
pub use trace::{CriterionTrace, RuleOutcome, RuleTrace, Trace};
pub use tree::{Feature, Rule, RuleFormat, RuleOptions, RuleTree, Satisfy, UnknownRuleFormat};
