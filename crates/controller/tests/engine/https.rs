//! Edge certificates and sites: what is said to those who come without TLS, keys that are made here, several CA sets.

use countersign_api::v1::Network as WireNetwork;
use countersign_api::v1::edge_certificates::{
    CertificateUpload, EdgeCertificateInput, EdgeCertificateSettings, KeyRequestInput, KeyType,
    MutualAuthentication,
};
use countersign_api::v1::sites::{SiteMutualAuthentication, SiteSettings};
use countersign_api::v1::tls::{
    CaList, ClientCertificateMode, HttpsSettings, StrictTransportSecurity, TlsSettings,
};
use countersign_controller::{ErrorCode, ServiceError};
use countersign_snapshot::{Binding, Network, PlainHttp};
use countersign_testkit::{Key, OpenSsl, der};

use crate::support::{World, until, upload};

const STAGING: Network = Network::Staging;

fn https(redirect: bool, max_age_seconds: u32) -> HttpsSettings {
    HttpsSettings {
        redirect,
        strict_transport_security: Some(StrictTransportSecurity {
            max_age_seconds,
            include_sub_domains: true,
            preload: false,
        }),
    }
}

async fn binding(world: &World) -> Binding {
    let enforced = || {
        let snapshot = world.fleet.with("staging-1", |node| node.enforced.clone());
        snapshot.and_then(|snapshot| snapshot.bindings.first().cloned())
    };
    until("there is a binding", || enforced().is_some()).await;
    enforced().unwrap()
}

async fn certificate(
    world: &World,
    names: &[&str],
    settings: EdgeCertificateSettings,
) -> Result<String, ServiceError> {
    let input = EdgeCertificateInput {
        certificates: vec![upload(&world.credential(names))],
        settings,
        ..EdgeCertificateInput::default()
    };
    let service = world.controller.edge_certificates();
    let made = service.create(&world.caller, &input).await?;
    Ok(made.0.id.to_string())
}

#[tokio::test]
async fn a_site_says_what_its_certificate_says_about_coming_without_tls_unless_it_says_so_itself() {
    for (own, expected) in [
        (None, (PlainHttp::Redirect, Some(600))),
        (Some(https(false, 60)), (PlainHttp::Refuse, Some(60))),
        (Some(HttpsSettings::default()), (PlainHttp::Refuse, None)),
    ] {
        let world = World::new().await;
        let settings = EdgeCertificateSettings {
            https: https(true, 600),
            ..EdgeCertificateSettings::default()
        };
        let id = certificate(&world, &["*.a.test"], settings).await.unwrap();
        let mut input = world.site("www.a.test", None, &[WireNetwork::Staging]);
        input.certificate = None;
        input.settings.https = own;
        let sites = world.controller.sites();
        let (site, _) = sites.create(&world.caller, &input).await.unwrap();
        // The only certificate that covers the hostname.
        assert_eq!(site.settings.edge_certificate_ids, [id]);
        let binding = binding(&world).await;
        let told = binding.strict_transport.map(|it| it.max_age_seconds);
        assert_eq!((binding.plain_http, told), expected);
    }
}

#[tokio::test]
async fn which_of_several_certificates_is_meant_is_for_a_person_to_say() {
    let world = World::new().await;
    for _ in 0..2 {
        let settings = EdgeCertificateSettings::default();
        let input = EdgeCertificateInput {
            name: Some(format!(
                "{:?}",
                world
                    .controller
                    .edge_certificates()
                    .list(&world.caller)
                    .await
                    .unwrap()
                    .len()
            )),
            certificates: vec![upload(&world.credential(&["www.a.test"]))],
            settings,
            ..EdgeCertificateInput::default()
        };
        let service = world.controller.edge_certificates();
        service.create(&world.caller, &input).await.unwrap();
    }
    let mut input = world.site("www.a.test", None, &[]);
    input.certificate = None;
    let sites = world.controller.sites();
    let refusal = sites.create(&world.caller, &input).await.unwrap_err();
    assert_eq!(refusal.pointer.as_deref(), Some("/edgeCertificateIds"));
    assert!(
        refusal.detail.contains("`0` (1), `1` (2)"),
        "{}",
        refusal.detail
    );
    input.settings.hostnames = vec!["other.test".to_owned()];
    let refusal = sites.create(&world.caller, &input).await.unwrap_err();
    assert_eq!(refusal.items[0].code, "missing-edge-certificate");
}

#[tokio::test]
async fn a_site_without_tls_is_served_so_and_refuses_whatever_needs_tls() {
    let world = World::new().await;
    let mut input = world.site("open.a.test", None, &[WireNetwork::Staging]);
    input.certificate = None;
    input.settings.plain_http = true;
    let sites = world.controller.sites();
    sites.create(&world.caller, &input).await.unwrap();
    let binding = binding(&world).await;
    assert_eq!(binding.plain_http, PlainHttp::Serve);
    assert!(binding.server_certificates.is_empty());
    let check = async |edit: &dyn Fn(&mut SiteSettings), pointer: &str| {
        let mut wrong = input.clone();
        wrong.name = Some("wrong".to_owned());
        edit(&mut wrong.settings);
        let refusal = sites.create(&world.caller, &wrong).await.unwrap_err();
        let pointers: Vec<_> = refusal
            .items
            .iter()
            .filter_map(|it| it.pointer.as_deref())
            .collect();
        assert!(pointers.contains(&pointer), "{pointer}: {pointers:?}");
    };
    let clients = || SiteMutualAuthentication {
        ca_set_ids: vec!["1".to_owned()],
        ..SiteMutualAuthentication::default()
    };
    check(
        &|it| it.mutual_authentication = Some(clients()),
        "/mutualAuthentication",
    )
    .await;
    check(
        &|it| it.edge_certificate_ids = vec!["1".to_owned()],
        "/edgeCertificateIds",
    )
    .await;
    check(&|it| it.tls = Some(TlsSettings::default()), "/tls").await;
    check(&|it| it.https = Some(https(true, 1)), "/https").await;
    check(&|it| it.tcp = Some(Default::default()), "/tcp").await;
    // Upstream mutual TLS with an origin that speaks none.
    check(
        &|it| it.origin.client_credential_id = Some("1".to_owned()),
        "/origin/clientCredentialId",
    )
    .await;
}

