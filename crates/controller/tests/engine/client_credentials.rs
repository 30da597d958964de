//! Client credentials: taken up, activated, rotated and rolled back under what uses them.

use countersign_api::v1::SecretText;
use countersign_api::v1::client_credentials::{
    ClientCredentialInput, ClientCredentialVersionInput,
};
use countersign_api::v1::sites::SiteOrigin;
use countersign_controller::{ActivationStatus, ClientCredential, Deployment, ErrorCode};
use countersign_snapshot::{ClientCredential as Shown, Network, OriginScheme};
use countersign_testkit::{Credential, DAY, NOW, Pki};

use crate::support::{PATIENCE, World, until, upload};

const STAGING: Network = Network::Staging;

fn version(credential: &Credential) -> ClientCredentialVersionInput {
    ClientCredentialVersionInput {
        certificate_pem: credential.chain_pem(),
        private_key_pem: SecretText::new(credential.key_pem()),
    }
}

async fn make(world: &World, name: &str, credential: &Credential) -> ClientCredential {
    let input = ClientCredentialInput {
        name: name.to_owned(),
        version: version(credential),
    };
    let service = world.controller.client_credentials();
    service.create(&world.caller, &input).await.unwrap().0
}

async fn ended(world: &World, credential: &ClientCredential, deployment: Deployment) -> Deployment {
    let service = world.controller.client_credentials();
    let mut progress = world.controller.progress();
    loop {
        progress.borrow_and_update();
        let seen = service
            .deployment(&world.caller, credential.id, deployment.id)
            .await
            .unwrap();
        if seen.status != ActivationStatus::InProgress {
            return seen;
        }
        tokio::time::timeout(PATIENCE, progress.changed())
            .await
            .unwrap_or_else(|_| panic!("{deployment:?} does not end"))
            .unwrap();
    }
}

async fn activate(world: &World, credential: &ClientCredential, version: Option<u32>) {
    let service = world.controller.client_credentials();
    let asked = service
        .activate(&world.caller, credential.id, STAGING, version)
        .await
        .unwrap();
    let ended = ended(world, credential, asked).await;
    assert_eq!(ended.status, ActivationStatus::Complete, "{ended:?}");
}

/// The leaf that a node shows under a name.
fn shown(world: &World, name: &str) -> Option<Vec<u8>> {
    world.fleet.with("staging-1", |node| {
        let snapshot = node.enforced.as_ref()?;
        let found = snapshot
            .client_credentials
            .iter()
            .find(|it| it.id.as_str() == name)?;
        Some(found.chain[0].clone())
    })
}

