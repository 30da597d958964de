//! What revocation data does to verdicts.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

#[path = "revocation/changes.rs"]
mod changes;
#[path = "revocation/check.rs"]
mod check;
#[path = "revocation/crls.rs"]
mod crls;
#[path = "revocation/loading.rs"]
mod loading;
#[path = "revocation/manual.rs"]
mod manual;
#[path = "revocation/ocsp.rs"]
mod ocsp;
