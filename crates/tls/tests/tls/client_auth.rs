//! Asking for certificates, and what is made of them in the handshake.

use countersign_snapshot::Peer;
use countersign_snapshot::{CaList, ClientAuthMode};
use countersign_testkit::{DAY, Key, KeyKind, NOW, Pki, Tbs, pki::eku};
use countersign_tls::evaluate_peer;
use countersign_trust::{Clock, Reason, Verdict};
use rustls::AlertDescription;

use crate::support::*;

#[tokio::test]
async fn a_client_of_the_ca_set_is_let_in_and_known() {
    let authorities = Authorities::new();
    let node = Node::new(&authorities);
    let alice = authorities.alice();
    for client in [client().tls12(), client().tls13()] {
        let (accepted, _) = node
            .meet("a.test", &client.presenting(&alice))
            .await
            .welcome();
        let Verdict::Valid(valid) = accepted.verdicts.overall() else {
            panic!("{:?}", accepted.verdicts);
        };
        assert_eq!(valid.path()[0].der(), alice.der());
        assert_eq!(valid.anchor().der(), authorities.a.der());
        assert_eq!(accepted.server_name.as_str(), "a.test");
    }
}

/// Each refusal of the trust decision reaches the client as the alert that fits, in both versions (threat C3).
#[tokio::test]
async fn a_required_certificate_is_refused_with_the_alert_for_its_reason() {
    use AlertDescription as Told;
    let authorities = Authorities::new();
    let node = Node::new(&authorities);
    let a = &authorities.a;
    let cases = [
        (
            a.client("late").expired(NOW).issue(),
            Reason::Expired,
            Told::CertificateExpired,
        ),
        (
            a.client("early").not_yet_valid(NOW).issue(),
            Reason::NotYetValid,
            Told::CertificateExpired,
        ),
        (authorities.bob(), Reason::UnknownIssuer, Told::UnknownCA),
        (
            a.client("purpose")
                .extended_key_usage(&[eku::SERVER_AUTH])
                .issue(),
            Reason::EkuMissing,
            Told::UnsupportedCertificate,
        ),
        (
            a.client("critical")
                .extension("1.2.3.4", true, vec![5, 0])
                .issue(),
            Reason::UnknownCriticalExtension,
            Told::BadCertificate,
        ),
    ];
    for (credential, reason, told) in cases {
        for client in [client().tls12(), client().tls13()] {
            let refused = node
                .meet("a.test", &client.presenting(&credential))
                .await
                .refused(reason, told);
            assert_eq!(refused.peer.unwrap().leaf().der(), credential.der());
            assert_eq!(refused.evidence.unwrap().reason(), reason);
            assert_eq!(refused.server_name.unwrap().as_str(), "a.test");
        }
    }
}

#[tokio::test]
async fn a_required_certificate_that_is_missing_is_asked_for_by_alert() {
    let authorities = Authorities::new();
    let node = Node::new(&authorities);
    for client in [client().tls12(), client().tls13()] {
        node.meet("a.test", &client)
            .await
            .refused(Reason::Missing, AlertDescription::CertificateRequired);
    }
}

#[tokio::test]
async fn a_requested_certificate_only_proves_possession_and_gets_its_verdict() {
    let authorities = Authorities::new();
    let node = Node::new(&authorities);
    let a = &authorities.a;
    let cases = [
        (authorities.alice(), None),
        (a.client("late").expired(NOW).issue(), Some(Reason::Expired)),
        (
            a.client("early").not_yet_valid(NOW).issue(),
            Some(Reason::NotYetValid),
        ),
        (authorities.bob(), Some(Reason::UnknownIssuer)),
        // No CA, and so nothing is missing in version 1.
        (a.client("v1").edit(Tbs::make_version_1).issue(), None),
        (
            a.client("critical")
                .extension("1.2.3.4", true, vec![5, 0])
                .issue(),
            Some(Reason::UnknownCriticalExtension),
        ),
        (
            Pki::new().self_signed("nobody").issue(),
            Some(Reason::UnknownIssuer),
        ),
    ];
    for (credential, reason) in cases {
        for client in [client().tls12(), client().tls13()] {
            let (accepted, _) = node
                .meet("ask.test", &client.presenting(&credential))
                .await
                .welcome();
            assert_eq!(accepted.verdicts.overall().reason(), reason);
            assert_eq!(
                accepted.peer.chain().unwrap().leaf().der(),
                credential.der()
            );
        }
    }
}

#[tokio::test]
async fn a_client_that_has_no_certificate_passes_where_one_is_only_requested() {
    let authorities = Authorities::new();
    let node = Node::new(&authorities);
    for client in [client().tls12(), client().tls13()] {
        let (accepted, _) = node.meet("ask.test", &client).await.welcome();
        assert!(matches!(accepted.peer, Peer::Absent));
        assert!(matches!(
            accepted.verdicts.of(SET_A),
            Some(Verdict::Missing)
        ));
        assert!(accepted.verdicts.of(SET_B).is_none());
    }
}

