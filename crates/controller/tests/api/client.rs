//! The typed client against the served API, over a real socket.

use std::net::SocketAddr;

use countersign_api::control::{ApiClientKind, ApiClientRequest};
use countersign_api::truststore::{
    ActivationStatus, CaSetRequest, CertificateRequest, Network, ValidationRequest, VersionRequest,
};
use countersign_api::{CaSetQuery, CertificateQuery, Client, VersionQuery};
use countersign_controller::{Accept, Connection, Limits, Role, Scheme, serve};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::support::{World, root_pem};

struct Plain(TcpListener);

impl Accept for Plain {
    type Stream = TcpStream;
    type Handshake = std::future::Ready<std::io::Result<(TcpStream, Connection)>>;

    async fn accept(&mut self) -> std::io::Result<Self::Handshake> {
        let (stream, peer) = self.0.accept().await?;
        let connection = Connection {
            peer,
            scheme: Scheme::Http,
            certificates: None,
        };
        Ok(std::future::ready(Ok((stream, connection))))
    }
}

pub struct Server {
    pub address: SocketAddr,
    stop: oneshot::Sender<()>,
    running: tokio::task::JoinHandle<std::io::Result<()>>,
}

pub async fn start(world: &World, limits: Limits) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let router = world.router.clone();
    let running = tokio::spawn(async move {
        let stopped = async {
            let _ = stopped.await;
        };
        serve(router, &limits, Plain(listener), stopped).await
    });
    Server {
        address,
        stop,
        running,
    }
}

fn client(world: &World, server: &Server) -> Client {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    Client::new(
        http,
        &format!("http://{}", server.address),
        world.token(Role::Admin),
    )
    .unwrap()
}