#[tokio::test]
async fn a_site_follows_the_rotation_of_its_credential_and_its_rollback() {
    let world = World::new().await;
    let ca = Pki::new().root("Origin clients").intermediate("Issuing");
    let (first, second) = (ca.client("edge").issue(), ca.client("edge").issue());
    let credential = make(&world, "to-origin", &first).await;
    let reference = format!("client-credential-{}", credential.id);
    let mut site = world.site("www.a.test", None, &[countersign_api::v1::Network::Staging]);
    site.settings.origin = SiteOrigin {
        url: "https://origin.test".to_owned(),
        client_credential_id: Some(credential.id.to_string()),
        ..SiteOrigin::default()
    };
    // Not before the network has it.
    let sites = world.controller.sites();
    let error = sites.create(&world.caller, &site).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::ClientCredentialNotActive);
    assert_eq!(error.pointer.as_deref(), Some("/origin/clientCredentialId"));
    activate(&world, &credential, None).await;
    let (made, _) = sites.create(&world.caller, &site).await.unwrap();
    sites.settled(&world.caller, made.id).await.unwrap();
    let origin_shows = || {
        world.fleet.with("staging-1", |node| {
            match &node.enforced.as_ref().unwrap().origins[0].scheme {
                OriginScheme::Https(tls) => tls.client_credential.clone(),
                other => panic!("{other:?}"),
            }
        })
    };
    assert_eq!(origin_shows().unwrap().as_str(), reference);
    assert_eq!(shown(&world, &reference).as_deref(), Some(first.der()));
    assert_eq!(
        shown(&world, &format!("{reference}-1")).as_deref(),
        Some(first.der())
    );

    // A new version changes nothing before it is activated, and then the site follows by itself.
    let service = world.controller.client_credentials();
    let (renewed, _) = service
        .add_version(&world.caller, credential.id, &version(&second))
        .await
        .unwrap();
    assert_eq!(renewed.versions.len(), 2);
    assert_eq!(shown(&world, &reference).as_deref(), Some(first.der()));
    activate(&world, &credential, None).await;
    assert_eq!(shown(&world, &reference).as_deref(), Some(second.der()));
    assert_eq!(shown(&world, &format!("{reference}-1")), None);
    let asked = service
        .roll_back(&world.caller, credential.id, STAGING)
        .await
        .unwrap();
    assert_eq!(
        (
            asked.version,
            ended(&world, &credential, asked).await.status
        ),
        (1, ActivationStatus::Complete)
    );
    assert_eq!(shown(&world, &reference).as_deref(), Some(first.der()));

    // What is used stays, and all that use it are named.
    let error = service
        .remove(&world.caller, credential.id, STAGING)
        .await
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::ClientCredentialInUse);
    assert!(
        error.detail.contains("the site `www.a.test`"),
        "{}",
        error.detail
    );
    let error = service
        .delete(&world.caller, credential.id)
        .await
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::StillDeployed);
    sites.remove(&world.caller, made.id, STAGING).await.unwrap();
    sites.settled(&world.caller, made.id).await.unwrap();
    let asked = service
        .remove(&world.caller, credential.id, STAGING)
        .await
        .unwrap();
    ended(&world, &credential, asked).await;
    until("the network forgets it", || {
        shown(&world, &reference).is_none()
    })
    .await;
    service.delete(&world.caller, credential.id).await.unwrap();
    assert!(service.list(&world.caller).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_is_presented_and_near_its_end_is_to_be_renewed() {
    let world = World::new().await;
    let ca = Pki::new().root("Origin clients");
    let late = ca
        .client("edge")
        .valid(NOW - 70 * DAY, NOW + 29 * DAY)
        .issue();
    let fresh = ca
        .client("edge")
        .valid(NOW - 70 * DAY, NOW + 31 * DAY)
        .issue();
    let due = async || {
        let due = world
            .controller
            .renewals()
            .due(&world.caller)
            .await
            .unwrap();
        due.into_iter()
            .map(|it| (it.name, it.network))
            .collect::<Vec<_>>()
    };
    let credential = make(&world, "to-origin", &late).await;
    assert_eq!(due().await, [], "no network presents it");
    activate(&world, &credential, None).await;
    assert_eq!(due().await, [("to-origin".to_owned(), STAGING)]);
    let service = world.controller.client_credentials();
    let fresh = version(&fresh);
    let renewed = service.add_version(&world.caller, credential.id, &fresh);
    renewed.await.unwrap();
    activate(&world, &credential, None).await;
    assert_eq!(due().await, []);

    // The same for what is presented to clients.
    let late = world
        .ca
        .server(["late.a.test"])
        .valid(NOW - 70 * DAY, NOW + 29 * DAY);
    let mut site = world.site(
        "late.a.test",
        None,
        &[countersign_api::v1::Network::Staging],
    );
    site.certificate = Some(upload(&late.issue()));
    let sites = world.controller.sites();
    let (site, _) = sites.create(&world.caller, &site).await.unwrap();
    sites.settled(&world.caller, site.id).await.unwrap();
    assert_eq!(due().await, [("late.a.test".to_owned(), STAGING)]);
}

#[tokio::test]
async fn keys_are_sealed_for_the_edge_and_never_shown() {
    let world = World::new().await;
    let client = Pki::new().root("Origin clients").client("edge").issue();
    let credential = make(&world, "to-origin", &client).await;
    assert!(!format!("{credential:?}").contains(&client.key_pem().lines().nth(1).unwrap()[..32]));
    activate(&world, &credential, Some(1)).await;
    let key = world.fleet.with("staging-1", |node| {
        node.enforced.as_ref().unwrap().client_credentials[0]
            .key
            .clone()
    });
    let opened = world.sealing.open(Shown::SEAL_CONTEXT, &key).unwrap();
    assert!(!opened.expose().is_empty());
}

#[tokio::test]
async fn what_cannot_be_shown_to_an_origin_is_refused_with_the_field() {
    let world = World::new().await;
    let ca = Pki::new().root("Origin clients");
    let good = ca.client("edge").issue();
    let service = world.controller.client_credentials();
    let check = async |input: ClientCredentialVersionInput, code: &str, field: &str| {
        let input = ClientCredentialInput {
            name: "x".to_owned(),
            version: input,
        };
        let error = service.create(&world.caller, &input).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::ClientCredentialValidationFailure);
        let items: Vec<_> = error
            .items
            .iter()
            .map(|item| (item.code.as_str(), item.pointer.as_deref().unwrap()))
            .collect();
        assert_eq!(items, [(code, field)]);
    };
    let mixed = ClientCredentialVersionInput {
        certificate_pem: good.chain_pem(),
        private_key_pem: SecretText::new(
            ca.client("other")
                .key_kind(countersign_testkit::KeyKind::P256)
                .issue()
                .key_pem(),
        ),
    };
    check(mixed, "private-key-mismatch", "/privateKeyPem").await;
    let late = ca.client("edge").expired(NOW).issue();
    check(version(&late), "certificate-expired", "/certificatePem").await;
    let server = ca.server(["a.test"]).issue();
    check(
        version(&server),
        "certificate-not-for-clients",
        "/certificatePem",
    )
    .await;
    let short = ca.client("edge").valid(NOW - 9 * DAY, NOW + DAY).issue();
    let input = ClientCredentialInput {
        name: "short".to_owned(),
        version: version(&short),
    };
    let (made, warnings) = service.create(&world.caller, &input).await.unwrap();
    assert!(warnings.iter().any(|it| it.code == "certificate-expiring"));
    let again = service.create(&world.caller, &input).await.unwrap_err();
    assert_eq!(again.code, ErrorCode::ClientCredentialNameNotUnique);
    let nothing_before = service.roll_back(&world.caller, made.id, STAGING).await;
    assert_eq!(
        nothing_before.unwrap_err().code,
        ErrorCode::NoPreviousVersion
    );
    let no_version = service
        .activate(&world.caller, made.id, STAGING, Some(9))
        .await;
    assert_eq!(no_version.unwrap_err().code, ErrorCode::InvalidField);
}
