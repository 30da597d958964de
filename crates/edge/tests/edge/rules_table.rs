//! Every criterion and every behavior once through the whole edge, in both generations of the rule format: a request for which it holds, and one
//! for which it does not.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use countersign_rules::json_schema;
use countersign_snapshot::{Binding, ClientAuthMode, ClientCredential};
use countersign_testkit::client::{Response, body};
use countersign_testkit::{Credential, DAY, NOW, Origin, Pki};
use countersign_trust::Certificate;
use http::StatusCode;
use serde_json::{Value, json};

use crate::world::{CLIENTS, World, plain_origin, tls_origin};

const FORMATS: [&str; 2] = ["v2025-10-16", "latest"];

/// A request, and who sends it.
#[derive(Clone, Copy)]
struct Ask<'c> {
    method: &'static str,
    host: &'static str,
    target: &'static str,
    header: (&'static str, &'static str),
    client: Option<&'c Credential>,
}

const PLAIN: Ask<'static> = Ask {
    method: "GET",
    host: "a.test",
    target: "/",
    header: ("x-nothing", "to say"),
    client: None,
};

impl Ask<'_> {
    /// The answers over HTTP/1.1 and HTTP/2.
    async fn send(self, world: &World) -> Vec<Response> {
        let mut answers = Vec::new();
        for mut http in world.both(self.host, self.client).await {
            let request = http::Request::builder()
                .method(self.method)
                .uri(self.target)
                .header(self.header.0, self.header.1)
                .body(body(""))
                .unwrap();
            answers.push(http.send(request).await.unwrap());
        }
        answers
    }
}

/// A criterion, requests for which it holds, and requests for which it does not.
type Line<'c> = (&'static str, Value, Vec<Ask<'c>>, Vec<Ask<'c>>);

