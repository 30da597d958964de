//! Explanations: the whole tree, and the command that helps.

use std::time::Duration;

use countersign_api::v1::Network as WireNetwork;
use countersign_api::v1::explain::{ExplainRequest, Explanation};
use countersign_api::v1::sites::{SiteInput, TcpSettings};
use countersign_api::v1::tls::ClientCertificateMode;
use countersign_controller::{
    AccountId, ActivationStatus, Caller, ErrorCode, NewCrl, NewRevocation, ServiceError,
    openapi_document,
};
use countersign_snapshot::{CaSetId, StatusQuestion};
use countersign_testkit::ocsp::{Manner, OcspResponder, Status, response};
use countersign_testkit::{Ca, Credential, DAY, NOW, Pki, wait};
use countersign_trust::{
    ManualRevocation, RevocationMode, RevocationPolicy, RevocationReason, RevocationScope, UnixTime,
};
use serde_json::json;

use crate::conforms::conforms;
use crate::support::World;

const HOST: &str = "www.a.test";

/// A site on staging whose clients are those of a CA.
struct Fixture {
    world: World,
    root: Ca,
    issuing: Ca,
    ca_set: CaSetId,
}

impl Fixture {
    /// Another site on staging that clients of the same CA may use, changed by `change`.
    async fn another_site(&self, hostname: &str, ca_set: CaSetId, change: impl Fn(&mut SiteInput)) {
        let mut input = self
            .world
            .site(hostname, Some(ca_set), &[WireNetwork::Staging]);
        change(&mut input);
        let sites = self.world.controller.sites();
        let (site, _) = sites.create(&self.world.caller, &input).await.unwrap();
        sites.settled(&self.world.caller, site.id).await.unwrap();
    }

    /// Something has to be known about clients, and that is enforced.
    async fn require_revocation_data(&self) {
        let crls = self.world.controller.crls();
        let policy = RevocationPolicy {
            mode: RevocationMode::Require,
            scope: RevocationScope::Leaf,
            stale_grace: Duration::ZERO,
        };
        let caller = &self.world.caller;
        crls.set_policy(caller, self.ca_set, policy).await.unwrap();
        wait::until_async("the policy to be enforced", async || {
            let answer = self.explain(get("/", Some(&self.alice()))).await;
            match answer.verdicts[0].revocation.mode.as_str() {
                "require" => Ok(()),
                other => Err(other.to_owned()),
            }
        })
        .await;
    }

    async fn new(mode: ClientCertificateMode) -> Self {
        let world = World::new().await;
        let root = Pki::new().root("Clients Root");
        let ca_set = world.ca_set("clients", &[&root]).await;
        let staging = countersign_snapshot::Network::Staging;
        let activation = world.activate(ca_set, 1, staging).await;
        assert_eq!(
            world.ended(&activation).await.status,
            ActivationStatus::Complete
        );
        let mut input = world.site(HOST, Some(ca_set), &[WireNetwork::Staging]);
        if let Some(clients) = &mut input.settings.mutual_authentication {
            clients.mode = mode;
            clients.open_paths = match mode {
                ClientCertificateMode::Require => Vec::new(),
                _ => vec!["/open/*".to_owned()],
            };
        }
        let sites = world.controller.sites();
        let (site, _) = sites.create(&world.caller, &input).await.unwrap();
        sites.settled(&world.caller, site.id).await.unwrap();
        Self {
            issuing: root.intermediate("Issuing"),
            root,
            ca_set,
            world,
        }
    }

    fn alice(&self) -> Credential {
        self.issuing.client("alice").issue()
    }

    async fn ask(&self, request: ExplainRequest) -> Result<Explanation, ServiceError> {
        let explanations = self.world.controller.explanations();
        explanations.explain(&self.world.caller, &request).await
    }

    /// The answer, which is what its schema says.
    async fn explain(&self, request: ExplainRequest) -> Explanation {
        let answer = self.ask(request).await.unwrap();
        let schema = json!({"$ref": "#/components/schemas/Explanation"});
        let value = serde_json::to_value(&answer).unwrap();
        conforms(&openapi_document(), &schema, &value, "Explanation");
        answer
    }
}