/// Whoever only knows a certificate is not its holder, in no mode.
#[tokio::test]
async fn possession_is_proven_with_every_kind_of_key() {
    let authorities = Authorities::new();
    let node = Node::new(&authorities);
    let kinds = [
        KeyKind::P256,
        KeyKind::P384,
        KeyKind::P521,
        KeyKind::Ed25519,
        KeyKind::Rsa2048,
        KeyKind::MlDsa44,
        KeyKind::MlDsa65,
    ];
    for kind in kinds {
        for name in ["a.test", "ask.test"] {
            let holder = authorities.a.client("holder").key_kind(kind).issue();
            let thief = holder.clone().with_key(Key::generate(kind));
            // Version 1 goes through our own parser alone.
            let old = authorities
                .a
                .client("old")
                .key_kind(kind)
                .edit(Tbs::make_version_1)
                .issue();
            for tls12 in [true, false] {
                if tls12 && matches!(kind, KeyKind::MlDsa44 | KeyKind::MlDsa65) {
                    continue;
                }
                let client = || {
                    if tls12 {
                        client().tls12()
                    } else {
                        client().tls13()
                    }
                };
                node.meet(name, &client().presenting(&holder))
                    .await
                    .welcome();
                if name == "ask.test" {
                    node.meet(name, &client().presenting(&old)).await.welcome();
                }
                let refused = node
                    .meet(name, &client().presenting(&thief))
                    .await
                    .server
                    .unwrap_err();
                assert_eq!(refused.reason, Reason::BadSignature, "{kind:?}");
            }
        }
    }
}

#[tokio::test]
async fn ca_names_are_sent_per_name_and_can_be_left_out() {
    let authorities = Authorities::new();
    let mut node = Node::new(&authorities);
    let asked = async |node: &Node, name: &str| {
        let client = client().presenting(&authorities.alice());
        let _ = node.meet(name, &client).await;
        client
            .last_certificate_request()
            .map(|request| request.authorities)
    };
    assert_eq!(
        asked(&node, "a.test").await,
        Some(vec![authorities.a.subject_der()])
    );
    assert_eq!(
        asked(&node, "b.test").await,
        Some(vec![authorities.b.subject_der()])
    );
    assert_eq!(
        asked(&node, "x.wild.test").await.map(|names| names.len()),
        Some(2)
    );
    assert_eq!(asked(&node, "open.test").await, None);
    node.change(|snapshot| snapshot.bindings[0].client_auth.ca_list = CaList::Omit);
    assert_eq!(asked(&node, "a.test").await, Some(Vec::new()));
}

#[tokio::test]
async fn a_list_of_ca_names_that_is_too_long_is_left_out_with_a_warning() {
    let authorities = Authorities::new();
    let mut node = Node::new(&authorities);
    let many: Vec<_> = (0..100)
        .map(|n| Pki::new().root(&format!("{n:0200}")))
        .collect();
    node.change(|snapshot| {
        snapshot.ca_sets[0]
            .certificates
            .extend(many.iter().map(|ca| ca.der().to_vec()));
    });
    assert!(matches!(
        node.binding("a.test").warnings(),
        [countersign_tls::BuildTlsWarning::CaListOmitted { bytes: 20_000.. }]
    ));
    let client = client().presenting(&authorities.alice());
    node.meet("a.test", &client).await.welcome();
    assert_eq!(
        client.last_certificate_request().unwrap().authorities.len(),
        0
    );
}

#[tokio::test]
async fn one_of_several_ca_sets_is_enough_and_each_has_its_verdict() {
    let authorities = Authorities::new();
    let node = Node::new(&authorities);
    let (accepted, _) = node
        .meet("x.wild.test", &client().presenting(&authorities.bob()))
        .await
        .welcome();
    assert_eq!(
        accepted.verdicts.of(SET_A).unwrap().reason(),
        Some(Reason::UnknownIssuer)
    );
    assert!(accepted.verdicts.of(SET_B).unwrap().is_valid());
    assert!(accepted.verdicts.overall().is_valid());
}

/// A verdict holds to the last second of the certificate and not longer, from memory as well.
#[tokio::test]
async fn remembered_verdicts_end_with_the_certificate() {
    let authorities = Authorities::new();
    let node = Node::new(&authorities);
    let short = authorities
        .a
        .client("short")
        .valid(NOW + 10, NOW + 20)
        .issue();
    let (accepted, _) = node
        .meet("ask.test", &client().presenting(&short))
        .await
        .welcome();
    let trust = accepted.binding.trust();
    let reason_at = |secs| {
        node.clock.set(secs);
        let verdicts = evaluate_peer(trust, &accepted.peer, node.clock.now());
        assert!(verdicts.hold_at(node.clock.now()));
        verdicts.overall().reason()
    };
    for _ in 0..2 {
        assert_eq!(reason_at(NOW + 9), Some(Reason::NotYetValid));
        assert_eq!(reason_at(NOW + 10), None);
        assert_eq!(reason_at(NOW + 20), None);
        assert_eq!(reason_at(NOW + 21), Some(Reason::Expired));
    }
    assert_eq!(reason_at(NOW + DAY), Some(Reason::Expired));
}

/// A client that comes again costs a look-up: its verdict is the one that was made at first, until the revocation data changes.
#[tokio::test]
async fn a_verdict_is_made_once() {
    let authorities = Authorities::new();
    let node = Node::new(&authorities);
    let alice = client().presenting(&authorities.alice());
    let mut made = Vec::new();
    for seconds in [0, 100, 200] {
        node.clock.set(NOW + seconds);
        let (accepted, _) = node.meet("a.test", &alice).await.welcome();
        let Verdict::Valid(valid) = accepted.verdicts.overall() else {
            panic!("{:?}", accepted.verdicts);
        };
        made.push(valid.evaluated_at().as_secs());
    }
    assert_eq!(made, [NOW; 3]);
}

#[tokio::test]
async fn bindings_that_depend_on_the_same_share_a_build_over_generations() {
    let authorities = Authorities::new();
    let mut node = Node::new(&authorities);
    let before = std::sync::Arc::clone(node.binding("a.test"));
    node.change(|snapshot| snapshot.generation = countersign_snapshot::Generation::new(2));
    assert!(std::sync::Arc::ptr_eq(&before, node.binding("a.test")));
    node.change(|snapshot| snapshot.bindings[0].client_auth.mode = ClientAuthMode::Request);
    assert!(!std::sync::Arc::ptr_eq(&before, node.binding("a.test")));
}
