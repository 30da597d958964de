//! Sites: from one request to enforced, and everything that stands against it.

use std::time::Duration;

use countersign_api::v1::Network as WireNetwork;
use countersign_api::v1::sites::{
    OriginHost, ProxyProtocol, SiteInput, SiteOrigin, SiteSettings, TcpSettings,
};
use countersign_api::v1::tls::{ClientCertificateMode, HttpVersions, TlsSettings};
use countersign_controller::{
    AccountId, ActivationKind, ActivationStatus, Caller, ErrorCode, ServiceError, Site,
};
use countersign_snapshot::{
    CaSetId, ClientAuthMode, Network, OriginScheme, Service, TcpService, VersionNumber,
};
use countersign_testkit::Pki;
use proptest::prelude::*;

use crate::support::{Mood, World, until, upload};

const STAGING: Network = Network::Staging;
const PRODUCTION: Network = Network::Production;
const BOTH: &[WireNetwork] = &[WireNetwork::Staging, WireNetwork::Production];

async fn settled(world: &World, site: &Site) -> Site {
    world
        .controller
        .sites()
        .settled(&world.caller, site.id)
        .await
        .unwrap()
}

async fn create(world: &World, input: &SiteInput) -> Result<Site, ServiceError> {
    let made = world.controller.sites().create(&world.caller, input).await;
    made.map(|(site, _)| site)
}

async fn deployed(world: &World, hostname: &str, ca_set: Option<CaSetId>) -> Site {
    let input = world.site(hostname, ca_set, &[WireNetwork::Staging]);
    let site = settled(world, &create(world, &input).await.unwrap()).await;
    let latest = site.networks[0].latest.as_ref().unwrap();
    assert_eq!(
        latest.status,
        ActivationStatus::Complete,
        "{:?}",
        latest.failure_reason
    );
    site
}

#[tokio::test]
async fn one_request_makes_a_site_that_the_networks_enforce() {
    let world = World::new().await;
    let mut input = world.site("www.a.test", None, BOTH);
    input.client_ca_pem = Some(Pki::new().root("Clients").pem());
    let site = settled(&world, &create(&world, &input).await.unwrap()).await;
    for node in ["staging-1", "production-1"] {
        let snapshot = world
            .fleet
            .with(node, |node| node.enforced.clone().unwrap());
        let binding = &snapshot.bindings[0];
        assert_eq!(binding.names[0].to_string(), "www.a.test");
        assert_eq!(binding.client_auth.mode, ClientAuthMode::Request);
        assert_eq!(binding.client_auth.ca_sets, [snapshot.ca_sets[0].id]);
        assert_eq!(snapshot.ca_sets[0].name, "www.a.test");
        assert_eq!(snapshot.origins[0].scheme, OriginScheme::Http);
        assert_eq!(snapshot.server_certificates.len(), 1);
    }
    assert_eq!(site.networks.len(), 2);
    // Sent again under another name with the same CA, nothing of the CA set is repeated.
    let problem = create(&world, &input).await.unwrap_err();
    assert_eq!(problem.code, ErrorCode::SiteNameNotUnique);
    let sets = world
        .controller
        .ca_sets()
        .list(&world.caller, &Default::default())
        .await
        .unwrap();
    assert_eq!(sets.len(), 1);
}

#[tokio::test]
async fn a_new_client_ca_becomes_a_new_version_of_the_sites_own_set() {
    let world = World::new().await;
    let mut input = world.site("www.a.test", None, &[WireNetwork::Staging]);
    input.client_ca_pem = Some(Pki::new().root("Clients").pem());
    let site = settled(&world, &create(&world, &input).await.unwrap()).await;
    let sets = world
        .controller
        .ca_sets()
        .list(&world.caller, &Default::default())
        .await
        .unwrap();
    let mut change = input.clone();
    change.certificate = None;
    change.client_ca_pem = Some(Pki::new().root("New Clients").pem());
    let sites = world.controller.sites();
    sites
        .replace(&world.caller, site.id, &change)
        .await
        .unwrap();
    let site = settled(&world, &site).await;
    assert_eq!(site.networks[0].version, Some(2));
    until("the second version is enforced", || {
        world.fleet.version("staging-1", sets[0].id) == Some(VersionNumber::new(2))
    })
    .await;
}

