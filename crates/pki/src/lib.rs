//! Issues certificates for people without a CA of their own, and for the demo.
//!
//! Four profiles with sane contents: root, intermediate, server and client. Keys are P-256 unless asked otherwise, serial
//! numbers have 128 random bits, key identifiers are always there, and an authority never issues what could not be valid
//! under it. The crate reads no clock and no file: validity is given, PEM goes in and comes out.
//!
//! It does not know what Countersign trusts or serves; what was revoked and when to renew is for its caller to remember.
//!
//! Start with [`Authority`], [`Profile`] and [`Validity`].
//!
//! ```
//! use countersign_pki::{Authority, KeyAlgorithm, Profile, Subject, Validity};
//!
//! let now = 1_780_272_000; // seconds since the epoch
//! let ten_years = Validity::new(now, now + 10 * 365 * 86_400)?;
//! let ninety_days = Validity::new(now, now + 90 * 86_400)?;
//! let key = KeyAlgorithm::default();
//!
//! let root = Authority::root(&Subject::common_name("Demo Root"), ten_years, key)?;
//! let issuing = root.intermediate(&Subject::common_name("Demo Issuing"), ten_years, key)?;
//! let server = Profile::server(["shop.example".parse()?, "*.shop.example".parse()?]);
//! let shop = issuing.issue(&server, &Subject::common_name("shop.example"), ninety_days, key)?;
//! let alice = issuing.issue(&Profile::client([]), &Subject::common_name("alice"), ninety_days, key)?;
//!
//! assert!(alice.chain_pem().starts_with(alice.certificate_pem()));
//! # let _ = shop;
//! # Ok::<(), Box<dyn std::error::Error>>(())
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

mod authority;
mod credential;
mod error;
mod key;
mod key_with_request;
mod name;
mod pkcs12;
mod profile;
mod revocation_list;
mod signing_request;
mod subject;
mod validity;

pub use authority::Authority;
pub use credential::Credential;
pub use error::{IssueError, LoadAuthorityError, SigningRequestError};
pub use key::KeyAlgorithm;
pub use key_with_request::KeyWithRequest;
pub use name::{Name, ParseNameError};
pub use pkcs12::{ExportError, pkcs12};
pub use profile::Profile;
pub use revocation_list::{RevocationReason, Revoked};
pub use signing_request::SigningRequest;
pub use subject::Subject;
pub use validity::{Validity, ValidityError};