fn criteria<'c>(format: &str, alice: &'c Credential, stranger: &'c Credential) -> Vec<Line<'c>> {
    let known = Certificate::from_der(alice.der()).unwrap();
    let is = Ask {
        client: Some(alice),
        ..PLAIN
    };
    let not = Ask {
        client: Some(stranger),
        ..PLAIN
    };
    let values = |value: &str| json!({"values": [value]});
    let san = |kind: &str, value: &str| json!({"type": kind, "values": [value]});
    let mut lines = vec![
        (
            "hostname",
            values("B.test"),
            vec![Ask {
                host: "b.test",
                ..PLAIN
            }],
            vec![PLAIN],
        ),
        (
            "path",
            values("/only/*"),
            vec![Ask {
                target: "/ONLY/this?x",
                ..PLAIN
            }],
            vec![PLAIN],
        ),
        (
            "requestMethod",
            json!({"value": "POST"}),
            vec![Ask {
                method: "POST",
                ..PLAIN
            }],
            vec![PLAIN],
        ),
        (
            "requestProtocol",
            json!({"value": "HTTPS"}),
            vec![PLAIN],
            vec![],
        ),
        (
            "requestProtocol",
            json!({"value": "HTTP"}),
            vec![],
            vec![PLAIN],
        ),
        (
            "requestHeader",
            json!({"headerName": "X-Kind", "values": ["gold"]}),
            vec![Ask {
                header: ("x-kind", "Gold"),
                ..PLAIN
            }],
            vec![
                PLAIN,
                Ask {
                    header: ("x-kind", "golden"),
                    ..PLAIN
                },
            ],
        ),
        (
            "queryStringParameter",
            json!({"parameterName": "k", "values": ["v 1"]}),
            vec![Ask {
                target: "/?j=2&k=v+1",
                ..PLAIN
            }],
            vec![
                PLAIN,
                Ask {
                    target: "/?k=v",
                    ..PLAIN
                },
            ],
        ),
        ("clientIp", values("127.0.0.0/8"), vec![PLAIN], vec![]),
        ("clientIp", values("192.0.2.0/24"), vec![], vec![PLAIN]),
        (
            "clientSubject",
            json!({"attribute": "COMMON_NAME", "values": ["alice"]}),
            vec![is],
            vec![PLAIN, not],
        ),
        (
            "clientIssuer",
            json!({"attribute": "COMMON_NAME", "values": ["Clients Root"]}),
            vec![is],
            vec![PLAIN, not],
        ),
        (
            "clientSan",
            san("DNS", "alice.test"),
            vec![is],
            vec![PLAIN, not],
        ),
        (
            "clientSan",
            san("EMAIL", "alice@test.test"),
            vec![is],
            vec![PLAIN, not],
        ),
        (
            "clientSan",
            san("URI", "spiffe://test/alice"),
            vec![is],
            vec![PLAIN, not],
        ),
        (
            "clientSan",
            san("IP", "192.0.2.7"),
            vec![is],
            vec![PLAIN, not],
        ),
        (
            "clientSan",
            san("UPN", "alice@corp.test"),
            vec![is],
            vec![PLAIN, not],
        ),
        (
            "clientFingerprint",
            values(&known.fingerprint().to_string()),
            vec![is],
            vec![PLAIN, not],
        ),
        (
            "clientSpki",
            values(&known.spki_fingerprint().to_string()),
            vec![is],
            vec![PLAIN, not],
        ),
        (
            "clientSerial",
            values(&known.serial().to_string()),
            vec![is],
            vec![PLAIN, not],
        ),
        (
            "clientDaysLeft",
            json!({"matchOperator": "IS_LESS_THAN", "value": 30}),
            vec![is],
            vec![PLAIN, not],
        ),
        ("clientCaSet", values("1"), vec![is], vec![PLAIN, not]),
        (
            "clientReason",
            values("unknown_issuer"),
            vec![not],
            vec![PLAIN, is],
        ),
    ];
    let certificate = |options, holds, fails| ("clientCertificate", options, holds, fails);
    lines.extend(if format == "latest" {
        vec![
            certificate(json!({"enforceMtls": "PASS"}), vec![is], vec![PLAIN, not]),
            certificate(json!({"enforceMtls": "FAIL"}), vec![PLAIN, not], vec![is]),
            certificate(
                json!({"enforceMtls": "IGNORE", "certificateState": "MISSING"}),
                vec![PLAIN],
                vec![is, not],
            ),
            certificate(
                json!({"enforceMtls": "IGNORE", "certificateState": "PRESENT_INVALID"}),
                vec![not],
                vec![PLAIN, is],
            ),
        ]
    } else {
        vec![
            certificate(
                json!({"isCertificatePresent": true, "isCertificateValid": "VALID"}),
                vec![is],
                vec![PLAIN, not],
            ),
            certificate(
                json!({"isCertificatePresent": true, "isCertificateValid": "INVALID"}),
                vec![not],
                vec![PLAIN, is],
            ),
            certificate(
                json!({"isCertificatePresent": true}),
                vec![is, not],
                vec![PLAIN],
            ),
            certificate(
                json!({"isCertificatePresent": false}),
                vec![PLAIN],
                vec![is, not],
            ),
        ]
    });
    lines
}

fn binding(world: &World, format: &str, behaviors: Value, children: Value) -> Binding {
    let rules = json!({"ruleFormat": format, "rules": {"name": "default", "behaviors": behaviors, "children": children}});
    Binding {
        rules: rules.to_string(),
        ..world.binding(
            "a",
            &["a.test", "b.test"],
            ClientAuthMode::Request,
            &[CLIENTS],
        )
    }
}

