//! Edge certificates: what is accepted, what is refused, and that keys stay where they belong.

use countersign_api::v1::SecretText;
use countersign_api::v1::edge_certificates::{
    CertificateUpload, EdgeCertificateInput, EdgeCertificateSettings, MutualAuthentication,
};
use countersign_api::v1::tls::{CaList, ClientCertificateMode};
use countersign_controller::{ActivationKind, ErrorCode};
use countersign_snapshot::{ClientAuthMode, Network, ServerCertificate, VersionNumber};
use countersign_testkit::{DAY, KeyKind, NOW, Pki};

use crate::support::{World, until, upload};

const STAGING: Network = Network::Staging;

async fn refusals(world: &World, upload: CertificateUpload) -> Vec<(String, String)> {
    let input = EdgeCertificateInput {
        certificates: vec![upload],
        ..EdgeCertificateInput::default()
    };
    let service = world.controller.edge_certificates();
    let error = service.create(&world.caller, &input).await.unwrap_err();
    error
        .items
        .into_iter()
        .map(|item| (item.code, item.pointer.unwrap_or_default()))
        .collect()
}

#[tokio::test]
async fn what_cannot_be_presented_is_refused_with_the_field() {
    let world = World::new().await;
    let check = async |upload, code: &str, field: &str| {
        let expected = vec![(code.to_owned(), format!("/certificates/0/{field}"))];
        assert_eq!(refusals(&world, upload).await, expected);
    };
    let good = world.credential(&["a.test"]);
    let other = world.credential(&["a.test"]);
    let mixed = CertificateUpload {
        certificate_pem: good.chain_pem(),
        private_key_pem: SecretText::new(other.key_pem()),
    };
    check(mixed, "private-key-mismatch", "privateKeyPem").await;
    let expired = world.ca.server(["a.test"]).expired(NOW).issue();
    check(upload(&expired), "certificate-expired", "certificatePem").await;
    let early = world.ca.server(["a.test"]).not_yet_valid(NOW).issue();
    check(
        upload(&early),
        "certificate-not-yet-valid",
        "certificatePem",
    )
    .await;
    let nameless = world.ca.client("nobody").issue();
    let found = refusals(&world, upload(&nameless)).await;
    assert!(
        found
            .iter()
            .any(|(code, _)| code == "certificate-without-names")
    );
    assert!(
        found
            .iter()
            .any(|(code, _)| code == "certificate-not-for-servers")
    );
    let curve = world.ca.server(["a.test"]).key_kind(KeyKind::P521).issue();
    let found = refusals(&world, upload(&curve)).await;
    let place = |field: &str| format!("/certificates/0/{field}");
    assert_eq!(
        found,
        [
            ("private-key-unusable".to_owned(), place("privateKeyPem")),
            (
                "certificate-key-unsupported".to_owned(),
                place("certificatePem")
            ),
        ]
    );
}

#[tokio::test]
async fn a_chain_is_put_in_order_completed_and_stripped_of_its_root() {
    let world = World::new().await;
    let root = Pki::new().root("Chain Root");
    let issuing = root.intermediate("Issuing");
    let server = issuing.server(["a.test"]).issue();
    let mut given = upload(&server);
    given.certificate_pem = format!("{}{}{}", root.pem(), issuing.pem(), server.pem());
    let service = world.controller.edge_certificates();
    let input = EdgeCertificateInput {
        certificates: vec![given],
        ..EdgeCertificateInput::default()
    };
    let (made, _) = service.create(&world.caller, &input).await.unwrap();
    let chain: Vec<_> = made.key_pairs[0]
        .chain
        .iter()
        .map(|it| it.der().to_vec())
        .collect();
    assert_eq!(chain, server.chain_der());
    // The next one comes without the intermediate, which is known by now.
    let late = issuing.server(["b.test"]).issue().without_intermediates();
    let input = EdgeCertificateInput {
        certificates: vec![upload(&late)],
        ..EdgeCertificateInput::default()
    };
    let (completed, warnings) = service.create(&world.caller, &input).await.unwrap();
    assert_eq!(completed.key_pairs[0].chain.len(), 2);
    assert_eq!(warnings[0].code, "chain-completed");
}

