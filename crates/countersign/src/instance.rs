//! One running instance: a controller and the edges of both networks in this process.

use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use countersign_controller::{
    AccountId, BoxFuture, Caller, Controller, ControllerConfig, Distribution,
};
use countersign_edge::{
    AccessLogSink, Admin, Edge, EdgeConfig, EdgeHandle, Limits as EdgeLimits, Listen,
};
use countersign_snapshot::{
    Acknowledgement, Network, NodeId, RevocationAcknowledgement, RevocationBodies, SealingKey,
    SignedRevocations, SignedSnapshot, SigningKey, VerifyingKey,
};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::api_server::{ApiServer, BoundApi};
use crate::clock::SystemClock;
use crate::config::{AccessLogOutput, CertificateFiles, Config};
use crate::connection::local::LocalConnection;
use crate::data_dir::DataDir;
use crate::log_level::LogLevel;
use crate::notify;
use crate::otlp::OtlpCollector;
use crate::panic_report;
use crate::sockets::Inherited;
use crate::successor::Program;

/// The account that exists from the start.
pub(crate) const FIRST_ACCOUNT: &str = "A-CCT0001";
/// What the controller keeps in its directory.
pub(crate) const STORE_FILE: &str = "controller.sqlite";

/// A controller and its edges.
#[derive(Debug)]
pub(crate) struct Instance {
    data: DataDir,
    edges: Arc<Edges>,
    /// Metrics and readiness, where they are asked for.
    admin: Option<Admin>,
    /// Absent while the store cannot be used and the edges serve without it.
    control: Option<Control>,
}

/// The control plane: the controller and its API.
#[derive(Debug)]
pub(crate) struct Control {
    controller: Controller,
    api: ApiServer,
}

impl Control {
    /// Opens the store and serves the API.
    async fn open(
        config: &Config,
        data: &DataDir,
        edges: &Arc<Edges>,
        api: BoundApi,
    ) -> Result<Self> {
        let sealing_key = Arc::new(data.sealing_key()?);
        let signing_key = Arc::new(data.signing_key()?);
        let controller = open_controller(config, data, edges, sealing_key, signing_key).await?;
        controller.start().await;
        edges.ask_statuses_of(&controller);
        let api = api.serve(&controller);
        let caller = Caller::internal(AccountId::new(FIRST_ACCOUNT), "countersign");
        let has_authority = api.authority().is_some();
        LocalConnection::write(data, api.url(), has_authority, &controller, &caller).await?;
        Ok(Self { controller, api })
    }

    async fn stop(self, deadline: Duration) {
        self.api.stop(deadline).await;
        self.controller.close().await;
    }

    pub(crate) fn controller(&self) -> &Controller {
        &self.controller
    }

    pub(crate) fn api_url(&self) -> String {
        self.api.url()
    }

    /// The authority that `curl --cacert` needs for the API; `None` when the operator brought a certificate.
    pub(crate) fn api_authority(&self) -> Option<&Path> {
        self.api.authority()
    }
}

/// The edges of this process; snapshots reach them by a call.
#[derive(Debug, Default)]
struct Edges(Vec<(Network, NodeId, EdgeHandle)>);

impl Distribution for Edges {
    fn offer(
        &self,
        network: Network,
        snapshot: Arc<SignedSnapshot>,
    ) -> BoxFuture<'_, Vec<Acknowledgement>> {
        Box::pin(async move {
            let mut answers = Vec::new();
            for (_, _, edge) in self.of(network) {
                answers.push(edge.offer(Arc::clone(&snapshot)).await);
            }
            answers
        })
    }

    fn offer_revocations(
        &self,
        network: Network,
        revocations: Arc<SignedRevocations>,
        bodies: Arc<dyn RevocationBodies>,
    ) -> BoxFuture<'_, Vec<RevocationAcknowledgement>> {
        Box::pin(async move {
            let mut answers = Vec::new();
            for (_, _, edge) in self.of(network) {
                let (revocations, bodies) = (Arc::clone(&revocations), Arc::clone(&bodies));
                answers.push(edge.offer_revocations(revocations, bodies).await);
            }
            answers
        })
    }

    fn nodes(&self, network: Network) -> Vec<NodeId> {
        self.of(network).map(|(_, node, _)| node.clone()).collect()
    }
}