fn get(path: &str, client: Option<&Credential>) -> ExplainRequest {
    ExplainRequest {
        network: Some(WireNetwork::Staging),
        hostname: HOST.to_owned(),
        certificate_pem: client.map(Credential::chain_pem),
        path: Some(path.to_owned()),
        ..ExplainRequest::default()
    }
}

/// Reason, place and command of a refusal.
#[track_caller]
fn refused<'a>(answer: &'a Explanation, place: &str, reason: &str) -> &'a str {
    let decision = &answer.decision;
    assert_eq!(decision.outcome, "refused", "{decision:?}");
    assert_eq!(decision.refused_at.as_deref(), Some(place), "{decision:?}");
    assert_eq!(decision.reason.as_deref(), Some(reason), "{decision:?}");
    assert!(decision.remedy.is_some(), "{decision:?}");
    decision.command.as_deref().unwrap_or_default()
}

#[tokio::test]
async fn a_client_that_is_let_in_is_shown_its_path_and_the_rules() {
    let fixture = Fixture::new(ClientCertificateMode::Request).await;
    let mut request = get("/a?b=c", Some(&fixture.alice()));
    request.hostname = "WWW.a.test:8443".to_owned();
    request.headers = [("Client-Cert", "forged"), ("Accept", "*/*")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    let answer = fixture.explain(request).await;
    assert_eq!(answer.decision.outcome, "forwarded");
    assert_eq!(answer.decision.origin.as_deref(), Some("site-1"));
    assert_eq!(answer.request.hostname, HOST);
    assert_eq!(answer.request.path, "/a");
    assert_eq!(answer.request.query.as_deref(), Some("b=c"));
    assert_eq!(answer.request.removed_headers, ["client-cert"]);
    assert_eq!(answer.binding.unwrap().name, HOST);
    let verdict = &answer.verdicts[0];
    assert_eq!(
        (verdict.verdict.as_str(), verdict.ca_set_version),
        ("valid", 1)
    );
    let subjects: Vec<_> = verdict.path.iter().map(|it| it.subject.as_str()).collect();
    assert_eq!(subjects, ["CN=alice", "CN=Issuing", "CN=Clients Root"]);
    let known = verdict.revocation.certificates.iter();
    let states: Vec<_> = known.map(|it| it.state.as_str()).collect();
    assert_eq!(states, ["not_asked", "not_asked"]);
    assert!(
        answer
            .rules
            .unwrap()
            .rules
            .iter()
            .any(|rule| rule.outcome == "matched")
    );
}

#[tokio::test]
async fn refusals_say_where_why_and_which_command_helps() {
    let fixture = Fixture::new(ClientCertificateMode::Request).await;
    let check = async |path: &str,
                       client: Option<&Credential>,
                       place: &str,
                       reason: &str,
                       command: &str| {
        let answer = fixture.explain(get(path, client)).await;
        let helps = refused(&answer, place, reason);
        assert!(helps.contains(command), "{helps}");
        answer
    };
    let explain = format!("countersign explain --host {HOST} --path /a --network staging --cert");
    check("/a", None, "rules", "missing", &explain).await;
    let expired = fixture.issuing.client("old").expired(NOW).issue();
    check("/a", Some(&expired), "rules", "expired", &explain).await;
    let stranger = Pki::new().root("Stranger").client("mallory").issue();
    let answer = check(
        "/a",
        Some(&stranger),
        "rules",
        "unknown_issuer",
        "countersign ca-set version update clients latest --add-ca ISSUER.pem",
    )
    .await;
    assert_eq!(answer.verdicts[0].tried[0].subjects, ["CN=mallory"]);
    assert!(answer.decision.remedy.unwrap().contains("CN=Stranger"));
    check("/a/../b", None, "request", "ambiguous_path", "").await;
    let answer = fixture.explain(get("/open/door", None)).await;
    assert_eq!(answer.decision.outcome, "forwarded");

    let nowhere = ExplainRequest {
        hostname: "nowhere.test".to_owned(),
        ..get("/", None)
    };
    let answer = fixture.explain(nowhere).await;
    let command = refused(&answer, "handshake", "unknown_server_name");
    assert!(command.starts_with("countersign site create nowhere.test"));
    assert_eq!(answer.rules, None);
    let production = ExplainRequest {
        network: None,
        ..get("/", None)
    };
    let answer = fixture.explain(production).await;
    assert_eq!(answer.decision.refused_at.as_deref(), Some("handshake"));
    assert!(answer.binding.is_none());
}

#[tokio::test]
async fn where_a_certificate_is_required_the_handshake_refuses() {
    let fixture = Fixture::new(ClientCertificateMode::Require).await;
    let answer = fixture.explain(get("/", None)).await;
    refused(&answer, "handshake", "missing");
    assert_eq!(answer.rules, None, "no rule was asked");
    let later = UnixTime::from_secs(NOW + 2 * DAY);
    let brief = fixture.issuing.client("alice").valid(NOW - DAY, NOW + DAY);
    let mut request = get("/", Some(&brief.issue()));
    assert_eq!(
        fixture.explain(request.clone()).await.decision.outcome,
        "forwarded"
    );
    request.time = Some(later.to_string());
    let answer = fixture.explain(request).await;
    assert_eq!(answer.decision.refused_at.as_deref(), Some("handshake"));
    assert_eq!(answer.time.as_micros(), later.as_micros());
}

#[tokio::test]
async fn a_revocation_by_hand_is_named_and_how_to_end_it() {
    let fixture = Fixture::new(ClientCertificateMode::Request).await;
    let alice = fixture.alice();
    let parsed = countersign_trust::Certificate::from_der(alice.der()).unwrap();
    let issuing = countersign_trust::Certificate::from_der(fixture.issuing.der()).unwrap();
    let revocations = fixture.world.controller.revocations();
    let new = |what| NewRevocation {
        what,
        reason: RevocationReason::KeyCompromise,
        note: None,
        ends_at: None,
    };
    for (number, what) in [
        ManualRevocation::Certificate(parsed.fingerprint()),
        ManualRevocation::Key(parsed.spki_fingerprint()),
        ManualRevocation::Serial {
            issuer_key: issuing.spki_fingerprint(),
            serial: parsed.serial().clone(),
        },
        ManualRevocation::IssuedBefore {
            issuer_key: issuing.spki_fingerprint(),
            before: UnixTime::from_secs(NOW),
        },
    ]
    .into_iter()
    .enumerate()
    {
        let made = revocations
            .create(&fixture.world.caller, new(what))
            .await
            .unwrap();
        let answer = fixture.explain(get("/", Some(&alice))).await;
        let command = refused(&answer, "rules", "revoked");
        assert_eq!(command, format!("countersign revoke end {}", number + 1));
        let status = &answer.verdicts[0].revocation.certificates[0];
        assert_eq!(status.state, "revoked", "{status:?}");
        assert!(status.detail.contains("An operator"), "{status:?}");
        revocations
            .end(&fixture.world.caller, made.id)
            .await
            .unwrap();
    }
    let answer = fixture.explain(get("/", Some(&alice))).await;
    assert_eq!(answer.decision.outcome, "forwarded");
}

#[tokio::test]
async fn revocation_evidence_has_its_state_and_its_age() {
    let fixture = Fixture::new(ClientCertificateMode::Request).await;
    let bob = fixture.root.client("bob").issue();
    fixture.require_revocation_data().await;
    let (crls, caller) = (fixture.world.controller.crls(), &fixture.world.caller);
    let answer = fixture.explain(get("/", Some(&bob))).await;
    let command = refused(&answer, "rules", "revocation_unknown");
    assert_eq!(command, "countersign crl add clients --file CRL.pem");
    let status = &answer.verdicts[0].revocation.certificates[0];
    assert_eq!((status.state.as_str(), status.required), ("unknown", true));

    let crl = NewCrl::Upload(fixture.root.crl().number(&[7]).issue());
    crls.add(caller, fixture.ca_set, crl).await.unwrap();
    let answer = fixture.explain(get("/", Some(&bob))).await;
    assert_eq!(answer.decision.outcome, "forwarded");
    let status = &answer.verdicts[0].revocation.certificates[0];
    assert_eq!(status.state, "good");
    let source = &status.sources[0];
    assert_eq!(
        (source.kind.as_str(), source.signer.as_str()),
        ("crl", "CN=Clients Root")
    );
    assert_eq!(source.age_seconds, u64::try_from(DAY).unwrap());
    assert!(source.number.is_some() && source.next_update.is_some());

    let crl = fixture.root.crl().number(&[8]).revoke(&bob);
    let crl = crl.updates(NOW - 60, Some(NOW + DAY)).issue();
    crls.add(caller, fixture.ca_set, NewCrl::Upload(crl))
        .await
        .unwrap();
    let answer = fixture.explain(get("/", Some(&bob))).await;
    refused(&answer, "rules", "revoked");
    let status = &answer.verdicts[0].revocation.certificates[0];
    assert!(status.detail.contains("Its CA revoked it"), "{status:?}");
}

/// What nodes got when the client came is evidence too; and why they got nothing.
#[tokio::test]
async fn what_an_ocsp_responder_said_is_shown_with_its_age_or_why_it_said_nothing() {
    let fixture = Fixture::new(ClientCertificateMode::Require).await;
    fixture.require_revocation_data().await;
    let (controller, caller) = (&fixture.world.controller, &fixture.world.caller);
    let responder = OcspResponder::start(&fixture.root).await;
    let sources = json!({"responders": [{"url": responder.url(), "privateNetwork": true}]});
    let sources = serde_json::from_value(sources).unwrap();
    let set = fixture.ca_set;
    let ocsp = controller.ocsp();
    ocsp.set_sources(caller, set, sources).await.unwrap();
    let bob = fixture.root.client("bob").issue();
    let certificate = |der: &[u8]| countersign_trust::Certificate::from_der(der).unwrap();
    let as_a_node = StatusQuestion {
        ca_set: set,
        certificate: certificate(bob.der()),
        issuer: certificate(fixture.root.der()),
    };
    let explained = async || fixture.explain(get("/", Some(&bob))).await;
    let status = |answer: &Explanation| answer.verdicts[0].revocation.certificates[0].clone();

    let answer = explained().await;
    let command = refused(&answer, "handshake", "revocation_unknown");
    assert_eq!(command, "countersign crl add clients --file CRL.pem");
    assert!(status(&answer).detail.contains("Nobody was asked"));
    assert_eq!(responder.asked(), 0, "an explanation asks nobody");

    responder.behaves(Manner::Fails(503));
    controller.status_source().ask(as_a_node.clone()).await;
    let answer = explained().await;
    let command = refused(&answer, "handshake", "revocation_unknown");
    assert_eq!(command, "countersign crl ocsp clients");
    let detail = status(&answer).detail;
    assert!(
        detail.contains(&responder.url()) && detail.contains("503"),
        "{detail}"
    );

    for (state, said, at) in [
        ("good", Status::Good, NOW - 60),
        ("revoked", Status::Revoked, NOW - 30),
    ] {
        // Another certificate each time, since what is known is not asked for again.
        let carol = fixture.root.client(state).issue();
        let body = response(&fixture.root, &carol, said, at, NOW + DAY);
        responder.behaves(Manner::Says(body));
        let mut question = as_a_node.clone();
        question.certificate = certificate(carol.der());
        controller.status_source().ask(question).await;
        let answer = fixture.explain(get("/", Some(&carol))).await;
        let status = status(&answer);
        assert_eq!(status.state, state, "{status:?}");
        let source = &status.sources[0];
        assert_eq!(source.kind, "ocsp");
        assert_eq!(source.signer, "CN=Clients Root");
        assert_eq!(source.age_seconds, u64::try_from(NOW - at).unwrap());
        match said {
            Status::Good => assert_eq!(answer.decision.outcome, "forwarded"),
            _ => drop(refused(&answer, "handshake", "revoked").to_owned()),
        }
    }
}

#[tokio::test]
async fn a_request_over_a_connection_to_another_name_is_served_only_under_the_same_policy() {
    let fixture = Fixture::new(ClientCertificateMode::Request).await;
    fixture
        .another_site("api.a.test", fixture.ca_set, |input| {
            if let Some(clients) = &mut input.settings.mutual_authentication {
                clients.open_paths = vec!["/open/*".to_owned()];
                clients.mode = ClientCertificateMode::Request;
            }
        })
        .await;
    let others = Pki::new().root("Others Root");
    let others = fixture.world.ca_set("others", &[&others]).await;
    let staging = countersign_snapshot::Network::Staging;
    let activation = fixture.world.activate(others, 1, staging).await;
    fixture.world.ended(&activation).await;
    fixture.another_site("others.a.test", others, |_| {}).await;
    let over = |server_name: &str| ExplainRequest {
        server_name: Some(server_name.to_owned()),
        ..get("/", Some(&fixture.alice()))
    };
    let answer = fixture.explain(over("api.a.test:443")).await;
    assert_eq!(answer.decision.outcome, "forwarded");
    assert_eq!(answer.request.server_name, "api.a.test");
    let answer = fixture.explain(over("others.a.test")).await;
    refused(&answer, "request", "misdirected_request");
    assert_eq!(answer.binding.unwrap().name, HOST);
    let answer = fixture.explain(over("nowhere.test")).await;
    refused(&answer, "handshake", "unknown_server_name");
    let error = fixture.ask(over("no name")).await.unwrap_err();
    assert_eq!(error.pointer.as_deref(), Some("/serverName"));
}

/// The rules see such a connection as a `CONNECT` of `/`, whatever else is asked.
#[tokio::test]
async fn a_connection_whose_bytes_are_passed_on_is_explained_as_one() {
    let fixture = Fixture::new(ClientCertificateMode::Request).await;
    fixture
        .another_site("db.a.test", fixture.ca_set, |input| {
            input.settings.origin.url = "tcp://10.0.0.5:5432".into();
            input.settings.tcp = Some(TcpSettings::default());
        })
        .await;
    let at = |path: &str, client: Option<&Credential>| ExplainRequest {
        hostname: "db.a.test".to_owned(),
        ..get(path, client)
    };
    // No path is ambiguous where there is none.
    let answer = fixture.explain(at("/a/../b", Some(&fixture.alice()))).await;
    assert_eq!(
        answer.decision.outcome, "forwarded",
        "{:?}",
        answer.decision
    );
    let answer = fixture.explain(at("/", None)).await;
    assert_eq!(answer.decision.reason.as_deref(), Some("missing"));
    // It has no requests that came over a connection to another name.
    let answer = fixture
        .explain(ExplainRequest {
            server_name: Some(HOST.to_owned()),
            ..at("/", Some(&fixture.alice()))
        })
        .await;
    refused(&answer, "request", "misdirected_request");
}

#[tokio::test]
async fn another_accounts_hostname_is_not_explained_and_bad_fields_are_named() {
    let fixture = Fixture::new(ClientCertificateMode::Request).await;
    let stranger = Caller::internal(AccountId::new("A-OTHER"), "test");
    let explanations = fixture.world.controller.explanations();
    let error = explanations
        .explain(&stranger, &get("/", None))
        .await
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::Forbidden);
    for (request, pointer) in [
        (
            ExplainRequest {
                hostname: "192.0.2.1".to_owned(),
                ..get("/", None)
            },
            "/hostname",
        ),
        (
            ExplainRequest {
                certificate_pem: Some("no".to_owned()),
                ..get("/", None)
            },
            "/certificatePem",
        ),
        (
            ExplainRequest {
                server_name: Some("a b".to_owned()),
                ..get("/", None)
            },
            "/serverName",
        ),
        (
            ExplainRequest {
                method: Some("G T".to_owned()),
                ..get("/", None)
            },
            "/method",
        ),
        (
            ExplainRequest {
                client_address: Some("here".to_owned()),
                ..get("/", None)
            },
            "/clientAddress",
        ),
        (
            ExplainRequest {
                time: Some("soon".to_owned()),
                ..get("/", None)
            },
            "/time",
        ),
        (
            ExplainRequest {
                headers: [("a b".to_owned(), String::new())].into(),
                ..get("/", None)
            },
            "/headers/a b",
        ),
    ] {
        let error = fixture.ask(request).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidField);
        assert_eq!(error.pointer.as_deref(), Some(pointer));
    }
}