#[tokio::test]
async fn keys_are_sealed_in_the_store_and_never_shown() {
    let world = World::new().await;
    let credential = world.credential(&["a.test"]);
    let input = EdgeCertificateInput {
        certificates: vec![upload(&credential)],
        ..EdgeCertificateInput::default()
    };
    let service = world.controller.edge_certificates();
    let (made, _) = service.create(&world.caller, &input).await.unwrap();
    let der = credential.key_der();
    assert!(!format!("{input:?}").contains("PRIVATE KEY-----\nM"));
    let entries = world
        .controller
        .audit()
        .list(&world.caller, None, 10)
        .await
        .unwrap();
    assert!(!format!("{entries:?}").contains("PRIVATE"));
    for entry in std::fs::read_dir(world.directory.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(der.len()).any(|window| window == der));
    }
    let sealed = made.key_pairs[0].sealed_key.to_bytes();
    assert!(
        !sealed
            .windows(16)
            .any(|window| der.windows(16).any(|key| key == window))
    );
    assert_eq!(
        ServerCertificate::SEAL_CONTEXT,
        "countersign server certificate key"
    );
}

#[tokio::test]
async fn its_mutual_authentication_holds_for_sites_that_say_nothing() {
    let world = World::new().await;
    let id = world.active_ca_set("partners", STAGING).await;
    let input = EdgeCertificateInput {
        certificates: vec![upload(&world.credential(&["a.test"]))],
        settings: EdgeCertificateSettings {
            mutual_authentication: Some(MutualAuthentication {
                ca_set_id: id.to_string(),
                additional_ca_set_ids: Vec::new(),
                mode: ClientCertificateMode::Require,
                send_ca_list: CaList::None,
                ocsp: false,
            }),
            ..EdgeCertificateSettings::default()
        },
        name: None,
        key_request: None,
    };
    let service = world.controller.edge_certificates();
    let (certificate, _) = service.create(&world.caller, &input).await.unwrap();
    let mut site = world.site("a.test", None, &[]);
    site.certificate = None;
    site.settings.edge_certificate_ids = vec![certificate.id.to_string()];
    let sites = world.controller.sites();
    let (site, _) = sites.create(&world.caller, &site).await.unwrap();
    sites.deploy(&world.caller, site.id, STAGING).await.unwrap();
    sites.settled(&world.caller, site.id).await.unwrap();
    world.fleet.with("staging-1", |node| {
        let binding = &node.enforced.as_ref().unwrap().bindings[0];
        assert_eq!(binding.client_auth.mode, ClientAuthMode::Require);
        assert_eq!(binding.client_auth.ca_sets, [id]);
    });
    // Nothing strands: the set is used by the certificate, the certificate by the site.
    let version = VersionNumber::new(1);
    let activations = world.controller.activations();
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
    assert_eq!(refusal.code, ErrorCode::CaSetInUseByEnrollments);
    let refusal = service
        .remove(&world.caller, certificate.id, STAGING)
        .await
        .unwrap_err();
    assert_eq!(refusal.code, ErrorCode::EdgeCertificateInUse);
    assert!(refusal.detail.contains("a.test"));
}

#[tokio::test]
async fn a_renewal_is_presented_once_it_is_deployed() {
    let world = World::new().await;
    let certificate = world.edge_certificate(&["a.test"]).await;
    let service = world.controller.edge_certificates();
    service
        .deploy(&world.caller, certificate.id, STAGING)
        .await
        .unwrap();
    let leaf = || {
        world.fleet.with("staging-1", |node| {
            let snapshot = node.enforced.as_ref()?;
            Some(snapshot.server_certificates.first()?.chain[0].clone())
        })
    };
    until("it is presented", || leaf().is_some()).await;
    let renewed = world
        .ca
        .server(["a.test"])
        .valid(NOW, NOW + 90 * DAY)
        .issue();
    let input = EdgeCertificateInput {
        certificates: vec![upload(&renewed)],
        ..EdgeCertificateInput::default()
    };
    service
        .replace(&world.caller, certificate.id, &input)
        .await
        .unwrap();
    assert_ne!(leaf().as_deref(), Some(renewed.der()));
    service
        .deploy(&world.caller, certificate.id, STAGING)
        .await
        .unwrap();
    until("the renewed one is presented", || {
        leaf().as_deref() == Some(renewed.der())
    })
    .await;
}
