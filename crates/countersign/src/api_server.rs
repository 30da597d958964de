//! The control API's listener: TCP with TLS on top, handed to the controller.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::{Context, Result};
use countersign_controller::{Accept, Connection, Controller, Scheme, serve};
use countersign_snapshot::SealingKey;
use countersign_tls::{ApiTls, TlsStream};
use countersign_trust::Clock;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::clock::SystemClock;
use crate::config::{CertificateFiles, Config};
use crate::data_dir::DataDir;
use crate::instance_authority::ApiCertificate;
use crate::sockets::Inherited;

const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// After an accept that failed for want of file descriptors or memory: others may give some back.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The API's address, taken before anything else is started, so that a port in use stops the start.
#[derive(Debug)]
pub(crate) struct BoundApi {
    address: SocketAddr,
    socket: OwnedFd,
    certificate: ApiCertificate,
    source: TlsListener,
}

fn tls(certificate: &ApiCertificate) -> Result<ApiTls> {
    ApiTls::from_pem(
        certificate.chain_pem.as_bytes(),
        &certificate.key_pem,
        Arc::new(SystemClock),
    )
    .context("the control API's certificate cannot be used")
}

impl BoundApi {
    /// Takes the configured address with the operator's certificate, or with one of the instance's own.
    pub(crate) async fn bind(
        config: &Config,
        data: &DataDir,
        sealing_key: &SealingKey,
        inherited: &mut Inherited,
    ) -> Result<Self> {
        let listen = config.api_listen;
        let clock = Arc::new(SystemClock);
        let certificate = match &config.api_certificate {
            Some(files) => ApiCertificate::from_files(&files.certificate, &files.key)?,
            None => ApiCertificate::of_instance(data, sealing_key, listen.ip(), clock.now())?,
        };
        let tls = tls(&certificate)?;
        let listener = match inherited.tcp(listen) {
            Some(listener) => {
                listener.set_nonblocking(true)?;
                TcpListener::from_std(listener)?
            }
            None => TcpListener::bind(listen)
                .await
                .with_context(|| format!("the control API cannot listen at {listen}"))?,
        };
        Ok(Self {
            address: listener.local_addr()?,
            socket: listener.as_fd().try_clone_to_owned()?,
            certificate,
            source: TlsListener {
                listener,
                tls: Arc::new(RwLock::new(tls)),
            },
        })
    }

    /// Serves the controller's API.
    pub(crate) fn serve(self, controller: &Controller) -> ApiServer {
        let (stop, stopped) = oneshot::channel();
        let (router, limits) = (controller.router(), controller.limits().clone());
        let tls = Arc::clone(&self.source.tls);
        let task = tokio::spawn(async move {
            let stopped = async {
                // A sender that is gone means the same as a word from it.
                let _ = stopped.await;
            };
            serve(router, &limits, self.source, stopped).await
        });
        ApiServer {
            address: self.address,
            socket: self.socket,
            certificate: self.certificate,
            tls,
            stop,
            task,
        }
    }
}

/// The running API server.
#[derive(Debug)]
pub(crate) struct ApiServer {
    address: SocketAddr,
    /// Once more, for whoever takes it over.
    socket: OwnedFd,
    certificate: ApiCertificate,
    tls: Arc<RwLock<ApiTls>>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<io::Result<()>>,
}

impl ApiServer {
    pub(crate) fn url(&self) -> String {
        match self.address.ip() {
            ip if ip.is_loopback() || ip.is_unspecified() => {
                format!("https://localhost:{}", self.address.port())
            }
            _ => format!("https://{}", self.address),
        }
    }

    pub(crate) fn authority(&self) -> Option<&Path> {
        self.certificate.authority.as_deref()
    }

    pub(crate) fn socket(&self) -> io::Result<OwnedFd> {
        self.socket.try_clone()
    }

    /// Reads the operator's certificate again; new connections get it.
    ///
    /// # Errors
    /// When it cannot be used; the one that is in use stays.
    pub(crate) fn reload(&self, files: &CertificateFiles) -> Result<()> {
        let certificate = ApiCertificate::from_files(&files.certificate, &files.key)?;
        *self.tls.write().unwrap_or_else(PoisonError::into_inner) = tls(&certificate)?;
        Ok(())
    }

    /// Stops accepting and lets running requests end.
    pub(crate) async fn stop(self, deadline: Duration) {
        // The server may have ended by itself; then there is nobody to tell.
        let _ = self.stop.send(());
        match tokio::time::timeout(deadline, self.task).await {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(error))) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the control API's listener failed"
                );
            }
            Ok(Err(error)) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the control API failed"
                );
            }
            Err(_) => {
                tracing::warn!("requests to the control API were cut off at the drain deadline")
            }
        }
    }
}

#[derive(Debug)]
struct TlsListener {
    listener: TcpListener,
    tls: Arc<RwLock<ApiTls>>,
}

type Handshake =
    Pin<Box<dyn Future<Output = io::Result<(TlsStream<TcpStream>, Connection)>> + Send>>;

impl Accept for TlsListener {
    type Stream = TlsStream<TcpStream>;
    type Handshake = Handshake;

    async fn accept(&mut self) -> io::Result<Handshake> {
        let (stream, peer) = loop {
            match self.listener.accept().await {
                Ok(accepted) => break accepted,
                // accept(2) hands over errors of the connection it took and of this process's limits; neither ends the listener.
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "the control API could not accept a connection"
                    );
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        };
        let tls = self
            .tls
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        Ok(Box::pin(async move {
            stream.set_nodelay(true)?;
            let (stream, certificates) = tls.accept(stream, HANDSHAKE_TIMEOUT).await?;
            let connection = Connection {
                peer,
                scheme: Scheme::Https,
                certificates,
            };
            Ok((stream, connection))
        }))
    }
}
