//! The switches of a site over HTTP: TLS, terminate only, downstream mTLS and upstream mTLS, in every combination, each as people write it.

use std::collections::BTreeSet;

use countersign_testkit::{Credential, Pki};
use serde_json::{Value, json};

use crate::support::World;

/// One combination. The origin has TLS or not, since the switches are about it too.
#[derive(Clone, Copy, Debug)]
struct Switches {
    tls: bool,
    terminate_only: bool,
    downstream: bool,
    upstream: bool,
    origin_tls: bool,
}

impl Switches {
    fn all() -> impl Iterator<Item = Self> {
        (0..32_u8).map(|bits| Self {
            tls: bits & 1 != 0,
            terminate_only: bits & 2 != 0,
            downstream: bits & 4 != 0,
            upstream: bits & 8 != 0,
            origin_tls: bits & 16 != 0,
        })
    }

    /// What stands against it: place, code.
    fn refusals(self) -> BTreeSet<(&'static str, &'static str)> {
        let rules = [
            (self.downstream && !self.tls, "/clientCaPem", "needs-tls"),
            (self.upstream && !self.tls, "/clientCredential", "needs-tls"),
            (
                self.terminate_only && !self.tls,
                "/terminateOnly",
                "needs-tls",
            ),
            (
                self.terminate_only && self.origin_tls,
                "/origin/url",
                "terminate-only",
            ),
            (
                self.terminate_only && self.upstream,
                "/clientCredential",
                "terminate-only",
            ),
            (
                self.upstream && !self.origin_tls,
                "/clientCredential",
                "needs-https-origin",
            ),
        ];
        let holding = rules.into_iter().filter(|(holds, ..)| *holds);
        holding.map(|(_, place, code)| (place, code)).collect()
    }

    fn body(self, hostname: &str, pki: &Material) -> Value {
        let scheme = if self.origin_tls { "https" } else { "http" };
        let mut body = json!({
            "hostnames": [hostname],
            "origin": {"url": format!("{scheme}://origin.test:8080")},
        });
        if self.tls {
            body["certificate"] = pair(&pki.server);
        } else {
            body["plainHttp"] = json!(true);
        }
        if self.terminate_only {
            body["terminateOnly"] = json!(true);
        }
        if self.downstream {
            body["clientCaPem"] = json!(pki.ca);
        }
        if self.upstream {
            body["clientCredential"] = pair(&pki.client);
        }
        body
    }
}

struct Material {
    ca: String,
    server: Credential,
    client: Credential,
}

impl Material {
    fn new() -> Self {
        let root = Pki::new().root("Root");
        Self {
            ca: root.pem(),
            server: root.server(["*.a.test"]).issue(),
            client: root.client("edge").issue(),
        }
    }
}

fn pair(credential: &Credential) -> Value {
    json!({"certificatePem": credential.chain_pem(), "privateKeyPem": credential.key_pem()})
}

/// Place and code of everything that a refusal names.
#[track_caller]
fn named(body: &Value) -> BTreeSet<(&str, &str)> {
    let items = body["errors"].as_array().unwrap();
    let named = items.iter().map(|item| {
        let kind = item["type"].as_str().unwrap();
        let detail = item["detail"].as_str().unwrap();
        assert!(
            detail.contains("eave ") || detail.contains("rite "),
            "it says what to do: {detail}"
        );
        (
            item["pointer"].as_str().unwrap(),
            kind.rsplit('/').next().unwrap(),
        )
    });
    named.collect()
}

#[tokio::test]
async fn every_combination_of_switches_is_accepted_or_refused_with_place_reason_and_remedy() {
    let world = World::new().await;
    let pki = Material::new();
    let (mut accepted, mut refused) = (0, 0);
    for (number, switches) in Switches::all().enumerate() {
        let name = format!("s{number}.a.test");
        let answer = world.post("/v1/sites", switches.body(&name, &pki)).await;
        let refusals = switches.refusals();
        if refusals.is_empty() {
            accepted += 1;
            let link = answer.expect(201).header("location").to_owned();
            let shown = world.get(&link).await;
            let site = &shown.expect(200).body;
            let is = |field: &str| site[field] == true;
            assert_eq!(is("plainHttp"), !switches.tls, "{switches:?}");
            assert_eq!(is("terminateOnly"), switches.terminate_only, "{switches:?}");
            let has_clients = site["mutualAuthentication"].is_object();
            assert_eq!(has_clients, switches.downstream, "{switches:?}");
            let shows = site["origin"]["clientCredentialId"].is_string();
            assert_eq!(shows, switches.upstream, "{switches:?}");
        } else {
            refused += 1;
            answer.problem(400, "invalid-field");
            assert_eq!(named(&answer.body), refusals, "{switches:?}");
            let first = answer.body["pointer"].as_str().unwrap();
            assert!(refusals.iter().any(|(place, _)| *place == first), "{first}");
        }
        assert!(!answer.body.to_string().contains("PRIVATE"));
    }
    assert_eq!((accepted, refused), (10, 22));
    // What was refused left nothing behind.
    for (link, list, expected) in [
        ("/v1/sites", "sites", 10),
        ("/v1/client-credentials", "clientCredentials", 2),
        ("/v1/edge-certificates", "edgeCertificates", 8),
        ("/mtls-edge-truststore/v2/ca-sets", "caSets", 4),
    ] {
        let found = world.get(link).await;
        let count = found.expect(200).body[list].as_array().unwrap().len();
        assert_eq!(count, expected, "{link}");
    }
}