#[tokio::test]
async fn a_promise_that_browsers_lists_do_not_take_is_refused() {
    let world = World::new().await;
    let mut settings = EdgeCertificateSettings {
        https: https(false, 31_536_000),
        ..EdgeCertificateSettings::default()
    };
    let promise = settings.https.strict_transport_security.as_mut().unwrap();
    promise.preload = true;
    certificate(&world, &["a.test"], settings.clone())
        .await
        .unwrap();
    let promise = settings.https.strict_transport_security.as_mut().unwrap();
    promise.include_sub_domains = false;
    let refusal = certificate(&world, &["b.test"], settings)
        .await
        .unwrap_err();
    assert_eq!(
        refusal.items[0].pointer.as_deref(),
        Some("/settings/https/strictTransportSecurity/preload")
    );
}

#[tokio::test]
async fn a_certificate_asks_for_clients_of_several_ca_sets_that_are_all_active() {
    let world = World::new().await;
    let one = world.active_ca_set("one", STAGING).await;
    let two = world.active_ca_set("two", STAGING).await;
    let settings = |ids: &[String]| EdgeCertificateSettings {
        mutual_authentication: Some(MutualAuthentication {
            ca_set_id: one.to_string(),
            additional_ca_set_ids: ids.to_vec(),
            mode: ClientCertificateMode::Request,
            send_ca_list: CaList::All,
            ocsp: false,
        }),
        ..EdgeCertificateSettings::default()
    };
    certificate(&world, &["*.a.test"], settings(&[two.to_string()]))
        .await
        .unwrap();
    let mut input = world.site("www.a.test", None, &[WireNetwork::Staging]);
    input.certificate = None;
    let sites = world.controller.sites();
    sites.create(&world.caller, &input).await.unwrap();
    assert_eq!(binding(&world).await.client_auth.ca_sets, [one, two]);
    let unknown = certificate(&world, &["b.test"], settings(&["99".to_owned()])).await;
    assert_eq!(unknown.unwrap_err().code, ErrorCode::InvalidField);
}

#[tokio::test]
async fn a_key_that_is_made_here_is_never_shown_and_takes_the_certificate_that_is_signed_for_it() {
    let world = World::new().await;
    let openssl = OpenSsl::new();
    // Whoever signs sees the public key alone.
    let sign = |request: &str| {
        openssl.write("request.csr", request);
        let public = openssl.run("req -in request.csr -verify -noout -pubkey");
        let public = der::pem_blocks(&public).swap_remove(0).1;
        let names = world.ca.server(["www.a.test"]);
        names
            .key(&Key::opaque(Vec::new(), public))
            .issue()
            .chain_pem()
    };
    let service = world.controller.edge_certificates();
    for key_type in [
        KeyType::P256,
        KeyType::P384,
        KeyType::Ed25519,
        KeyType::Rsa2048,
    ] {
        let asked = EdgeCertificateInput {
            name: Some(format!("{key_type:?}")),
            key_request: Some(KeyRequestInput {
                names: vec!["www.a.test".to_owned()],
                organization: Some("Example".to_owned()),
                key_type,
                ..KeyRequestInput::default()
            }),
            ..EdgeCertificateInput::default()
        };
        let (made, _) = service.create(&world.caller, &asked).await.unwrap();
        let request = made.key_requests[0].request_pem.clone();
        let signed = sign(&request);
        let text = openssl.run("req -in request.csr -noout -text");
        assert!(text.contains("DNS:www.a.test"), "{text}");
        let early = service
            .deploy(&world.caller, made.id, STAGING)
            .await
            .unwrap_err();
        assert_eq!(early.code, ErrorCode::EdgeCertificateValidationFailure);
        let install = |pem: String| EdgeCertificateInput {
            certificates: vec![CertificateUpload {
                certificate_pem: pem,
                ..CertificateUpload::default()
            }],
            ..EdgeCertificateInput::default()
        };
        let foreign = install(world.credential(&["www.a.test"]).chain_pem());
        let refusal = service
            .replace(&world.caller, made.id, &foreign)
            .await
            .unwrap_err();
        assert_eq!(refusal.items[0].code, "private-key-missing");
        let (installed, _) = service
            .replace(&world.caller, made.id, &install(signed))
            .await
            .unwrap();
        assert!(installed.key_requests.is_empty());
        assert_eq!(installed.key_pairs.len(), 1);
        service
            .deploy(&world.caller, made.id, STAGING)
            .await
            .unwrap();
    }
}