#[tokio::test]
async fn every_operation_is_there_and_reads_its_answer() {
    let world = World::new().await;
    let server = start(&world, Limits::default()).await;
    let client = client(&world, &server);
    let named = |name: &str| CaSetRequest {
        ca_set_name: name.to_owned(),
        description: None,
    };
    let certificate = |name: &str| CertificateRequest {
        certificate_pem: root_pem(name),
        description: Some("a root".to_owned()),
    };
    let holding = |name: &str| VersionRequest {
        allow_insecure_sha1: false,
        certificates: vec![certificate(name)],
        description: Some(name.to_owned()),
    };
    let set = client.create_ca_set(&named("partners")).await.unwrap();
    let id = set.ca_set_id.as_str();
    assert_eq!(client.ca_set(id).await.unwrap(), set);
    let version = client.create_version(id, &holding("One")).await.unwrap();
    assert_eq!(version.version, 1);
    let (_, seen) = client.version_to_update(id, 1).await.unwrap();
    let seen = seen.as_deref();
    client
        .update_version(id, 1, &holding("Two"), seen)
        .await
        .unwrap();
    let late = client
        .update_version(id, 1, &holding("Three"), seen)
        .await
        .unwrap_err();
    assert_eq!(late.problem().unwrap().slug(), "precondition-failed");
    assert_eq!(
        client.version(id, 1).await.unwrap().description.as_deref(),
        Some("Two")
    );
    assert_eq!(client.clone_version(id, 1).await.unwrap().version, 2);
    client.delete_version(id, 2).await.unwrap();
    let query = VersionQuery {
        include_certificates: true,
        status: Some("NOT_DELETED,DELETED".to_owned()),
        ..VersionQuery::default()
    };
    assert_eq!(client.versions(id, &query).await.unwrap().versions.len(), 2);
    let query = CertificateQuery {
        status: Some("EXPIRING".to_owned()),
        threshold_days: Some(100_000),
        threshold: None,
    };
    assert_eq!(
        client
            .certificates(id, 1, &query)
            .await
            .unwrap()
            .certificates
            .len(),
        1
    );
    let request = ValidationRequest {
        allow_insecure_sha1: true,
        certificates: vec![certificate("Three")],
    };
    assert_eq!(
        client.validate(&request).await.unwrap().certificates.len(),
        1
    );
    let asked = client.activate(id, 1, Network::Staging).await.unwrap();
    world.ended(&asked.activation_link).await;
    let ended = client.activation(id, 1, asked.activation_id).await.unwrap();
    assert_eq!(ended.activation_status, ActivationStatus::Complete);
    let query = CaSetQuery {
        name_prefix: Some("part".to_owned()),
        activated_on: Some("STAGING,PRODUCTION".to_owned()),
        status: None,
    };
    assert_eq!(client.ca_sets(&query).await.unwrap().ca_sets.len(), 1);
    assert_eq!(
        client.version_activations(id, 1).await.unwrap().activations,
        [ended]
    );
    let asked = client.deactivate(id, 1, Network::Staging).await.unwrap();
    world.ended(&asked.activation_link).await;
    assert_eq!(
        client
            .ca_set_activations(id)
            .await
            .unwrap()
            .activations
            .len(),
        2
    );
    let asked = client.roll_back(id, Network::Staging).await.unwrap();
    world.ended(&asked.activation_link).await;
    let copy = client
        .clone_ca_set(id, Some(1), &named("copy"))
        .await
        .unwrap();
    assert!(
        client
            .associations(id)
            .await
            .unwrap()
            .associations
            .enrollments
            .is_some()
    );
    assert!(
        !client
            .activities(id, None, None)
            .await
            .unwrap()
            .activities
            .is_empty()
    );
    client.delete_ca_set(&copy.ca_set_id).await.unwrap();
    client.deletion_status(&copy.ca_set_id).await.unwrap();
    assert!(client.verify_audit().await.unwrap().intact);
    assert_eq!(client.audit(None, Some(2)).await.unwrap().entries.len(), 2);
    let request = ApiClientRequest {
        name: "pipeline".to_owned(),
        role: "viewer".to_owned(),
        kind: ApiClientKind::Bearer,
        certificate: None,
        authorities: None,
        subject: None,
    };
    let made = client.create_api_client(&request).await.unwrap();
    assert!(!format!("{made:?}").contains(made.token.as_deref().unwrap()));
    client.revoke_api_client(&made.api_client.id).await.unwrap();
    assert!(client.api_clients().await.unwrap().api_clients.len() > 4);
    assert_eq!(client.openapi().await.unwrap()["openapi"], "3.1.0");
    assert_eq!(client.sites().await.unwrap().sites, []);
    let certificates = client.edge_certificates().await.unwrap();
    assert_eq!(certificates.edge_certificates, []);
    let error = client
        .deploy_site("999", Network::Staging)
        .await
        .unwrap_err();
    assert_eq!(error.problem().unwrap().slug(), "site-not-found");
    let error = client
        .edge_certificate_deployments("999")
        .await
        .unwrap_err();
    assert_eq!(
        error.problem().unwrap().slug(),
        "edge-certificate-not-found"
    );
    let error = client.ca_set("../999").await.unwrap_err();
    assert_eq!(error.problem().unwrap().slug(), "ca-set-not-found");
    let from = client.audit(None, Some(1)).await.unwrap();
    assert_eq!(from.entries[0].source, "127.0.0.1");
    server.stop.send(()).unwrap();
    server.running.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_client_that_does_not_finish_its_request_is_let_go() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let world = World::new().await;
    let limits = Limits {
        header_timeout: std::time::Duration::from_millis(200),
        connections: 1,
        ..Limits::default()
    };
    let server = start(&world, limits).await;
    let mut slow = TcpStream::connect(server.address).await.unwrap();
    slow.write_all(b"GET /mtls-edge-truststore/v2/ca-sets HTTP/1.1\r\nhost: a")
        .await
        .unwrap();
    // It has the only place, and loses it.
    let listed = client(&world, &server)
        .ca_sets(&CaSetQuery::default())
        .await
        .unwrap();
    assert_eq!(listed.ca_sets.len(), 0);
    let mut rest = Vec::new();
    slow.read_to_end(&mut rest).await.unwrap();
}
