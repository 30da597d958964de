//! What a client showed.

use countersign_trust::{Certificate, PeerChain, Refusal};

/// What a client showed.
#[derive(Clone, Debug)]
pub enum Peer {
    /// No certificate.
    Absent,
    /// A chain whose leaf key took part in the handshake, or in the one that this session resumes.
    Chain(PeerChain),
    /// A chain that cannot be read.
    Unreadable(Refusal),
}

impl Peer {
    /// Reads what a client sent, its own certificate first; nothing sent is [`Peer::Absent`].
    #[must_use]
    pub fn from_der<C: AsRef<[u8]>>(certificates: &[C]) -> Self {
        if certificates.is_empty() {
            return Self::Absent;
        }
        PeerChain::from_der(certificates).map_or_else(Self::Unreadable, Self::Chain)
    }

    /// The chain, when there is one.
    #[must_use]
    pub fn chain(&self) -> Option<&PeerChain> {
        match self {
            Self::Chain(chain) => Some(chain),
            Self::Absent | Self::Unreadable(_) => None,
        }
    }

    /// The client's own certificate, when there is one.
    #[must_use]
    pub fn leaf(&self) -> Option<&Certificate> {
        self.chain().map(PeerChain::leaf)
    }
}