/// The names that a document may have there.
fn names(place: &str) -> BTreeSet<String> {
    let schema = json_schema();
    let entries = schema["$defs"][place]["anyOf"].as_array().unwrap();
    let names = entries
        .iter()
        .map(|entry| &entry["properties"]["name"]["const"]);
    names
        .map(|name| name.as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn every_criterion_holds_where_it_says_and_nowhere_else() {
    let world = World::empty().await;
    let alice = world
        .clients
        .client("alice")
        .valid(NOW - DAY, NOW + 10 * DAY)
        .dns("alice.test")
        .email("alice@test.test")
        .uri("spiffe://test/alice")
        .ip(Ipv4Addr::new(192, 0, 2, 7))
        .upn("alice@corp.test")
        .issue();
    // The same name from an issuer that nobody trusts.
    let stranger = world
        .others
        .client("alice")
        .valid(NOW - DAY, NOW + 10 * DAY)
        .issue();
    for format in FORMATS {
        let lines = criteria(format, &alice, &stranger);
        let told: BTreeSet<_> = lines.iter().map(|(name, ..)| (*name).to_owned()).collect();
        assert_eq!(told, names("criterion"), "every criterion has a line");
        let children = lines.iter().enumerate().map(|(index, (name, options, ..))| {
            json!({"name": format!("{name} {index}"), "criteria": [{"name": name, "options": options}], "behaviors": [
                {"name": "modifyOutgoingResponseHeader", "options": {"action": "ADD", "standardAddHeaderName": "OTHER",
                    "customHeaderName": format!("X-Holds-{index}"), "headerValue": "yes"}}]})
        });
        let children = Value::from_iter(children);
        world
            .activate(&[binding(&world, format, json!([]), children)])
            .await;
        for (index, (name, options, holding, others)) in lines.iter().enumerate() {
            let header = format!("x-holds-{index}");
            for (asks, holds) in [(holding, true), (others, false)] {
                for ask in asks {
                    for answer in ask.send(&world).await {
                        assert_eq!(answer.status, StatusCode::OK);
                        let is_held = answer.header(&header).is_some();
                        assert_eq!(is_held, holds, "{format} {name} {options} {}", ask.target);
                    }
                }
            }
        }
    }
}

/// What rules do at each path; nothing of it at others.
fn acting(format: &str) -> Value {
    let at = |path: &str, behaviors: Value| json!({"name": path, "criteria": [{"name": "path", "options": {"values": [path]}}], "behaviors": behaviors});
    let change = |name: &str, header: &str| json!([{"name": name, "options": {"action": "ADD", "standardAddHeaderName": "OTHER", "customHeaderName": header, "headerValue": "yes"}}]);
    let mut denied = at(
        "/allow/*",
        json!([{"name": "denyAccess", "options": {"reason": "closed", "enabled": true}}]),
    );
    denied["children"] = json!([at(
        "/allow/ok",
        json!([{"name": "denyAccess", "options": {"reason": "closed", "enabled": false}}])
    )]);
    let mut enforce =
        json!({"enableAuthSet": true, "certificateAuthoritySet": ["1"], "enableDenyRequest": true});
    if format == "latest" {
        enforce["enableCompleteClientCertificate"] = json!(true);
    }
    json!([
        at(
            "/deny",
            json!([{"name": "denyAccess", "options": {"reason": "closed", "enabled": true}}])
        ),
        denied,
        at(
            "/respond",
            json!([{"name": "constructResponse", "options": {"enabled": true, "body": "closed", "responseCode": 503}}])
        ),
        at(
            "/redirect",
            json!([{"name": "redirect", "options": {
            "destinationHostname": "OTHER", "destinationHostnameOther": "new.test", "responseCode": 308}}])
        ),
        at(
            "/enforce",
            json!([{"name": "enforceMtlsSettings", "options": enforce}])
        ),
        at(
            "/forward",
            json!([{"name": "forwardClientIdentity", "options": {
            "presets": ["RFC9440", "AKAMAI_CC_DER", "CLIENT_TO_EDGE", "XFCC", "ALB", "NGINX"]}}])
        ),
        at(
            "/auth",
            json!([{"name": "clientCertificateAuth", "options": {"enable": true, "enableCompleteClientCertificate": true,
            "clientCertificateAttributes": ["COMMON_NAME"], "enableClientCertificateValidationStatus": true}}])
        ),
        at(
            "/inner",
            json!([
            {"name": "origin", "options": {"originId": "inner"}},
            {"name": "mtlsOriginKeystore", "options": {"enable": true, "clientCertificateVersionGuid": "credential-1", "authClientCert": true}}])
        ),
        at(
            "/log",
            json!([{"name": "logCustom", "options": {"logCustomLogField": true, "customLogField": "{{builtin.AK_PATH}}"}}])
        ),
        at("/in", change("modifyIncomingRequestHeader", "X-In")),
        at("/out", change("modifyOutgoingResponseHeader", "X-Out")),
        at(
            "/limit",
            json!([{"name": "rateLimitPerIdentity", "options": {
            "enabled": true, "name": "once", "requests": 1, "seconds": 60, "key": "SPKI"}}])
        ),
    ])
}

fn behaviors_of(rules: &Value, found: &mut BTreeSet<String>) {
    for rule in rules.as_array().into_iter().flatten() {
        let behaviors = rule["behaviors"].as_array().unwrap().iter();
        found.extend(behaviors.map(|it| it["name"].as_str().unwrap().to_owned()));
        behaviors_of(&rule["children"], found);
    }
}

#[tokio::test]
async fn every_behavior_does_what_it_says_where_its_rule_applies() {
    let world = World::empty().await;
    let root = Pki::new().root("Origin Root");
    let edges = Pki::new().root("Edges Root");
    let shown = edges.client("edge").issue();
    let inner = Origin::builder()
        .mutual_tls(&root.server(["origin.test"]).issue(), &edges)
        .start()
        .await;
    let alice = world.alice();
    for format in FORMATS {
        let children = acting(format);
        let mut found = BTreeSet::new();
        behaviors_of(&children, &mut found);
        assert_eq!(found, names("behavior"), "every behavior has a rule");
        let model = ClientCredential {
            id: "credential-1".parse().unwrap(),
            chain: shown.chain_der(),
            key: world.seal(ClientCredential::SEAL_CONTEXT, shown.key_der()),
        };
        world
            .activate_with(
                &[binding(&world, format, json!([]), children)],
                |snapshot| {
                    snapshot.origins = vec![
                        plain_origin("main", &world.origin),
                        tls_origin("inner", &inner, &root),
                    ];
                    snapshot.client_credentials = vec![model];
                },
            )
            .await;
        let known = Some(&alice);
        // What the edge answers by itself.
        for (target, client, status) in [
            ("/", None, StatusCode::OK),
            ("/deny", known, StatusCode::FORBIDDEN),
            ("/allow/no", known, StatusCode::FORBIDDEN),
            ("/allow/ok", known, StatusCode::OK),
            ("/respond", None, StatusCode::SERVICE_UNAVAILABLE),
            ("/redirect", None, StatusCode::PERMANENT_REDIRECT),
            ("/enforce", None, StatusCode::FORBIDDEN),
            ("/enforce", known, StatusCode::OK),
        ] {
            for answer in (Ask {
                target,
                client,
                ..PLAIN
            })
            .send(&world)
            .await
            {
                assert_eq!(answer.status, status, "{format} {target}");
                assert_eq!(answer.header("location").is_some(), target == "/redirect");
                assert_eq!(answer.text() == "closed", target == "/respond");
            }
        }
        // What the origin, the client and the log get, at the path and at another one.
        for at in ["/forward", "/auth", "/inner", "/log", "/in", "/out", "/"] {
            let ask = Ask {
                target: at,
                client: known,
                ..PLAIN
            };
            let reached = (world.origin.received().len(), inner.received().len());
            for answer in ask.send(&world).await {
                assert_eq!(answer.status, StatusCode::OK, "{format} {at}");
                assert_eq!(answer.header("x-out").is_some(), at == "/out");
            }
            if at == "/inner" {
                assert_eq!(inner.received().len(), reached.1 + 2);
                assert_eq!(inner.last().client_chain, shown.chain_der());
                continue;
            }
            assert_eq!(world.origin.received().len(), reached.0 + 2);
            let received = world.origin.last();
            let has = |header: &str| !received.header(header).is_empty();
            assert_eq!(has("x-in"), at == "/in", "{format} {at}");
            assert_eq!(
                has("akamai-cc-der"),
                ["/forward", "/auth"].contains(&at),
                "{format} {at}"
            );
            assert_eq!(has("akamai-cc-common-name"), at == "/auth", "{format} {at}");
            for header in [
                "client-cert",
                "client-to-edge-http-auth",
                "x-forwarded-client-cert",
                "x-amzn-mtls-clientcert-leaf",
                "ssl-client-cert",
            ] {
                let is_told =
                    at == "/forward" || (at == "/auth" && header == "client-to-edge-http-auth");
                assert_eq!(has(header), is_told, "{format} {at} {header}");
            }
        }
        let logged = world.record("the custom field", |record| record["custom_log"] == "/log");
        assert_eq!(logged.await["status"], 200);
        let client = world.clients.client("limited").issue();
        let mut http = world.http1_as("a.test", &client).await;
        for (target, status) in [("/limit", 200), ("/limit", 429), ("/", 200)] {
            assert_eq!(
                http.get(target).await.unwrap().status.as_u16(),
                status,
                "{format} {target}"
            );
        }
    }
}
