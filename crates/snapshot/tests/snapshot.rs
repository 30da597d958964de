//! A snapshot on its way: what arrives is what was compiled, or it is refused.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::sync::LazyLock;
use std::time::Duration;

use countersign_rules::{Enforcement, IdentityPresets, SiteOrigin, SiteRules, site_rules};
use countersign_snapshot::*;
use countersign_testkit::{DAY, NOW, Pki};
use countersign_trust::{
    ExtendedKeyUsageRule, Owner, Policy, RevocationMode, RevocationPolicy, RevocationScope,
    Sha1Signatures, UnixTime,
};

struct Material {
    server_chain: Vec<Vec<u8>>,
    authorities: [Vec<u8>; 3],
    key: SealedSecret,
}

static MATERIAL: LazyLock<Material> = LazyLock::new(|| {
    let root = Pki::new().root("Root");
    let other = Pki::new().root("Other");
    let server = root.server(["a.test", "*.b.test"]).issue();
    let sealing = SealingKey::generate().unwrap();
    let secret = Secret::new(server.key_der().to_vec());
    Material {
        server_chain: server.chain_der(),
        authorities: [
            root.der().to_vec(),
            root.intermediate("Issuing").der().to_vec(),
            other.der().to_vec(),
        ],
        key: sealing
            .seal(ServerCertificate::SEAL_CONTEXT, &secret)
            .unwrap(),
    }
});

fn snapshot() -> Snapshot {
    Snapshot {
        network: Network::Production,
        generation: Generation::new(7),
        created: UnixTime::from_secs(NOW),
        ca_sets: vec![CaSet {
            id: CaSetId::new(199),
            owner: None,
            name: "demo".into(),
            version: VersionNumber::new(2),
            sha1: Sha1Signatures::Refuse,
            policy: countersign_trust::Policy::default(),
            certificates: MATERIAL.authorities[..2].to_vec(),
        }],
        server_certificates: vec![ServerCertificate {
            id: "server".parse().unwrap(),
            chain: MATERIAL.server_chain.clone(),
            key: MATERIAL.key.clone(),
        }],
        client_credentials: vec![ClientCredential {
            id: "credential-3".parse().unwrap(),
            chain: MATERIAL.server_chain.clone(),
            key: MATERIAL.key.clone(),
        }],
        forwarding_keys: vec![ForwardingKey {
            id: "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I".to_owned(),
            used_from: UnixTime::from_secs(NOW),
            key: MATERIAL.key.clone(),
        }],
        origins: vec![
            Origin {
                id: "plain".parse().unwrap(),
                endpoints: vec![endpoint("127.0.0.1", 8080)],
                scheme: OriginScheme::Http,
                host_header: HostHeader::Request,
                timeouts: OriginTimeouts::default(),
                policy: OriginPolicy::default(),
            },
            Origin {
                id: "origin.test:443".parse().unwrap(),
                endpoints: vec![endpoint("origin.test", 443), endpoint("::1", 444)],
                scheme: OriginScheme::Https(OriginTls {
                    trust: OriginTrust::Bundle(vec![MATERIAL.authorities[0].clone()]),
                    server_name: Some("inner.test".into()),
                    minimum_version: TlsVersion::Tls13,
                    client_credential: Some("credential-3".parse().unwrap()),
                }),
                host_header: HostHeader::Custom("inner.test".into()),
                timeouts: OriginTimeouts {
                    connect: Duration::from_millis(1500),
                    ..OriginTimeouts::default()
                },
                policy: OriginPolicy {
                    protocol: OriginProtocol::Http2,
                    sharing: ConnectionSharing::PerClientConnection,
                    forwarded: ForwardedHeaders {
                        form: ForwardedForm::Both,
                        trusted_fronts: vec!["10.0.0.0/8".parse().unwrap()],
                    },
                    asks: OriginAsks::Always,
                    health_check: Some(HealthCheck {
                        kind: HealthCheckKind::Grpc {
                            service: "test.Echo".into(),
                        },
                        path: "/health".into(),
                        ..HealthCheck::default()
                    }),
                    slow_start: Duration::from_secs(30),
                    ..OriginPolicy::default()
                },
            },
        ],
        bindings: vec![Binding {
            id: "site".parse().unwrap(),
            names: vec!["a.test".parse().unwrap(), "*.b.test".parse().unwrap()],
            server_certificates: vec!["server".parse().unwrap()],
            tls: TlsPolicy {
                minimum_version: TlsVersion::Tls13,
                ciphers: CipherProfile::Modern,
                http: HttpVersions::Http1,
                ..TlsPolicy::default()
            },
            client_auth: ClientAuth {
                mode: ClientAuthMode::Request,
                ca_sets: vec![CaSetId::new(199)],
                ca_list: CaList::Advertise,
                policy: Policy {
                    extended_key_usage: ExtendedKeyUsageRule::AcceptServerAuthUntil(
                        UnixTime::from_secs(NOW + DAY),
                    ),
                    revocation: RevocationPolicy {
                        mode: RevocationMode::Require,
                        scope: RevocationScope::Leaf,
                        stale_grace: Duration::from_secs(60),
                    },
                },
            },
            rules: rules(&["199"]),
            origin: "plain".parse().unwrap(),
            service: Service::Http,
            property: Some(PropertyVersion {
                name: "shop".to_owned(),
                version: VersionNumber::new(7),
            }),
            plain_http: PlainHttp::Refuse,
            strict_transport: None,
        }],
    }
}