#[tokio::test]
async fn switches_that_name_what_is_there_are_refused_where_they_are_written() {
    let world = World::new().await;
    let check = async |body: Value, expected: &[(&str, &str)]| {
        let answer = world.post("/v1/sites", body).await;
        answer.problem(400, "invalid-field");
        assert_eq!(named(&answer.body), expected.iter().copied().collect());
    };
    let site = |origin: Value, rest: Value| {
        let mut site = json!({"hostnames": ["a.test"], "origin": origin});
        site.as_object_mut()
            .unwrap()
            .extend(rest.as_object().unwrap().clone());
        site
    };
    let plain = json!({"plainHttp": true, "mutualAuthentication": {"caSetIds": ["1"]}});
    check(
        site(
            json!({"url": "https://b.test", "clientCredentialId": "1"}),
            plain,
        ),
        &[
            ("/mutualAuthentication", "needs-tls"),
            ("/origin/clientCredentialId", "needs-tls"),
        ],
    )
    .await;
    let only = json!({"terminateOnly": true, "edgeCertificateIds": ["1"]});
    check(
        site(
            json!({"url": "https://b.test", "clientCredentialId": "1"}),
            only.clone(),
        ),
        &[
            ("/origin/url", "terminate-only"),
            ("/origin/clientCredentialId", "terminate-only"),
        ],
    )
    .await;
    // The same where bytes are passed on.
    let mut bytes = only;
    bytes["tcp"] = json!({});
    check(
        site(
            json!({"url": "tls://b.test:1", "clientCredentialId": "1"}),
            bytes.clone(),
        ),
        &[
            ("/origin/url", "terminate-only"),
            ("/origin/clientCredentialId", "terminate-only"),
        ],
    )
    .await;
    bytes["terminateOnly"] = json!(false);
    check(
        site(
            json!({"url": "tcp://b.test:1", "clientCredentialId": "1"}),
            bytes,
        ),
        &[("/origin/clientCredentialId", "needs-https-origin")],
    )
    .await;
    // Two ways to say one thing.
    let pki = Material::new();
    let both = json!({"certificate": pair(&pki.server), "clientCredential": pair(&pki.client)});
    let answer = world
        .post(
            "/v1/sites",
            site(
                json!({"url": "https://b.test", "clientCredentialId": "1"}),
                both,
            ),
        )
        .await;
    answer.problem(400, "invalid-field");
    assert_eq!(answer.body["pointer"], "/clientCredential");
    // Something that is not there.
    let unknown = json!({"certificate": pair(&pki.server), "hostnames": ["b.a.test"]});
    let answer = world
        .post(
            "/v1/sites",
            site(
                json!({"url": "https://b.test", "clientCredentialId": "7"}),
                unknown,
            ),
        )
        .await;
    answer.problem(400, "invalid-field");
    assert_eq!(answer.body["pointer"], "/origin/clientCredentialId");
}

#[tokio::test]
async fn what_a_site_brings_along_is_refused_where_it_is_written() {
    let world = World::new().await;
    let pki = Material::new();
    let all = Switches {
        tls: true,
        terminate_only: false,
        downstream: true,
        upstream: true,
        origin_tls: true,
    };
    let good = all.body("www.a.test", &pki);
    let leaf = Pki::new().root("Other").client("leaf").issue();
    for (pointer, value, place) in [
        (
            "/clientCaPem",
            json!(format!("{}{}", pki.ca, leaf.pem())),
            "/clientCaPem",
        ),
        ("/clientCaPem", json!("nothing"), "/clientCaPem"),
        (
            "/clientCredential/certificatePem",
            json!("nothing"),
            "/clientCredential/certificatePem",
        ),
        (
            "/clientCredential/privateKeyPem",
            json!(leaf.key_pem()),
            "/clientCredential/privateKeyPem",
        ),
        (
            "/certificate/privateKeyPem",
            json!(leaf.key_pem()),
            "/certificate/privateKeyPem",
        ),
    ] {
        let mut body = good.clone();
        *body.pointer_mut(pointer).unwrap() = value;
        let answer = world.post("/v1/sites", body).await;
        assert_eq!(answer.status, 400, "{:?}", answer.body);
        let first = answer.body["errors"]
            .get(0)
            .map_or(&answer.body["pointer"], |item| &item["pointer"]);
        assert_eq!(first, place, "{}", answer.body);
    }
    let sites = world.get("/v1/sites").await;
    assert_eq!(sites.expect(200).body["sites"], json!([]));
}
