//! What a site says about its origin: what edge nodes get of it, and what is refused.

use std::time::Duration;

use countersign_api::v1::Network as WireNetwork;
use countersign_api::v1::sites::{SiteOrigin, TcpSettings};
use countersign_snapshot::{
    ConnectionSharing, Endpoint, ForwardedForm, ForwardedHeaders, HealthCheck, HealthCheckKind,
    HostHeader, Origin, OriginAsks, OriginLimits, OriginPolicy, OriginProtocol, OriginScheme,
    OriginTimeouts, Outliers, Retries, TlsVersion,
};

use crate::support::World;

fn read(json: &str) -> SiteOrigin {
    serde_json::from_str(json).unwrap()
}

/// What the nodes get for these settings.
async fn enforced(json: &str) -> Origin {
    let world = World::new().await;
    let mut input = world.site("www.a.test", None, &[WireNetwork::Staging]);
    input.settings.origin = read(json);
    let sites = world.controller.sites();
    let (site, _) = sites.create(&world.caller, &input).await.unwrap();
    let site = sites.settled(&world.caller, site.id).await.unwrap();
    assert_eq!(site.networks[0].version, Some(1));
    let snapshot = world
        .fleet
        .with("staging-1", |node| node.enforced.clone().unwrap());
    snapshot.origins[0].clone()
}

#[tokio::test]
async fn everything_that_is_said_about_an_origin_reaches_the_nodes() {
    let origin = enforced(
        r#"{
            "url": "https://Origin.test:8443",
            "minimumTlsVersion": "1.3",
            "hostHeader": "origin",
            "addresses": [{"host": "10.0.0.1", "weight": 2}, {"host": "[2001:db8::1]", "port": 9443}],
            "protocol": "http2",
            "connectionSharing": "perClientConnection",
            "timeouts": {"connectMs": 500, "idleMs": 3600000},
            "forwardedHeaders": {"form": "both", "trustedFronts": ["10.0.0.0/8", "192.0.2.1"]},
            "healthCheck": {"path": "/healthz", "host": "health.test", "intervalMs": 1000, "expectedStatuses": "204"},
            "outliers": {"consecutiveFailures": 3},
            "retries": {"attempts": 0},
            "limits": {"requests": 50},
            "slowStartMs": 30000,
            "resolveEveryMs": 5000
        }"#,
    )
    .await;
    let OriginScheme::Https(tls) = &origin.scheme else {
        panic!("{:?}", origin.scheme);
    };
    assert_eq!(tls.minimum_version, TlsVersion::Tls13);
    // The URL's host is still the one that is verified and asked for.
    assert_eq!(tls.server_name.as_deref(), Some("origin.test"));
    assert_eq!(
        origin.host_header,
        HostHeader::Custom("Origin.test:8443".into())
    );
    let endpoint = |host: &str, port, weight| Endpoint {
        host: host.into(),
        port,
        weight,
    };
    assert_eq!(
        origin.endpoints,
        [
            endpoint("10.0.0.1", 8443, 2),
            endpoint("2001:db8::1", 9443, 1)
        ]
    );
    assert_eq!(
        origin.timeouts,
        OriginTimeouts {
            connect: Duration::from_millis(500),
            idle: Duration::from_secs(3600),
            ..OriginTimeouts::default()
        }
    );
    assert_eq!(
        origin.policy,
        OriginPolicy {
            protocol: OriginProtocol::Http2,
            asks: OriginAsks::Maybe,
            sharing: ConnectionSharing::PerClientConnection,
            forwarded: ForwardedHeaders {
                form: ForwardedForm::Both,
                trusted_fronts: vec![
                    "10.0.0.0/8".parse().unwrap(),
                    "192.0.2.1/32".parse().unwrap()
                ],
            },
            health_check: Some(HealthCheck {
                path: "/healthz".into(),
                host: Some("health.test".into()),
                interval: Duration::from_secs(1),
                expected_statuses: (204, 204),
                ..HealthCheck::default()
            }),
            outliers: Outliers {
                consecutive_failures: 3,
                ..Outliers::default()
            },
            retries: Retries {
                attempts: 0,
                ..Retries::default()
            },
            limits: OriginLimits {
                requests: 50,
                ..OriginLimits::default()
            },
            slow_start: Duration::from_secs(30),
            resolve_every: Duration::from_secs(5),
        }
    );
}

