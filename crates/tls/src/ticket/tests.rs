use std::sync::atomic::{AtomicI64, Ordering};

use countersign_snapshot::{ClientAuth, ClientAuthMode, PolicyIdentity};
use countersign_trust::Clock;

use super::*;
use crate::handshake::{HandshakeRecord, RECORD};
use crate::verdict_cache::VerdictCache;

const LIFETIME: i64 = 3600;
const NOW: i64 = 1_780_272_000;

#[derive(Debug)]
struct Fixed(AtomicI64);

impl Clock for Fixed {
    fn now(&self) -> UnixTime {
        UnixTime::from_secs(self.0.load(Ordering::SeqCst))
    }
}

struct Node {
    clock: Arc<Fixed>,
    ticketer: Ticketer,
}

fn policy(mode: ClientAuthMode) -> PolicyIdentity {
    PolicyIdentity::new(
        &ClientAuth {
            mode,
            ..ClientAuth::off()
        },
        [],
    )
}

fn node(secret: u8, mode: ClientAuthMode) -> Node {
    let clock = Arc::new(Fixed(AtomicI64::new(NOW)));
    let ticketer = Ticketer {
        secret: Arc::new(TicketSecret::from_bytes(&[secret; 32]).unwrap()),
        scope: SessionScope {
            policy: policy(mode),
            mode,
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            verdicts: Arc::new(VerdictCache::new(16)),
        },
        lifetime: Duration::from_secs(LIFETIME as u64),
    };
    Node { clock, ticketer }
}

fn lineage(from: i64) -> Lineage {
    Lineage {
        authenticated_at: UnixTime::from_secs(from),
        expires_at: UnixTime::from_secs(from + LIFETIME),
        chain: Some([9; 32]),
    }
}

impl Node {
    fn make(&self, from: i64) -> Option<Vec<u8>> {
        RECORD.sync_scope(HandshakeRecord::new(lineage(from)), || {
            self.ticketer.encrypt(b"session")
        })
    }

    /// The session, and the lineage that the handshake goes on with.
    fn read(&self, ticket: &[u8]) -> Option<(Vec<u8>, Lineage)> {
        RECORD.sync_scope(HandshakeRecord::new(lineage(NOW + 7)), || {
            let session = self.ticketer.decrypt(ticket)?;
            Some((session, with_record(|record| record.lineage)?))
        })
    }

    fn at(&self, secs: i64) -> &Self {
        self.clock.0.store(secs, Ordering::SeqCst);
        self
    }
}

#[test]
fn a_ticket_gives_the_session_and_its_lineage_back() {
    let node = node(1, ClientAuthMode::Require);
    let ticket = node.make(NOW).unwrap();
    assert_eq!(
        node.read(&ticket),
        Some((b"session".to_vec(), lineage(NOW)))
    );
}

#[test]
fn a_ticket_opens_on_every_node_with_the_secret_and_nowhere_else() {
    let ticket = node(1, ClientAuthMode::Require).make(NOW).unwrap();
    assert!(node(1, ClientAuthMode::Require).read(&ticket).is_some());
    assert!(node(2, ClientAuthMode::Require).read(&ticket).is_none());
    assert!(node(1, ClientAuthMode::Request).read(&ticket).is_none());
}

#[test]
fn every_altered_or_missing_byte_is_noticed() {
    let node = node(1, ClientAuthMode::Require);
    let ticket = node.make(NOW).unwrap();
    for index in 0..ticket.len() {
        let mut altered = ticket.clone();
        altered[index] ^= 1;
        assert!(node.read(&altered).is_none(), "byte {index}");
        assert!(node.read(&ticket[..index]).is_none(), "the first {index}");
    }
}

/// Key rotation: a ticket opens for its own lifetime, over the end of its epoch, and not longer.
#[test]
fn a_ticket_opens_for_its_lifetime() {
    let node = node(1, ClientAuthMode::Require);
    for begin in [NOW, NOW + LIFETIME / 2, NOW + LIFETIME - 1] {
        let ticket = node.at(begin).make(begin).unwrap();
        assert!(node.at(begin + LIFETIME - 1).read(&ticket).is_some());
        assert!(node.at(begin + LIFETIME).read(&ticket).is_none());
        assert!(node.at(begin + 10 * LIFETIME).read(&ticket).is_none());
    }
}

#[test]
fn a_session_from_the_future_is_not_believed() {
    let node = node(1, ClientAuthMode::Require);
    let ticket = node.at(NOW + 600).make(NOW + 600).unwrap();
    assert!(
        node.at(NOW + 545).read(&ticket).is_some(),
        "the clocks of two nodes may differ a little"
    );
    assert!(node.at(NOW).read(&ticket).is_none());
}

#[test]
fn an_ended_line_makes_no_more_tickets() {
    let node = node(1, ClientAuthMode::Require);
    assert!(node.at(NOW + LIFETIME).make(NOW).is_none());
}

#[test]
fn outside_of_a_handshake_nothing_is_made_or_read() {
    let node = node(1, ClientAuthMode::Require);
    let ticket = node.make(NOW).unwrap();
    assert_eq!(node.ticketer.encrypt(b"session"), None);
    assert_eq!(node.ticketer.decrypt(&ticket), None);
    assert_eq!(node.ticketer.lifetime(), 0);
}

#[test]
fn a_short_secret_is_refused() {
    assert_eq!(
        TicketSecret::from_bytes(&[1; 31]).unwrap_err(),
        BuildTlsError::TicketSecretTooShort
    );
    assert_eq!(
        format!("{:?}", TicketSecret::generate().unwrap()),
        "TicketSecret([redacted])"
    );
}