#[tokio::test]
async fn a_site_is_refused_where_its_ca_set_is_not_active() {
    let world = World::new().await;
    let id = world.active_ca_set("partners", STAGING).await;
    let site = deployed(&world, "www.a.test", Some(id)).await;
    let sites = world.controller.sites();
    let problem = sites
        .deploy(&world.caller, site.id, PRODUCTION)
        .await
        .unwrap_err();
    assert_eq!(problem.code, ErrorCode::CaSetNotActive);
    assert_eq!(
        problem.pointer.as_deref(),
        Some("/mutualAuthentication/caSetIds")
    );
    assert!(world.fleet.names("production-1").is_empty());
    assert_eq!(world.fleet.names("staging-1"), ["www.a.test"]);
}

#[tokio::test]
async fn a_ca_set_in_use_stays_until_the_site_is_gone() {
    let world = World::new().await;
    let id = world.active_ca_set("partners", STAGING).await;
    let site = deployed(&world, "www.a.test", Some(id)).await;
    let activations = world.controller.activations();
    let version = VersionNumber::new(1);
    let refusal = activations
        .request(
            &world.caller,
            id,
            version,
            STAGING,
            ActivationKind::Deactivate,
        )
        .await
        .unwrap_err();
    assert_eq!(refusal.code, ErrorCode::CaSetInUseByHostnames);
    assert!(refusal.detail.contains("www.a.test"), "{}", refusal.detail);
    let sites = world.controller.sites();
    let kept = sites.delete(&world.caller, site.id).await.unwrap_err();
    assert_eq!(kept.code, ErrorCode::StillDeployed);
    sites.remove(&world.caller, site.id, STAGING).await.unwrap();
    settled(&world, &site).await;
    assert!(world.fleet.names("staging-1").is_empty());
    let gone = world.deactivate(id, 1, STAGING).await;
    assert_eq!(world.ended(&gone).await.status, ActivationStatus::Complete);
    sites.delete(&world.caller, site.id).await.unwrap();
    assert!(sites.list(&world.caller).await.unwrap().is_empty());
    // Its own certificate went with it.
    let certificates = world.controller.edge_certificates();
    assert!(certificates.list(&world.caller).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_hostname_belongs_to_one_site_on_a_network() {
    let world = World::new().await;
    deployed(&world, "www.a.test", None).await;
    let mut input = world.site("www.a.test", None, &[WireNetwork::Staging]);
    input.name = Some("second".to_owned());
    let problem = create(&world, &input).await.unwrap_err();
    assert_eq!(problem.code, ErrorCode::HostnameTaken);
    // Nothing of the refused request remains, and the other network is free.
    assert_eq!(
        world
            .controller
            .sites()
            .list(&world.caller)
            .await
            .unwrap()
            .len(),
        1
    );
    input.deploy_to = vec![WireNetwork::Production];
    let site = settled(&world, &create(&world, &input).await.unwrap()).await;
    assert_eq!(site.networks[0].version, Some(1));
}

/// Who took one name out of another account's wildcard would take its clients over, since an exact name goes first.
#[tokio::test]
async fn names_of_two_accounts_do_not_overlap_on_a_network() {
    let world = World::new().await;
    let other = AccountId::new("A-OTHER");
    let accounts = world.controller.accounts();
    accounts.ensure(&other, "test").await.unwrap();
    let other = Caller::internal(other, "other");
    let sites = world.controller.sites();
    deployed(&world, "*.a.test", None).await;
    deployed(&world, "www.b.test", None).await;
    for name in ["www.a.test", "*.a.test", "*.b.test", "www.b.test"] {
        let input = world.site(name, None, &[WireNetwork::Staging]);
        let refusal = sites.create(&other, &input).await.unwrap_err();
        assert_eq!(refusal.code, ErrorCode::HostnameTaken, "{name}");
        assert_eq!(refusal.context["hostname"], name);
        assert!(
            refusal.detail.contains("another account"),
            "{}",
            refusal.detail
        );
    }
    // An account divides its own names as it likes, and neighbours do not touch each other.
    deployed(&world, "www.a.test", None).await;
    for name in ["a.test", "x.www.a.test", "b.test", "*.c.test"] {
        let input = world.site(name, None, &[WireNetwork::Staging]);
        sites.create(&other, &input).await.unwrap();
    }
}

#[tokio::test]
async fn a_change_reaches_a_network_only_when_it_is_deployed_there() {
    let world = World::new().await;
    let input = world.site("www.a.test", None, BOTH);
    let site = settled(&world, &create(&world, &input).await.unwrap()).await;
    let mut change = input.clone();
    change.certificate = None;
    change.settings.origin.url = "https://origin.test:8443".to_owned();
    change.deploy_to = vec![WireNetwork::Staging];
    world
        .controller
        .sites()
        .replace(&world.caller, site.id, &change)
        .await
        .unwrap();
    let site = settled(&world, &site).await;
    let versions: Vec<_> = site
        .networks
        .iter()
        .map(|it| (it.network, it.version))
        .collect();
    assert_eq!(versions, [(STAGING, Some(2)), (PRODUCTION, Some(1))]);
    let port = |node| {
        world.fleet.with(node, |node| {
            node.enforced.as_ref().unwrap().origins[0].endpoints[0].port
        })
    };
    assert_eq!((port("staging-1"), port("production-1")), (8443, 8080));
}

#[tokio::test]
async fn a_refused_deployment_leaves_what_was_there() {
    let world = World::new().await;
    deployed(&world, "www.a.test", None).await;
    world
        .fleet
        .join(STAGING, "staging-2", Mood::Refusing("www.b.test"));
    let input = world.site("www.b.test", None, &[WireNetwork::Staging]);
    let site = settled(&world, &create(&world, &input).await.unwrap()).await;
    let latest = site.networks[0].latest.clone().unwrap();
    assert_eq!(
        (site.networks[0].version, latest.status),
        (None, ActivationStatus::Failed)
    );
    assert!(
        latest
            .failure_reason
            .unwrap()
            .contains("No memory for www.b.test")
    );
    assert_eq!(world.fleet.names("staging-1"), ["www.a.test"]);
    // The name is free again.
    world.fleet.leave("staging-2");
    let mut other = world.site("www.b.test", None, &[WireNetwork::Staging]);
    other.name = Some("other".to_owned());
    let other = settled(&world, &create(&world, &other).await.unwrap()).await;
    assert_eq!(other.networks[0].version, Some(1));
}

#[tokio::test]
async fn every_bad_setting_is_named_with_its_field() {
    let world = World::new().await;
    let mut input = world.site("www.a.test", None, &[]);
    input.settings = SiteSettings {
        hostnames: vec!["www.a.test".into(), "a b".into(), "192.0.2.1".into()],
        denied_paths: vec!["admin".into()],
        forward_identity: vec!["XFCC".into(), "X-Mine".into()],
        origin: SiteOrigin {
            url: "http://origin.test/path".into(),
            ..SiteOrigin::default()
        },
        ..SiteSettings::default()
    };
    let clients = input.settings.mutual_authentication.get_or_insert_default();
    clients.mode = ClientCertificateMode::Require;
    clients.ca_set_ids = vec!["one".into()];
    clients.open_paths = vec!["/health".into()];
    let problem = create(&world, &input).await.unwrap_err();
    let pointers: Vec<_> = problem
        .items
        .iter()
        .filter_map(|item| item.pointer.as_deref())
        .collect();
    assert_eq!(
        pointers,
        [
            "/hostnames/1",
            "/hostnames/2",
            "/mutualAuthentication/caSetIds/0",
            "/mutualAuthentication/openPaths",
            "/deniedPaths/0",
            "/forwardIdentity/1",
            "/origin/url",
        ]
    );
    assert!(
        world
            .controller
            .sites()
            .list(&world.caller)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_site_passes_bytes_on_with_one_switch() {
    let world = World::new().await;
    let mut input = world.site("db.a.test", None, BOTH);
    input.client_ca_pem = Some(Pki::new().root("Clients").pem());
    input.settings.origin.url = "tcp://10.0.0.5:5432".into();
    input.settings.tcp = Some(TcpSettings {
        proxy_protocol: ProxyProtocol::V2,
        alpn: vec!["postgresql".into()],
        ..TcpSettings::default()
    });
    settled(&world, &create(&world, &input).await.unwrap()).await;
    let snapshot = world
        .fleet
        .with("staging-1", |node| node.enforced.clone().unwrap());
    let expected = TcpService {
        proxy_protocol: countersign_snapshot::ProxyProtocol::V2,
        idle: Duration::from_secs(3600),
        alpn: vec!["postgresql".into()],
    };
    assert_eq!(snapshot.bindings[0].service, Service::Tcp(expected));
    assert_eq!(snapshot.origins[0].scheme, OriginScheme::Tcp);
    assert_eq!(snapshot.origins[0].endpoints[0].port, 5432);
}

#[tokio::test]
async fn nodes_have_the_key_that_a_site_signs_with_and_the_next_one_as_soon_as_it_is_made() {
    let world = World::new().await;
    let mut input = world.site("www.a.test", None, BOTH);
    input.settings.sign_requests = true;
    settled(&world, &create(&world, &input).await.unwrap()).await;
    let enforced = |node| {
        let snapshot = world
            .fleet
            .with(node, |node| node.enforced.clone().unwrap());
        let rules = &snapshot.bindings[0].rules;
        assert!(rules.contains(r#""sign":true"#), "{rules}");
        let keys = snapshot.forwarding_keys.iter();
        keys.map(|key| key.id.clone()).collect::<Vec<_>>()
    };
    let first = enforced("staging-1");
    assert_eq!(first.len(), 1);
    let keys = world.controller.forwarding_keys();
    let (caller, after) = (&world.caller, Duration::from_secs(3600));
    let announced = keys.rotate(caller, STAGING, after).await.unwrap();
    let ids: Vec<_> = announced.into_iter().map(|key| key.id).collect();
    assert_eq!((ids.len(), &ids[..1]), (2, first.as_slice()));
    until("the next key at the node", || enforced("staging-1") == ids).await;
    // The other network has its own.
    assert!(!ids.contains(&enforced("production-1")[0]));
}

#[tokio::test]
async fn what_is_about_requests_is_refused_where_bytes_are_passed_on() {
    let world = World::new().await;
    let mut input = world.site("db.a.test", None, &[]);
    input.settings.tcp = Some(TcpSettings {
        idle_seconds: 0,
        alpn: vec![String::new()],
        ..TcpSettings::default()
    });
    input.settings.denied_paths = vec!["/admin".into()];
    input.settings.forward_identity = vec!["XFCC".into()];
    input.settings.tls = Some(TlsSettings {
        http_versions: HttpVersions::Http1ToHttp3,
        ..TlsSettings::default()
    });
    input.settings.origin = SiteOrigin {
        url: "http://10.0.0.5:5432".into(),
        host_header: Some(OriginHost::Origin),
        ..SiteOrigin::default()
    };
    let clients = input.settings.mutual_authentication.get_or_insert_default();
    clients.ca_set_ids = vec!["1".into()];
    clients.open_paths = vec!["/health".into()];
    clients.certificate_paths = vec!["/admin".into()];
    let problem = create(&world, &input).await.unwrap_err();
    let pointers: Vec<_> = problem
        .items
        .iter()
        .filter_map(|item| item.pointer.as_deref())
        .collect();
    assert_eq!(
        pointers,
        [
            "/origin/url",
            "/deniedPaths",
            "/mutualAuthentication/openPaths",
            "/mutualAuthentication/certificatePaths",
            "/forwardIdentity",
            "/origin/hostHeader",
            "/tls/httpVersions",
            "/tcp/idleSeconds",
            "/tcp/alpn/0",
        ]
    );
    assert!(
        problem.items[0].detail.contains("write `tcp://host:port`"),
        "{}",
        problem.items[0].detail
    );
}

#[tokio::test]
async fn clients_are_told_of_http3_where_the_site_says_so() {
    let world = World::new().await;
    let mut input = world.site("www.a.test", None, BOTH);
    input.settings.tls = Some(TlsSettings {
        http_versions: HttpVersions::Http1ToHttp3,
        ..TlsSettings::default()
    });
    settled(&world, &create(&world, &input).await.unwrap()).await;
    let snapshot = world
        .fleet
        .with("staging-1", |node| node.enforced.clone().unwrap());
    let http = snapshot.bindings[0].tls.http;
    assert_eq!(http, countersign_snapshot::HttpVersions::Http1ToHttp3);
}

#[tokio::test]
async fn a_certificate_that_does_not_cover_the_hostname_is_refused() {
    let world = World::new().await;
    let mut input = world.site("www.a.test", None, &[]);
    input.certificate = Some(upload(&world.credential(&["*.b.test"])));
    let problem = create(&world, &input).await.unwrap_err();
    assert_eq!(problem.code, ErrorCode::EdgeCertificateValidationFailure);
    assert!(problem.detail.contains("*.b.test"), "{}", problem.detail);
    input.certificate = Some(upload(&world.credential(&["*.a.test"])));
    create(&world, &input).await.unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    /// The same store gives the same bytes but for number and time, in whatever order things came to be.
    #[test]
    fn what_is_compiled_depends_on_nothing_but_the_state(order in Just(vec!["a.test", "b.test", "c.test", "d.test"]).prop_shuffle()) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let world = World::new().await;
            let shared = world.edge_certificate(&["a.test", "b.test", "c.test", "d.test"]).await;
            let mut sites = Vec::new();
            for hostname in ["a.test", "b.test", "c.test", "d.test"] {
                let mut input = world.site(hostname, None, &[]);
                input.certificate = None;
                input.settings.edge_certificate_ids = vec![shared.id.to_string()];
                sites.push((hostname, create(&world, &input).await.unwrap()));
            }
            for hostname in &order {
                let (_, site) = sites.iter().find(|(name, _)| name == hostname).unwrap();
                world.controller.sites().deploy(&world.caller, site.id, STAGING).await.unwrap();
                settled(&world, site).await;
            }
            let taken = |world: &World| world.fleet.with("staging-1", |node| node.enforced.clone().unwrap());
            let before = taken(&world);
            assert_eq!(world.fleet.names("staging-1"), ["a.test", "b.test", "c.test", "d.test"]);
            // Removed and deployed again, the same is enforced under another number.
            let (_, site) = &sites[0];
            world.controller.sites().remove(&world.caller, site.id, STAGING).await.unwrap();
            settled(&world, site).await;
            world.controller.sites().deploy(&world.caller, site.id, STAGING).await.unwrap();
            settled(&world, site).await;
            let mut after = taken(&world);
            assert!(after.generation > before.generation);
            (after.generation, after.created) = (before.generation, before.created);
            assert_eq!(after, before);
        });
    }
}
