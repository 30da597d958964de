//! Sessions that come back: only under the policy that they were made under, never longer than the authentication that they began with.

use std::sync::Arc;

use countersign_snapshot::{ClientAuthMode, PolicyIdentity, VersionNumber};
use countersign_testkit::NOW;
use countersign_trust::{ManualRevocation, Reason, RevocationIndexBuilder, Verdict};
use rustls::AlertDescription;
use rustls::client::ClientConfig;

use crate::support::*;

/// A client that keeps its sessions, as one configuration: rustls offers a session only under the one that it comes from.
fn keeper(
    client: &countersign_testkit::client::TlsClient,
    way: Way,
) -> (Arc<Wallet>, ClientConfig) {
    let wallet = Arc::new(Wallet::default());
    let config = wallet.config(client, way);
    (wallet, config)
}

/// Threat C1.7.
#[tokio::test]
async fn a_resumed_session_has_the_identity_of_the_full_handshake_byte_for_byte() {
    let authorities = Authorities::new();
    let node = Node::new(&authorities);
    let alice = authorities.alice();
    for way in Way::ALL {
        for name in ["a.test", "ask.test"] {
            let (_, config) = keeper(&client().presenting(&alice), way);
            let (full, _) = node.meet_with(name, &config).await.welcome();
            assert!(!full.facts.resumed);
            for _ in 0..3 {
                let (resumed, _) = node.meet_with(name, &config).await.welcome();
                assert!(resumed.facts.resumed, "{way:?}");
                let chain = |accepted: &countersign_tls::Accepted<_>| -> Vec<Vec<u8>> {
                    let chain = accepted.peer.chain().unwrap();
                    chain
                        .certificates()
                        .iter()
                        .map(|certificate| certificate.der().to_vec())
                        .collect()
                };
                assert_eq!(chain(&resumed), alice.chain_der());
                assert_eq!(chain(&resumed), chain(&full));
                let identity =
                    |accepted: &countersign_tls::Accepted<_>| match accepted.verdicts.overall() {
                        Verdict::Valid(valid) => format!("{:?}", valid.identity()),
                        other => panic!("{other:?}"),
                    };
                assert_eq!(identity(&resumed), identity(&full));
            }
        }
    }
}

#[tokio::test]
async fn a_session_without_a_certificate_comes_back_without_one() {
    let node = Node::new(&Authorities::new());
    for way in Way::ALL {
        for name in ["open.test", "ask.test"] {
            let (_, config) = keeper(&client(), way);
            node.meet_with(name, &config).await.welcome();
            let (resumed, _) = node.meet_with(name, &config).await.welcome();
            assert!(resumed.facts.resumed, "{way:?} {name}");
            assert!(resumed.peer.chain().is_none());
        }
    }
}

/// Threats C1.1, C1.2: a session of one name opens no other.
#[tokio::test]
async fn a_session_of_one_name_is_not_resumed_for_another() {
    let authorities = Authorities::new();
    let node = Node::new(&authorities);
    for way in Way::ALL {
        for from in ["open.test", "ask.test"] {
            for to in ["a.test", "b.test", "x.wild.test"] {
                let (wallet, config) = keeper(&client(), way);
                node.meet_with(from, &config).await.welcome();
                assert!(wallet.has_session());
                node.meet_with(to, &config)
                    .await
                    .refused(Reason::Missing, AlertDescription::CertificateRequired);
            }
        }
        let (wallet, config) = keeper(&client().presenting(&authorities.alice()), way);
        node.meet_with("a.test", &config).await.welcome();
        assert!(wallet.has_session());
        node.meet_with("b.test", &config)
            .await
            .refused(Reason::UnknownIssuer, AlertDescription::UnknownCA);
        // Names of one binding have one policy, and yet another name is another handshake (RFC 6066 §3).
        let (_, config) = keeper(&client().presenting(&authorities.alice()), way);
        node.meet_with("x.wild.test", &config).await.welcome();
        let (other, _) = node.meet_with("y.wild.test", &config).await.welcome();
        assert!(!other.facts.resumed);
    }
}

/// Threat C1.1, across nodes: what one node of a fleet gave, another takes, under the same rules.
#[tokio::test]
async fn nodes_with_the_same_secret_resume_each_others_tickets() {
    let authorities = Authorities::new();
    let node = Node::new(&authorities);
    let sibling = node.sibling(&SECRET);
    let stranger = node.sibling(&[8; 32]);
    for way in [Way::Tls12Ticket, Way::Tls13] {
        let (_, config) = keeper(&client().presenting(&authorities.alice()), way);
        node.meet_with("a.test", &config).await.welcome();
        let (resumed, _) = sibling.meet_with("a.test", &config).await.welcome();
        assert!(resumed.facts.resumed, "{way:?}");
        assert!(resumed.verdicts.overall().is_valid());
        let (full, _) = stranger.meet_with("a.test", &config).await.welcome();
        assert!(!full.facts.resumed, "{way:?}");

        let (_, config) = keeper(&client(), way);
        node.meet_with("open.test", &config).await.welcome();
        sibling
            .meet_with("a.test", &config)
            .await
            .refused(Reason::Missing, AlertDescription::CertificateRequired);
    }
}