impl Edges {
    fn of(&self, network: Network) -> impl Iterator<Item = &(Network, NodeId, EdgeHandle)> {
        self.0.iter().filter(move |(own, _, _)| *own == network)
    }

    fn address(&self, network: Network) -> Option<SocketAddr> {
        self.of(network)
            .next()
            .map(|(_, _, edge)| edge.local_addr())
    }
}

impl Instance {
    /// Starts the edges on their last good snapshots, then the controller, then the API.
    ///
    /// A store that cannot be used does not stop edges that have a snapshot: they serve it, and the log says that nothing can be changed.
    ///
    /// # Errors
    /// When the data directory cannot be used, a port is taken, or neither the store nor a snapshot is there; nothing keeps running then.
    pub(crate) async fn start(config: &Config, mut inherited: Inherited) -> Result<Self> {
        let data = DataDir::open(&config.data_dir)?;
        let sealing_key = Arc::new(data.sealing_key()?);
        let signing_key = Arc::new(data.signing_key()?);
        let api = BoundApi::bind(config, &data, &sealing_key, &mut inherited).await?;
        let verifying_key = signing_key.verifying_key();
        let edges =
            Edges::start(config, &data, &sealing_key, verifying_key, &mut inherited).await?;
        inherited.close_the_rest();
        let edges = Arc::new(edges);
        let admin = match edges.admin(config) {
            Ok(admin) => admin,
            Err(error) => {
                edges.drain(config.drain_deadline).await;
                return Err(error);
            }
        };
        tokio::spawn(Arc::clone(&edges).reopen_access_logs());
        let opened = Control::open(config, &data, &edges, api).await;
        let control = match opened {
            Ok(control) => Some(control),
            Err(error) if edges.have_snapshots() => {
                tracing::error!(
                    error = &*error as &dyn std::error::Error,
                    "there is no control plane; the edges serve their last good snapshots"
                );
                None
            }
            Err(error) => return Err(error),
        };
        Ok(Self {
            data,
            edges,
            admin,
            control,
        })
    }

    pub(crate) fn data(&self) -> &DataDir {
        &self.data
    }

    /// The control plane.
    ///
    /// # Errors
    /// When the store cannot be used.
    pub(crate) fn control(&self) -> Result<&Control> {
        self.control
            .as_ref()
            .context("the store cannot be used; the log says why")
    }

    /// The account that exists from the start.
    pub(crate) fn account(&self) -> AccountId {
        AccountId::new(FIRST_ACCOUNT)
    }

    pub(crate) fn address(&self, network: Network) -> Option<SocketAddr> {
        self.edges.address(network)
    }

    /// Logs what is served where.
    pub(crate) fn announce(&self) {
        if let Some(control) = &self.control {
            tracing::info!(url = control.api_url(), "control API ready");
        }
        if let Some(admin) = &self.admin {
            tracing::info!(address = %admin.local_addr(), "metrics and readiness ready");
        }
        for (network, _, edge) in &self.edges.0 {
            tracing::info!(%network, addresses = ?edge.local_addrs(), "edge ready");
        }
    }

    /// Starts the program that there is now on the configuration that there is now, with the sockets of this process, and returns when it
    /// serves; this process then only has to drain.
    ///
    /// The control plane is closed meanwhile: connections to it wait in the queue of its socket. HTTP/3 ends, since two processes cannot read
    /// from one UDP socket.
    ///
    /// # Errors
    /// When the new process does not come to serve; then this one has its control plane again and serves on.
    pub(crate) async fn hand_over(&mut self, config: &Config, program: &Program) -> Result<()> {
        let mut sockets = Vec::new();
        for (_, _, edge) in &self.edges.0 {
            sockets.extend(edge.hand_over()?);
        }
        let api = self.control()?.api.socket()?;
        sockets.push(api.try_clone()?);
        if let Some(control) = self.control.take() {
            control.stop(config.drain_deadline).await;
        }
        self.admin = None;
        for (_, _, edge) in &self.edges.0 {
            edge.end_http3().await;
        }
        self.data.unlock()?;
        let words = self.data.path("successor.socket");
        let started = program.succeed(sockets, &words).await;
        let error = match started {
            Ok(process) => {
                notify::succeeded_by(process);
                tracing::info!(process, "another process has taken over");
                return Ok(());
            }
            Err(error) => error,
        };
        self.data.lock()?;
        self.admin = self.edges.admin(config)?;
        let mut own = Inherited::of(api);
        let sealing_key = self.data.sealing_key()?;
        let api = BoundApi::bind(config, &self.data, &sealing_key, &mut own).await?;
        self.control = Some(Control::open(config, &self.data, &self.edges, api).await?);
        Err(error.context("the new process did not take over; this one serves on, without HTTP/3"))
    }