/// The API, the snapshot and the documents have the same defaults.
#[tokio::test]
async fn what_is_not_said_is_the_default() {
    for json in [
        r#"{"url": "http://10.0.0.1"}"#,
        r#"{"url": "http://10.0.0.1", "timeouts": {}, "forwardedHeaders": {}, "outliers": {}, "retries": {}, "limits": {}}"#,
    ] {
        let origin = enforced(json).await;
        assert_eq!(origin.policy, OriginPolicy::default(), "{json}");
        assert_eq!(origin.timeouts, OriginTimeouts::default(), "{json}");
    }
    let origin = enforced(r#"{"url": "http://10.0.0.1", "healthCheck": {}}"#).await;
    assert_eq!(origin.policy.health_check, Some(HealthCheck::default()));
}

#[tokio::test]
async fn an_origin_is_asked_for_its_health_in_its_own_protocol() {
    for (json, kind) in [
        (
            r#"{"kind": "grpc", "service": "shop.Cart"}"#,
            HealthCheckKind::Grpc {
                service: "shop.Cart".into(),
            },
        ),
        (
            r#"{"kind": "grpc"}"#,
            HealthCheckKind::Grpc {
                service: String::new(),
            },
        ),
        (r#"{"kind": "tcp"}"#, HealthCheckKind::Tcp),
    ] {
        let json = format!(r#"{{"url": "http://10.0.0.1", "healthCheck": {json}}}"#);
        let check = enforced(&json).await.policy.health_check.unwrap();
        assert_eq!(check.kind, kind, "{json}");
    }
    for (check, protocol, pointers) in [
        (
            r#"{"kind": "grpc", "path": "/a", "expectedStatuses": "204", "service": "a b"}"#,
            "http1",
            &[
                "/origin/healthCheck/service",
                "/origin/healthCheck/kind",
                "/origin/healthCheck/path",
                "/origin/healthCheck/expectedStatuses",
            ][..],
        ),
        (
            r#"{"kind": "tcp", "host": "a.test", "service": "a"}"#,
            "http2",
            &["/origin/healthCheck/service", "/origin/healthCheck/host"],
        ),
    ] {
        let json = format!(
            r#"{{"url": "http://10.0.0.1", "protocol": "{protocol}", "healthCheck": {check}}}"#
        );
        assert_eq!(refused(&json, false).await, pointers, "{json}");
    }
    let tcp = r#"{"url": "tcp://10.0.0.1:1", "healthCheck": {"kind": "grpc"}}"#;
    assert_eq!(refused(tcp, true).await, ["/origin/healthCheck/kind"]);
}

#[tokio::test]
async fn an_origin_that_must_ask_has_something_to_ask_for() {
    let plain = r#"{"url": "http://10.0.0.1", "mustAsk": true}"#;
    let pointer = "/origin/mustAsk";
    assert_eq!(refused(plain, false).await, [pointer, pointer]);
    let nameless = r#"{"url": "https://10.0.0.1", "mustAsk": true}"#;
    assert_eq!(refused(nameless, false).await, [pointer]);
}

async fn refused(json: &str, tcp: bool) -> Vec<String> {
    let world = World::new().await;
    let mut input = world.site("www.a.test", None, &[]);
    input.settings.origin = read(json);
    input.settings.tcp = tcp.then(TcpSettings::default);
    let sites = world.controller.sites();
    let problem = sites.create(&world.caller, &input).await.unwrap_err();
    problem
        .items
        .into_iter()
        .filter_map(|item| item.pointer)
        .collect()
}

#[tokio::test]
async fn every_bad_setting_of_an_origin_is_named_with_its_field() {
    assert_eq!(
        refused(
            r#"{
                "url": "http://10.0.0.1",
                "minimumTlsVersion": "1.3",
                "addresses": [{"host": "a b", "port": 0, "weight": 0}, {"host": "10.0.0.1", "weight": 0}],
                "timeouts": {"connectMs": 0, "firstByteMs": 86400001},
                "forwardedHeaders": {"trustedFronts": ["10.0.0.0/8", "10.0.0.1/8"]},
                "healthCheck": {"path": "health", "host": "a@b", "intervalMs": 0, "healthyAfter": 0, "expectedStatuses": "300-200"},
                "outliers": {"ejectionMs": 0, "maxEjectedPercent": 101},
                "retries": {"attempts": 6, "budgetPercent": 101},
                "limits": {"requests": 0, "connecting": 0},
                "slowStartMs": 86400001,
                "resolveEveryMs": 0
            }"#,
            false
        )
        .await,
        [
            "/origin/minimumTlsVersion",
            "/origin/addresses",
            "/origin/addresses/0/host",
            "/origin/addresses/0/port",
            "/origin/timeouts/connectMs",
            "/origin/timeouts/firstByteMs",
            "/origin/forwardedHeaders/trustedFronts/1",
            "/origin/healthCheck/path",
            "/origin/healthCheck/host",
            "/origin/healthCheck/healthyAfter",
            "/origin/healthCheck/intervalMs",
            "/origin/healthCheck/expectedStatuses",
            "/origin/outliers/maxEjectedPercent",
            "/origin/outliers/ejectionMs",
            "/origin/retries/attempts",
            "/origin/retries/budgetPercent",
            "/origin/limits/requests",
            "/origin/limits/connecting",
            "/origin/slowStartMs",
            "/origin/resolveEveryMs",
        ]
    );
    assert_eq!(
        refused(
            r#"{"url": "tcp://10.0.0.1:1", "protocol": "http1", "retries": {}, "healthCheck": {}, "forwardedHeaders": {}, "connectionSharing": "shared"}"#,
            true
        )
        .await,
        [
            "/origin/protocol",
            "/origin/connectionSharing",
            "/origin/forwardedHeaders",
            "/origin/retries",
            "/origin/healthCheck/kind",
        ]
    );
}