/// Threat C1.4: a changed CA set ends the sessions that were made under the old one.
#[tokio::test]
async fn a_new_version_of_the_ca_set_means_a_full_handshake() {
    let authorities = Authorities::new();
    for way in Way::ALL {
        let mut node = Node::new(&authorities);
        let before = node.binding("a.test").policy_identity();
        let (_, config) = keeper(&client().presenting(&authorities.alice()), way);
        node.meet_with("a.test", &config).await.welcome();
        node.change(|snapshot| snapshot.ca_sets[0].version = VersionNumber::new(2));
        assert_ne!(node.binding("a.test").policy_identity(), before);
        let (full, _) = node.meet_with("a.test", &config).await.welcome();
        assert!(!full.facts.resumed, "{way:?}");
        // And one without the client's CA ends them for good.
        node.change(|snapshot| {
            snapshot.ca_sets[0].version = VersionNumber::new(3);
            snapshot.ca_sets[0].certificates = vec![authorities.b.der().to_vec()];
        });
        node.meet_with("a.test", &config)
            .await
            .refused(Reason::UnknownIssuer, AlertDescription::UnknownCA);
    }
}

/// The other side of it: what does not concern the policy does not cost the sessions.
#[tokio::test]
async fn an_unchanged_policy_keeps_its_sessions_over_generations() {
    let authorities = Authorities::new();
    for way in Way::ALL {
        let mut node = Node::new(&authorities);
        let (_, config) = keeper(&client().presenting(&authorities.alice()), way);
        node.meet_with("a.test", &config).await.welcome();
        node.change(|snapshot| {
            snapshot.ca_sets[1].version = VersionNumber::new(2);
            snapshot.bindings[0].tls.http = countersign_snapshot::HttpVersions::Http1;
        });
        let (resumed, _) = node.meet_with("a.test", &config).await.welcome();
        assert!(resumed.facts.resumed, "{way:?}");
    }
}

/// Threat C1.5: a session from before the certificate was required is worth nothing after.
#[tokio::test]
async fn a_session_from_before_certificates_were_required_is_not_resumed() {
    for (way, before) in Way::ALL
        .into_iter()
        .flat_map(|way| [ClientAuthMode::Off, ClientAuthMode::Request].map(|mode| (way, mode)))
    {
        let mut node = Node::new(&Authorities::new());
        let set = |mode| {
            move |snapshot: &mut countersign_snapshot::Snapshot| {
                snapshot.bindings[0].client_auth.mode = mode;
                snapshot.bindings[0].client_auth.ca_sets = match mode {
                    ClientAuthMode::Off => Vec::new(),
                    _ => vec![SET_A],
                };
            }
        };
        node.change(set(before));
        let (wallet, config) = keeper(&client(), way);
        node.meet_with("a.test", &config).await.welcome();
        assert!(wallet.has_session());
        node.change(set(ClientAuthMode::Require));
        node.meet_with("a.test", &config)
            .await
            .refused(Reason::Missing, AlertDescription::CertificateRequired);
    }
}

/// Threat C1.6: resumption after resumption, and yet the certificate's end is the end.
#[tokio::test]
async fn a_line_of_sessions_ends_with_the_certificate() {
    let authorities = Authorities::new();
    for way in Way::ALL {
        let node = Node::new(&authorities);
        let short = authorities
            .a
            .client("short")
            .valid(NOW - 10, NOW + 60)
            .issue();
        let (_, config) = keeper(&client().presenting(&short), way);
        for seconds in (0..180).step_by(10) {
            node.clock.set(NOW + seconds);
            let meeting = node.meet_with("a.test", &config).await;
            if seconds <= 60 {
                let (accepted, _) = meeting.welcome();
                assert_eq!(
                    accepted.facts.resumed,
                    (10..60).contains(&seconds),
                    "{way:?} {seconds}"
                );
            } else {
                meeting.refused(Reason::Expired, AlertDescription::CertificateExpired);
            }
        }
    }
}

/// Threat C1.6: the age counts from the last proof of possession, not from the last resumption.
#[tokio::test]
async fn a_line_of_sessions_ends_with_the_lifetime() {
    const HOUR: i64 = 3600;
    let authorities = Authorities::new();
    for way in [Way::Tls12Ticket, Way::Tls13] {
        let node = Node::new(&authorities);
        let (_, config) = keeper(&client().presenting(&authorities.alice()), way);
        for hour in 0..26 {
            node.clock.set(NOW + hour * HOUR);
            let (accepted, _) = node.meet_with("a.test", &config).await.welcome();
            assert_eq!(
                accepted.facts.resumed,
                hour % 12 != 0,
                "{way:?} hour {hour}"
            );
        }
    }
}