    /// Reads the operator's certificate of the control API again.
    ///
    /// # Errors
    /// When it cannot be used; the one that is in use stays.
    pub(crate) fn reload_certificate(&self, files: &CertificateFiles) -> Result<()> {
        self.control()?.api.reload(files)
    }

    /// Stops listening, lets open requests end until the deadline, closes the store.
    pub(crate) async fn stop(self, deadline: Duration) -> Result<ExitCode> {
        // The API stays until the edges are drained: an operator may want to look.
        self.edges.drain(deadline).await;
        if let Some(control) = self.control {
            control.stop(deadline).await;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Opens the store. One that is missing while edges have snapshots is not made anew: an empty truth would in time lock everybody out.
async fn open_controller(
    config: &Config,
    data: &DataDir,
    edges: &Arc<Edges>,
    sealing_key: Arc<SealingKey>,
    signing_key: Arc<SigningKey>,
) -> Result<Controller> {
    let directory = data.path("store");
    if !directory.join(STORE_FILE).exists() && edges.have_snapshots() {
        bail!(
            "{} is missing although the edges have snapshots of it; restore it from a backup, or remove {} to start anew",
            directory.join(STORE_FILE).display(),
            data.path("edge").display()
        );
    }
    Ok(Controller::open(ControllerConfig {
        data_dir: directory,
        account: AccountId::new(FIRST_ACCOUNT),
        clock: Arc::new(SystemClock),
        distribution: Arc::clone(edges) as Arc<dyn Distribution>,
        sealing_key,
        signing_key,
        limits: config.limits.clone(),
    })
    .await?)
}

impl Edges {
    /// The admin listener, if the configuration has one.
    fn admin(&self, config: &Config) -> Result<Option<Admin>> {
        let Some(address) = config.admin_listen else {
            return Ok(None);
        };
        let edges = self.0.iter().map(|(_, _, edge)| edge.clone()).collect();
        Ok(Some(Admin::start(address, edges)?))
    }

    /// Opens the access logs again whenever SIGHUP comes, after someone moved them away.
    async fn reopen_access_logs(self: Arc<Self>) {
        let Ok(mut hangup) = signal(SignalKind::hangup()) else {
            return;
        };
        while hangup.recv().await.is_some() {
            for (_, _, edge) in &self.0 {
                edge.reopen_access_log().await;
            }
            tracing::info!("access logs opened again");
        }
    }

    /// Edges find out about clients that they never saw before through the controller.
    fn ask_statuses_of(&self, controller: &Controller) {
        let source = controller.status_source();
        for (_, _, edge) in &self.0 {
            edge.ask_statuses_of(Arc::clone(&source));
        }
    }

    /// Whether one of them enforces something already.
    fn have_snapshots(&self) -> bool {
        self.0
            .iter()
            .any(|(_, _, edge)| edge.generation().is_some())
    }

    async fn start(
        config: &Config,
        data: &DataDir,
        sealing_key: &Arc<SealingKey>,
        verifying_key: VerifyingKey,
        inherited: &mut Inherited,
    ) -> Result<Self> {
        let mut bound = Vec::new();
        for (network, tcp, udp, plain, https_port) in [
            (
                Network::Production,
                &config.production,
                &config.production_http3,
                &config.production_http,
                config.production_https_port,
            ),
            (
                Network::Staging,
                &config.staging,
                &config.staging_http3,
                &config.staging_http,
                config.staging_https_port,
            ),
        ] {
            let tcp = tcp.iter().map(|address| inherited.listen(*address));
            let mut listen: Vec<Listen> = tcp.collect();
            listen.extend(udp.iter().map(|address| inherited.listen_http3(*address)));
            listen.extend(plain.iter().map(|address| inherited.listen_http(*address)));
            if !listen.is_empty() {
                let taken = listen
                    .into_iter()
                    .map(Listen::bind)
                    .collect::<Result<_, _>>();
                bound.push((
                    network,
                    https_port,
                    taken.with_context(|| format!("the {network} edge cannot start"))?,
                ));
            }
        }
        // Only now, since what one of them accepts is lost when another cannot start.
        let mut edges = Self::default();
        let otlp_logs = config.otlp.as_ref().map(OtlpCollector::load).transpose()?;
        for (network, https_port, listen) in bound {
            let node: NodeId = format!("{network}-1").parse()?;
            let started = Edge::start(EdgeConfig {
                network,
                node_id: node.clone(),
                listen,
                https_port,
                proxy_protocol_from: config.proxy_protocol_from.clone(),
                clock: Arc::new(SystemClock),
                verifying_key,
                sealing_key: Arc::clone(sealing_key),
                state_dir: data.edge_dir(network)?,
                limits: EdgeLimits::default(),
                access_log: access_log(config),
                otlp_logs: otlp_logs.clone(),
            });
            match started.await {
                Ok(edge) => edges.0.push((network, node, edge)),
                Err(error) => {
                    edges.drain(config.drain_deadline).await;
                    return Err(error).with_context(|| format!("the {network} edge cannot start"));
                }
            }
        }
        Ok(edges)
    }

    async fn drain(&self, deadline: Duration) {
        let mut drains = tokio::task::JoinSet::new();
        for (network, _, edge) in &self.0 {
            let (network, edge) = (*network, edge.clone());
            drains.spawn(async move {
                let cut_off = edge.drain(deadline).await;
                if cut_off > 0 {
                    tracing::warn!(%network, cut_off, "connections were cut off at the drain deadline");
                }
            });
        }
        drains.join_all().await;
    }
}

fn access_log(config: &Config) -> AccessLogSink {
    let sink = match &config.access_log {
        AccessLogOutput::File(file) => AccessLogSink::File(file.clone()),
        AccessLogOutput::Off => AccessLogSink::Off,
        AccessLogOutput::Stderr => AccessLogSink::Stderr,
        AccessLogOutput::Stdout => AccessLogSink::Stdout,
    };
    AccessLogSink::Sampled {
        one_in: config.access_log_sample,
        sink: Box::new(sink),
    }
}

/// Runs an instance's whole life on a runtime of its own.
pub(crate) fn block_on<L: Future<Output = Result<ExitCode>>>(
    log_level: &str,
    life: impl FnOnce(Arc<LogLevel>) -> L,
) -> Result<ExitCode> {
    let log_level = Arc::new(LogLevel::start(log_level)?);
    panic_report::to_log();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.spawn(Arc::clone(&log_level).follow_signals());
    runtime.block_on(life(log_level))
}

/// What an operator asks of a running process.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Asked {
    /// SIGHUP.
    Reload,
    /// SIGINT or SIGTERM.
    Stop,
    /// SIGUSR2.
    Upgrade,
}

/// The signals of operators.
#[derive(Debug)]
pub(crate) struct Operator {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
    upgrade: Signal,
}

impl Operator {
    pub(crate) fn listen() -> Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            upgrade: signal(SignalKind::user_defined2())?,
        })
    }

    pub(crate) async fn asked(&mut self) -> Asked {
        tokio::select! {
            _ = self.interrupt.recv() => Asked::Stop,
            _ = self.terminate.recv() => Asked::Stop,
            _ = self.hangup.recv() => Asked::Reload,
            _ = self.upgrade.recv() => Asked::Upgrade,
        }
    }

    /// Waits for the end of a process that does nothing else when it is asked.
    pub(crate) async fn stop(&mut self) {
        while self.asked().await != Asked::Stop {}
        tracing::info!("stopping");
    }
}
