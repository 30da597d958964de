//! What is decided about client chains, case by case.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

#[path = "evaluate/algorithms.rs"]
mod algorithms;
#[path = "evaluate/check.rs"]
mod check;
#[path = "evaluate/constraints.rs"]
mod constraints;
#[path = "evaluate/names.rs"]
mod names;
#[path = "evaluate/paths.rs"]
mod paths;
#[path = "evaluate/pinned.rs"]
mod pinned;
#[path = "evaluate/purposes.rs"]
mod purposes;
#[path = "evaluate/reasons.rs"]
mod reasons;