/// The leaf is still good, but what vouches for it is not: found by the evaluation after the resumption. From then on the chain is known,
/// and the client gets a full handshake with an alert that says why.
#[tokio::test]
async fn a_resumed_chain_that_is_no_longer_good_is_refused() {
    let authorities = Authorities::new();
    for way in Way::ALL {
        let node = Node::new(&authorities);
        let issuing = authorities
            .a
            .request_intermediate("Short")
            .valid(NOW - 10, NOW + 30)
            .issue_ca();
        let carol = issuing.client("carol").issue();
        let (_, config) = keeper(&client().presenting(&carol), way);
        node.meet_with("a.test", &config).await.welcome();
        node.clock.set(NOW + 20);
        assert!(
            node.meet_with("a.test", &config)
                .await
                .welcome()
                .0
                .facts
                .resumed
        );
        node.clock.set(NOW + 40);
        let refused = node.meet_with("a.test", &config).await.server.unwrap_err();
        assert_eq!(refused.reason, Reason::IssuerExpired, "{way:?}");
        assert_eq!(refused.alert, None);
        assert_eq!(refused.peer.unwrap().leaf().der(), carol.der());
        node.meet_with("a.test", &config)
            .await
            .refused(Reason::IssuerExpired, AlertDescription::CertificateExpired);
    }
}

/// Threat C1.3: a session does not outlive the certificate's revocation, on the connection that comes next.
#[tokio::test]
async fn a_revoked_client_does_not_come_back_by_resumption() {
    let authorities = Authorities::new();
    for way in Way::ALL {
        let node = Node::new(&authorities);
        let (_, config) = keeper(&client().presenting(&authorities.alice()), way);
        let (full, _) = node.meet_with("a.test", &config).await.welcome();
        let leaf = full.peer.chain().unwrap().leaf().fingerprint();
        let mut index = RevocationIndexBuilder::new(1);
        index.manual(None, ManualRevocation::Certificate(leaf));
        node.context.replace_revocation(Arc::new(index.build()));
        assert_ne!(
            full.verdicts.revocation_generation(),
            full.binding.trust().revocation_generation()
        );
        let refused = node.meet_with("a.test", &config).await.server.unwrap_err();
        assert_eq!(refused.reason, Reason::Revoked, "{way:?}");
        node.meet_with("a.test", &config)
            .await
            .refused(Reason::Revoked, AlertDescription::CertificateRevoked);
    }
}

#[tokio::test]
async fn where_rules_decide_a_refused_chain_keeps_its_sessions_and_its_reason() {
    let authorities = Authorities::new();
    let node = Node::new(&authorities);
    for way in Way::ALL {
        let (_, config) = keeper(&client().presenting(&authorities.bob()), way);
        for resumed in [false, true, true] {
            let (accepted, _) = node.meet_with("ask.test", &config).await.welcome();
            assert_eq!(accepted.facts.resumed, resumed, "{way:?}");
            assert_eq!(
                accepted.verdicts.overall().reason(),
                Some(Reason::UnknownIssuer)
            );
        }
    }
}

/// A ticket holds the chain; one that would not fit into a ClientHello is not made.
#[tokio::test]
async fn a_chain_too_large_for_a_ticket_works_without_one() {
    let authorities = Authorities::new();
    let node = Node::new(&authorities);
    let large = authorities
        .a
        .client("large")
        .extension("1.2.3.4", false, vec![4; 20_000])
        .issue();
    let (wallet, config) = keeper(&client().presenting(&large), Way::Tls13);
    for _ in 0..2 {
        let (accepted, _) = node.meet_with("a.test", &config).await.welcome();
        assert!(!accepted.facts.resumed);
        assert!(!wallet.has_session());
    }
}

/// Bindings that never ask decide alike, and the name keeps their sessions apart.
#[test]
fn the_policy_identity_is_the_same_for_those_that_decide_alike() {
    let authorities = Authorities::new();
    let node = Node::new(&authorities);
    let identity = |name: &str| -> PolicyIdentity { node.binding(name).policy_identity() };
    let names = ["a.test", "b.test", "ask.test", "open.test", "x.wild.test"];
    for (i, one) in names.iter().enumerate() {
        for (j, other) in names.iter().enumerate() {
            assert_eq!(identity(one) == identity(other), i == j, "{one} {other}");
        }
    }
}

/// Threat C5.6: no session allows early data, so that a client that would send some has no key for it.
#[tokio::test]
async fn a_session_comes_back_without_early_data() {
    let authorities = Authorities::new();
    let node = Node::new(&authorities);
    for name in ["open.test", "ask.test", "a.test"] {
        let presenting = client().presenting(&authorities.alice());
        let (wallet, mut config) = keeper(&presenting, Way::Tls13);
        config.enable_early_data = true;
        node.meet_with(name, &config).await.welcome();
        assert!(wallet.has_session());
        let name = rustls::pki_types::ServerName::try_from(name).unwrap();
        let connection = rustls::ClientConnection::new(Arc::new(config), name);
        assert!(connection.unwrap().early_data().is_none());
    }
}