fn endpoint(host: &str, port: u16) -> Endpoint {
    Endpoint {
        host: host.into(),
        port,
        weight: 1,
    }
}

fn rules(ca_sets: &[&str]) -> String {
    site_rules(SiteRules {
        ca_sets: ca_sets.iter().map(ToString::to_string).collect(),
        enforcement: Enforcement::Deny,
        open_paths: vec!["/open/*".into()],
        denied_paths: Vec::new(),
        certificate_paths: Vec::new(),
        forward: IdentityPresets::RFC9440,
        sign: false,
        origin: SiteOrigin::Id("plain".into()),
    })
    .to_json()
}

fn signing_rules() -> String {
    let sign = r#"[{"name":"forwardClientIdentity","options":{"sign":true}}]"#;
    format!(r#"{{"rules":{{"name":"default","behaviors":{sign}}},"ruleFormat":"latest"}}"#)
}

#[test]
fn every_choice_of_http_versions_arrives() {
    let (key, _) = SigningKey::generate().unwrap();
    for http in [
        HttpVersions::Http1,
        HttpVersions::Http1AndHttp2,
        HttpVersions::Http1ToHttp3,
    ] {
        let mut snapshot = snapshot();
        snapshot.bindings[0].tls.http = http;
        let arrived = SignedSnapshot::from_bytes(&key.sign(&snapshot).to_bytes()).unwrap();
        let verified = arrived.verify(&key.verifying_key(), Network::Production);
        assert_eq!(verified.unwrap().bindings[0].tls.http, http);
    }
}

#[test]
fn what_arrives_is_what_was_signed() {
    let (key, _) = SigningKey::generate().unwrap();
    let signed = key.sign(&snapshot());
    let arrived = SignedSnapshot::from_bytes(&signed.to_bytes()).unwrap();
    assert_eq!(arrived, signed);
    let read = arrived
        .verify(&key.verifying_key(), Network::Production)
        .unwrap();
    assert_eq!(read, snapshot());
}

/// Each comes after what was added before it, and none is there without need.
#[test]
fn what_was_added_to_the_wire_form_arrives_with_and_without_what_was_added_before() {
    let (key, _) = SigningKey::generate().unwrap();
    let tcp = Service::Tcp(TcpService {
        proxy_protocol: ProxyProtocol::V2,
        idle: Duration::from_millis(1500),
        alpn: vec!["postgresql".into()],
    });
    let strict_transport = Some(StrictTransport {
        max_age_seconds: 31_536_000,
        include_subdomains: true,
        preload: false,
    });
    for policy in [RevocationMode::Off, RevocationMode::Prefer] {
        for (service, is_named, plain_http, strict_transport) in [
            (Service::Http, false, PlainHttp::Refuse, None),
            (tcp.clone(), false, PlainHttp::Refuse, None),
            (Service::Http, true, PlainHttp::Refuse, None),
            (tcp.clone(), true, PlainHttp::Refuse, None),
            (Service::Http, false, PlainHttp::Redirect, strict_transport),
            (tcp.clone(), true, PlainHttp::Serve, None),
        ] {
            let mut snapshot = snapshot();
            snapshot.bindings[0].property.take_if(|_| !is_named);
            snapshot.ca_sets[0].policy.revocation.mode = policy;
            snapshot.origins[0].scheme = OriginScheme::Tcp;
            snapshot.bindings[0].service = service;
            snapshot.bindings[0].plain_http = plain_http;
            snapshot.bindings[0].strict_transport = strict_transport;
            let arrived = SignedSnapshot::from_bytes(&key.sign(&snapshot).to_bytes()).unwrap();
            let verified = arrived.verify(&key.verifying_key(), Network::Production);
            assert_eq!(verified.unwrap(), snapshot);
        }
    }
}

#[test]
fn equal_snapshots_have_equal_digests_whoever_signs() {
    let (one, stored) = SigningKey::generate().unwrap();
    let (two, _) = SigningKey::generate().unwrap();
    let digest = one.sign(&snapshot()).digest();
    assert_eq!(two.sign(&snapshot()).digest(), digest);
    let again = SigningKey::from_pkcs8(&stored).unwrap();
    assert_eq!(again.sign(&snapshot()), one.sign(&snapshot()));
    let next = Snapshot {
        generation: Generation::new(8),
        ..snapshot()
    };
    assert_ne!(one.sign(&next).digest(), digest);
}

#[test]
fn another_key_or_another_network_is_refused() {
    let (key, _) = SigningKey::generate().unwrap();
    let (other, _) = SigningKey::generate().unwrap();
    let signed = key.sign(&snapshot());
    assert_eq!(
        signed.verify(&other.verifying_key(), Network::Production),
        Err(VerifyError::Signature)
    );
    assert_eq!(
        signed.verify(&key.verifying_key(), Network::Staging),
        Err(VerifyError::Network {
            expected: Network::Staging,
            actual: Network::Production
        })
    );
}

#[test]
fn every_altered_bit_and_every_cut_is_refused() {
    let (key, _) = SigningKey::generate().unwrap();
    let bytes = key.sign(&snapshot()).to_bytes();
    let verify = |bytes: &[u8]| {
        SignedSnapshot::from_bytes(bytes)?.verify(&key.verifying_key(), Network::Production)
    };
    assert!(verify(&bytes).is_ok());
    for index in 0..bytes.len() {
        let mut altered = bytes.clone();
        altered[index] ^= 1 << (index % 8);
        assert!(verify(&altered).is_err(), "bit of byte {index}");
        assert!(verify(&bytes[..index]).is_err(), "cut at {index}");
    }
    assert!(verify(&[&bytes[..], b"x"].concat()).is_err());
}

/// What is appended to the body says only what is not the default, in whatever combination.
#[test]
fn appended_sections_are_read_as_they_were_written() {
    let (key, _) = SigningKey::generate().unwrap();
    let read = |snapshot: &Snapshot| {
        let bytes = key.sign(snapshot).to_bytes();
        SignedSnapshot::from_bytes(&bytes)
            .unwrap()
            .verify(&key.verifying_key(), Network::Production)
            .unwrap()
    };
    let mut plain = snapshot();
    plain.origins[1].policy = OriginPolicy::default();
    let mut revoking = plain.clone();
    revoking.ca_sets[0].policy.revocation.mode = RevocationMode::Prefer;
    let mut both = snapshot();
    both.ca_sets[0].policy.revocation.mode = RevocationMode::Prefer;
    // The last section; a snapshot without it is what was written before there were owners.
    let mut owned = plain.clone();
    owned.ca_sets[0].owner = Some(Owner::new("A-1"));
    let mut without_keys = snapshot();
    without_keys.forwarding_keys.clear();
    for snapshot in [plain, revoking, both, owned, without_keys, snapshot()] {
        assert_eq!(read(&snapshot), snapshot);
    }
}

#[test]
fn a_whole_snapshot_is_enforceable_and_resolves_its_names() {
    let checked = CheckedSnapshot::check(snapshot()).unwrap();
    let resolve = |text| checked.resolve(&ServerName::new(text).unwrap());
    assert_eq!(resolve("A.test"), Some(0));
    assert_eq!(resolve("x.b.test"), Some(0));
    assert_eq!(resolve("b.test"), None);
    let binding = &checked.bindings()[0];
    assert_eq!(binding.ca_sets[0].name, "demo");
    assert_eq!(binding.ca_sets[0].anchors.certificates().len(), 2);
}

/// One way to break a snapshot, and what is said about it.
#[track_caller]
fn refused(edit: impl FnOnce(&mut Snapshot), expected: &[&str]) {
    let mut broken = snapshot();
    edit(&mut broken);
    let good = CheckedSnapshot::check(snapshot()).unwrap();
    // What was good before makes nothing good that is not.
    for earlier in [None, Some(&good)] {
        let problems = CheckedSnapshot::check_after(broken.clone(), earlier).unwrap_err();
        let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(texts, expected);
    }
}

/// Invariant I1: there is no pool of nothing, and no reference to nothing.
#[test]
fn what_cannot_be_enforced_whole_is_refused_with_the_place_and_the_reason() {
    refused(
        |it| it.ca_sets[0].certificates.clear(),
        &[
            "CA set demo version 2: holds no certificate",
            "binding site: needs the CA set 199, which is not active on production",
            "binding site: its rules ask for the CA set 199, which is not active on production",
        ],
    );
    refused(
        |it| it.bindings[0].client_auth.ca_sets.clear(),
        &["binding site: asks for certificates and names no CA set"],
    );
    refused(
        |it| it.bindings[0].rules = rules(&["199", "200"]),
        &["binding site: its rules ask for the CA set 200, which is not active on production"],
    );
    refused(
        |it| {
            it.forwarding_keys.clear();
            it.bindings[0].rules = signing_rules();
        },
        &["binding site: its rules have requests signed, and there is no key to sign with"],
    );
    refused(
        |it| it.forwarding_keys[0].id.push('"'),
        &["forwarding keys: have an id that is no base64url"],
    );
    refused(
        |it| it.server_certificates.clear(),
        &["binding site: needs the server certificate server, which is not in the snapshot"],
    );
    refused(
        |it| it.bindings[0].names.push("A.TEST.".parse().unwrap()),
        &["binding site: binds a.test, which is bound already"],
    );
    refused(
        |it| it.bindings[0].names.clear(),
        &["binding site: has no server name"],
    );
    refused(
        |it| it.origins.truncate(0),
        &[
            "binding site: needs the origin plain, which is not in the snapshot",
            "binding site: its rules need the origin plain, which is not in the snapshot",
        ],
    );
    refused(
        |it| it.origins[0].scheme = OriginScheme::Tcp,
        &[
            "binding site: needs the origin plain, which takes bytes, not HTTP",
            "binding site: its rules need the origin plain, which takes bytes, not HTTP",
        ],
    );
    refused(
        |it| it.client_credentials.clear(),
        &[
            "origin origin.test:443: needs the client credential credential-3, which is not in the snapshot",
        ],
    );
    refused(
        |it| it.origins[0].endpoints.clear(),
        &["origin plain: has no endpoint that may be chosen"],
    );
    refused(
        |it| {
            it.origins[0].policy.health_check = Some(HealthCheck {
                path: "health".into(),
                interval: Duration::ZERO,
                healthy_after: 0,
                expected_statuses: (300, 200),
                kind: HealthCheckKind::Grpc {
                    service: String::new(),
                },
                ..HealthCheck::default()
            });
            it.origins[0].policy.protocol = OriginProtocol::Http1;
            it.origins[0].policy.asks = OriginAsks::Always;
            it.origins[0].policy.outliers.max_ejected_percent = 101;
            it.origins[0].policy.resolve_every = Duration::ZERO;
        },
        &[
            "origin plain: may leave out more than all of its addresses",
            "origin plain: looks its names up without a pause",
            "origin plain: has a health check whose path is none",
            "origin plain: has a health check without a pause or without time",
            "origin plain: has a health check that needs no answer to change its mind",
            "origin plain: has a health check that expects no status at all",
            "origin plain: has a health check in another protocol than its own",
            "origin plain: has to ask for a certificate, without TLS to ask in",
        ],
    );
    refused(
        |it| it.bindings[0].tls.maximum_version = TlsVersion::Tls12,
        &["binding site: has a minimum TLS version above its maximum"],
    );
    refused(
        |it| it.bindings[0].server_certificates.clear(),
        &["binding site: has no server certificate"],
    );
    refused(
        |it| {
            it.bindings[0].plain_http = PlainHttp::Serve;
            it.bindings[0].strict_transport = Some(StrictTransport {
                max_age_seconds: 1,
                include_subdomains: false,
                preload: false,
            });
        },
        &[
            "binding site: is served without TLS and has a server certificate",
            "binding site: is served without TLS and asks for client certificates",
            "binding site: is served without TLS and tells clients to come over TLS",
        ],
    );
    refused(
        |it| {
            let twin = it.ca_sets[0].clone();
            it.ca_sets.push(twin);
        },
        &["CA set demo version 2: stands twice"],
    );
}

#[test]
fn broken_certificates_and_rules_are_refused() {
    for edit in [
        (|it: &mut Snapshot| it.ca_sets[0].certificates[1] = vec![0x30, 0x00]) as fn(&mut Snapshot),
        |it| it.server_certificates[0].chain[0] = b"no certificate".to_vec(),
        |it| it.bindings[0].rules = "{}".into(),
        |it| {
            it.bindings[0].rules = it.bindings[0]
                .rules
                .replace("enforceMtlsSettings", "enforceMtls")
        },
    ] {
        let mut broken = snapshot();
        edit(&mut broken);
        let good = CheckedSnapshot::check(snapshot()).unwrap();
        assert!(CheckedSnapshot::check_after(broken.clone(), Some(&good)).is_err());
        assert!(CheckedSnapshot::check(broken).is_err());
    }
}

#[test]
fn what_did_not_change_is_taken_over_and_nothing_else() {
    let two_sites = || {
        let mut snapshot = snapshot();
        let other = Binding {
            id: "other".parse().unwrap(),
            names: vec!["c.test".parse().unwrap()],
            client_auth: ClientAuth::off(),
            rules: r#"{"rules":{"name":"default"},"ruleFormat":"latest"}"#.into(),
            ..snapshot.bindings[0].clone()
        };
        snapshot.bindings.push(other);
        snapshot
    };
    let before = CheckedSnapshot::check(two_sites()).unwrap();
    let taken_over = |edit: &dyn Fn(&mut Snapshot)| {
        let mut changed = two_sites();
        changed.generation = Generation::new(8);
        edit(&mut changed);
        let anew = CheckedSnapshot::check(changed.clone()).unwrap();
        let after = CheckedSnapshot::check_after(changed, Some(&before)).unwrap();
        for (one, other) in after.bindings().iter().zip(anew.bindings()) {
            assert_eq!(one.binding, other.binding);
            assert_eq!(one.policy_identity, other.policy_identity);
        }
        let pairs = after.bindings().iter().zip(before.bindings());
        pairs
            .map(|(after, before)| std::sync::Arc::ptr_eq(after, before))
            .collect::<Vec<_>>()
    };
    let all = vec![true; 2];
    let but = |index: usize| {
        let mut expected = all.clone();
        expected[index] = false;
        expected
    };
    assert_eq!(taken_over(&|_| {}), all);
    assert_eq!(
        taken_over(&|it| it.bindings[0].rules += " "),
        but(0),
        "rules"
    );
    assert_eq!(
        taken_over(&|it| it.bindings[0].tls.http = HttpVersions::Http1AndHttp2),
        but(0),
        "TLS"
    );
    assert_eq!(
        taken_over(&|it| it.bindings[0].property = None),
        but(0),
        "what the log calls it"
    );
    let names_the_set = |it: &Snapshot| -> Vec<bool> {
        it.bindings
            .iter()
            .map(|binding| binding.client_auth.ca_sets.is_empty())
            .collect()
    };
    assert_eq!(
        taken_over(&|it| it.ca_sets[0].certificates.truncate(1)),
        names_the_set(&two_sites()),
        "another version of a CA set"
    );
}

fn identity(edit: impl FnOnce(&mut Snapshot)) -> PolicyIdentity {
    let mut changed = snapshot();
    edit(&mut changed);
    let auth = changed.bindings[0].client_auth.clone();
    let named = |set: &&CaSet| auth.ca_sets.contains(&set.id);
    PolicyIdentity::new(&auth, changed.ca_sets.iter().filter(named))
}

/// Threat C1.2: a ticket or a connection made under one policy must not pass for another.
#[test]
fn the_policy_identity_changes_with_every_input_of_the_decision() {
    let edits: Vec<fn(&mut Snapshot)> = vec![
        |_| {},
        |it| it.bindings[0].client_auth.mode = ClientAuthMode::Require,
        |it| it.bindings[0].client_auth.mode = ClientAuthMode::Off,
        |it| it.ca_sets[0].version = VersionNumber::new(3),
        |it| it.ca_sets[0].sha1 = Sha1Signatures::Allow,
        |it| it.ca_sets[0].certificates.truncate(1),
        |it| it.ca_sets[0].owner = Some(Owner::new("A-1")),
        |it| it.ca_sets[0].owner = Some(Owner::new("A-2")),
        |it| {
            it.ca_sets[0]
                .certificates
                .push(MATERIAL.authorities[2].clone())
        },
        |it| {
            it.ca_sets[0].id = CaSetId::new(200);
            it.bindings[0].client_auth.ca_sets = vec![CaSetId::new(200)];
        },
        |it| {
            let second = CaSet {
                id: CaSetId::new(200),
                ..it.ca_sets[0].clone()
            };
            it.ca_sets.push(second);
            it.bindings[0].client_auth.ca_sets.push(CaSetId::new(200));
        },
        |it| it.bindings[0].client_auth.policy.extended_key_usage = ExtendedKeyUsageRule::Any,
        |it| {
            it.bindings[0].client_auth.policy.extended_key_usage =
                ExtendedKeyUsageRule::AcceptAbsent
        },
        |it| {
            it.bindings[0].client_auth.policy.extended_key_usage =
                ExtendedKeyUsageRule::RequireClientAuth
        },
        |it| {
            it.bindings[0].client_auth.policy.extended_key_usage =
                ExtendedKeyUsageRule::AcceptServerAuthUntil(UnixTime::from_secs(NOW));
        },
        |it| it.ca_sets[0].policy.extended_key_usage = ExtendedKeyUsageRule::Any,
        |it| it.ca_sets[0].policy.extended_key_usage = ExtendedKeyUsageRule::RequireClientAuth,
        |it| it.ca_sets[0].policy.revocation.mode = RevocationMode::Prefer,
        |it| it.bindings[0].client_auth.policy.revocation.mode = RevocationMode::Prefer,
        |it| it.bindings[0].client_auth.policy.revocation.mode = RevocationMode::Off,
        |it| it.bindings[0].client_auth.policy.revocation.scope = RevocationScope::Path,
        |it| it.bindings[0].client_auth.policy.revocation.stale_grace = Duration::from_secs(61),
    ];
    let identities: Vec<PolicyIdentity> = edits.iter().map(identity).collect();
    for (index, one) in identities.iter().enumerate() {
        for (other_index, other) in identities.iter().enumerate().skip(index + 1) {
            assert_ne!(one, other, "edits {index} and {other_index}");
        }
    }
}

#[test]
fn the_policy_identity_ignores_what_decides_nothing_about_clients() {
    let original = identity(|_| {});
    assert_eq!(
        identity(|it| it.ca_sets[0].certificates.reverse()),
        original
    );
    assert_eq!(
        identity(|it| it.ca_sets[0].name = "renamed".into()),
        original
    );
    assert_eq!(
        identity(|it| it.bindings[0].client_auth.ca_list = CaList::Omit),
        original
    );
    assert_eq!(identity(|it| it.generation = Generation::new(8)), original);
    let off = |it: &mut Snapshot| it.bindings[0].client_auth = ClientAuth::off();
    let off_with_rest = |it: &mut Snapshot| it.bindings[0].client_auth.mode = ClientAuthMode::Off;
    assert_eq!(identity(off), identity(off_with_rest));
}

/// Threat C3.1.
#[test]
fn revocations_by_another_key_and_with_any_altered_bit_are_refused() {
    use countersign_snapshot::{
        RevocationManifest, RevocationSequence, SignedRevocations, VerifyRevocationsError,
    };
    let (key, _) = SigningKey::generate().unwrap();
    let (other, _) = SigningKey::generate().unwrap();
    let signed = key.sign_revocations(&RevocationManifest {
        sequence: RevocationSequence::new(7),
        created: UnixTime::from_secs(1_800_000_000),
        manual: Vec::new(),
        crls: Vec::new(),
        answers: Vec::new(),
        certificates: Vec::new(),
    });
    assert!(signed.verify(&key.verifying_key()).is_ok());
    assert!(matches!(
        signed.verify(&other.verifying_key()),
        Err(VerifyRevocationsError::Signature)
    ));
    let bytes = signed.to_bytes();
    for bit in 0..bytes.len() * 8 {
        let mut altered = bytes.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        let verified = SignedRevocations::from_bytes(&altered)
            .and_then(|signed| signed.verify(&key.verifying_key()));
        assert!(verified.is_err(), "bit {bit}");
    }
}
