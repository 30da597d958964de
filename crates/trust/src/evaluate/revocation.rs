//! The revocation step.

use super::Context;
use super::failure::Failure;
use super::search::Link;
use crate::Certificate;

/// What revocation data says against the path.
pub(super) fn check(
    links: &[Link<'_>],
    anchor: &Certificate,
    context: &Context<'_>,
) -> Vec<Failure> {
    let _ = (links, anchor, context.revocation);
    Vec::new()
}
