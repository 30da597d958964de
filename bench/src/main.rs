//! A load generator for mutual-TLS proxies, and the certificates to run it with.
//!
//! `bench pki` writes certificates, `bench run` puts one kind of load on one server and prints one line of JSON: how many operations, at
//! which latencies, and what they cost the server in processor time and memory. `bench/compare` runs it against several servers in turns.

mod attack;
mod client;
mod measure;
mod pki;
mod soak;
mod watch;
mod work;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Parser, Subcommand, ValueEnum};

#[derive(Debug, Parser)]
#[command(name = "countersign-bench", about, max_term_width = 100)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Writes a PKI for servers and clients: ECDSA P-256, client ← intermediate ← root.
    Pki {
        /// Where the files go.
        #[arg(long)]
        dir: PathBuf,
        /// The server's name.
        #[arg(long, default_value = "bench.test")]
        name: String,
    },
    /// Puts load on a server and prints what it cost, as one line of JSON.
    Run(Load),
    /// Starts Countersign and uses it for long, while what it enforces changes every second.
    Soak(soak::Soak),
    /// Does to a server what attackers do, until it is killed or the time is over.
    Attack(attack::Attack),
    /// Asks a server at a low and steady rate, as those who behave do, and prints how long it took, as one line of JSON.
    Watch(watch::Watch),
}

/// A server, and how it is asked.
#[derive(Clone, Debug, Args)]
struct Target {
    /// The server.
    #[arg(long)]
    address: SocketAddr,
    /// Its name, in SNI and authority.
    #[arg(long, default_value = "bench.test")]
    name: String,
    /// The directory that `bench pki` wrote.
    #[arg(long)]
    pki: PathBuf,
    /// What is asked for.
    #[arg(long, default_value = "/1k")]
    path: String,
    /// The only key exchange that is offered.
    #[arg(long, value_enum, default_value_t = Group::X25519)]
    group: Group,
}

/// What is done to which server.
#[derive(Clone, Debug, Args)]
struct Load {
    /// What one operation is.
    #[arg(long, value_enum)]
    work: Work,
    #[command(flatten)]
    target: Target,
    /// Connections at the same time.
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// Requests at the same time on each HTTP/2 connection.
    #[arg(long, default_value_t = 16)]
    streams: usize,
    /// Operations per second, in all; for `rate`.
    #[arg(long, default_value_t = 3000)]
    rate: u32,
    /// How long is measured.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// How long the load runs before that.
    #[arg(long, default_value_t = 1.0)]
    warm_up: f64,
    /// Stop after so many operations, warm-up included; for instruction counts.
    #[arg(long)]
    operations: Option<u64>,
    /// The server's processes.
    #[arg(long)]
    pid: Vec<u32>,
}

/// One kind of load.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Work {
    /// Connect, full handshake, one HTTP/1.1 request, close.
    Handshake,
    /// The same with a resumed handshake.
    Resumed,
    /// A request on an HTTP/1.1 connection that stays open.
    H1,
    /// A request on an HTTP/2 connection that stays open.
    H2,
    /// A large download over HTTP/1.1.
    Download,
    /// A connection that served one request and stays open.
    Idle,
    /// HTTP/1.1 requests at a fixed rate; latency counts from when a request was due.
    Rate,
}

/// A key exchange group.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Group {
    X25519,
    X25519mlkem768,
}

fn main() -> ExitCode {
    match run(CommandLine::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Pki { dir, name } => pki::write(&dir, &name),
        Command::Run(load) => {
            let result = on_one_thread(work::run(load))?;
            println!("{}", serde_json::to_string(&result)?);
            Ok(())
        }
        Command::Soak(soak) => tokio::runtime::Runtime::new()?.block_on(soak::run(soak)),
        Command::Attack(attack) => on_one_thread(attack::run(attack)),
        Command::Watch(watch) => {
            println!("{}", serde_json::to_string(&watch::run(&watch)?)?);
            Ok(())
        }
    }
}

/// Workers spawn onto the one thread, so that the generator never takes more than a core.
fn on_one_thread<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    tokio::task::LocalSet::new().block_on(&runtime, work)
}
