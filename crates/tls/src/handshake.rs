//! What one handshake in progress knows about itself.
//!
//! rustls calls verifiers, ticketers and session stores without saying for which connection. All of a handshake's work is done inside the
//! polls of one future, so the record of that handshake travels with the future as a task-local value. Outside of a handshake there is no
//! record, and then nobody is accepted and nothing is resumed.

use std::cell::RefCell;
use std::sync::Arc;

use countersign_trust::{PeerChain, Reason, Refusal, UnixTime};

use crate::PresentedCertificate;

tokio::task_local! {
    pub(crate) static RECORD: RefCell<HandshakeRecord>;
}

/// What is known so far.
#[derive(Debug)]
pub(crate) struct HandshakeRecord {
    /// The chain that the client sent in this handshake; `None` on resumption.
    pub(crate) peer: Option<PeerChain>,
    /// Why the client's certificate was refused in the handshake.
    pub(crate) refused: Option<Refused>,
    /// Where the session comes from.
    pub(crate) lineage: Lineage,
    /// Which certificate the client was shown, or would have been shown had it not resumed.
    pub(crate) presented: Option<Arc<PresentedCertificate>>,
}

/// A refusal inside the handshake.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    pub(crate) reason: Reason,
    pub(crate) evidence: Option<Refusal>,
}

/// Where a session comes from: carried from ticket to ticket, so that a chain of resumptions does not outlive the authentication that it
/// began with (threat C1.6).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Lineage {
    /// When the client last proved possession of its key.
    pub(crate) authenticated_at: UnixTime,
    /// When the last session of this line ends: lifetime and the leaf's end of validity, whichever is earlier.
    pub(crate) expires_at: UnixTime,
    /// The digest of the chain; `None` without a client certificate.
    pub(crate) chain: Option<[u8; 32]>,
}

impl HandshakeRecord {
    pub(crate) fn new(lineage: Lineage) -> RefCell<Self> {
        RefCell::new(Self {
            peer: None,
            refused: None,
            lineage,
            presented: None,
        })
    }
}

/// Does something with the record of the handshake in progress; `None` outside of one.
pub(crate) fn with_record<R>(act: impl FnOnce(&mut HandshakeRecord) -> R) -> Option<R> {
    RECORD
        .try_with(|record| {
            record
                .try_borrow_mut()
                .ok()
                .map(|mut record| act(&mut record))
        })
        .ok()
        .flatten()
}
