//! A Countersign as its quickstart sets it up, with HTTP/3, an access log and an origin of this process.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use countersign_testkit::process::{Program, free_address};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy, split};
use tokio::net::{TcpListener, TcpStream};

pub(super) const NAME: &str = "demo.localhost";
/// What the quickstart calls its CA set and its site.
pub(super) const DEMO: &str = "demo";

pub(super) struct Instance {
    dir: TempDir,
    program: PathBuf,
    process: Program,
    pub(super) production: SocketAddr,
}

impl Instance {
    pub(super) async fn start(program: &Path) -> Result<Self> {
        let program = program
            .canonicalize()
            .with_context(|| format!("there is no {}", program.display()))?;
        let dir = tempfile::Builder::new()
            .prefix("countersign-soak-")
            .tempdir()?;
        let [api, production, staging, origin] = [(); 4].map(|()| free_address());
        let mut quickstart = Program::start(
            Command::new(&program)
                .current_dir(&dir)
                .args(["quickstart", "--data", "data", "--access-log", "off"])
                .args(["--api", &api.to_string()])
                .args(["--production", &production.to_string()])
                .args(["--staging", &staging.to_string()])
                .args(["--origin", &origin.to_string()]),
        );
        quickstart.wait_for_line("# and back");
        quickstart.terminate();
        quickstart.wait();
        tokio::spawn(serve_origin(TcpListener::bind(origin).await?));
        let config = format!(
            "data_dir = \"data\"\n[api]\nlisten = \"{api}\"\n[edge.production]\nlisten = [\"{production}\"]\nlisten_http3 = [\"{production}\"]\n\
             [edge.staging]\nlisten = [\"{staging}\"]\n[access_log]\noutput = \"access.log\"\nrotate_megabytes = 1\nkeep_files = 2\n[log]\nlevel = \"warn\"\n"
        );
        std::fs::write(dir.path().join("countersign.toml"), config)?;
        let mut process = Program::start(Command::new(&program).current_dir(&dir).args([
            "serve",
            "--config",
            "countersign.toml",
        ]));
        process.wait_for_port(production);
        process.wait_for_port(api);
        Ok(Self {
            dir,
            program,
            process,
            production,
        })
    }

    pub(super) fn process(&self) -> u32 {
        self.process.id()
    }

    /// The quickstart's certificates.
    pub(super) fn demo(&self, file: &str) -> PathBuf {
        self.dir.path().join("data/demo").join(file)
    }

    /// A command of the command line, for this instance.
    pub(super) fn command(&self, words: &[&str]) -> tokio::process::Command {
        let mut command = tokio::process::Command::new(&self.program);
        command
            .current_dir(&self.dir)
            .args(words)
            .args(["--data", "data"]);
        command
    }

    pub(super) fn reload(&self) -> tokio::process::Command {
        let mut command = tokio::process::Command::new("kill");
        command.args(["-HUP", &self.process().to_string()]);
        command
    }
}

/// Answers every request with a kibibyte, and echoes the bytes of upgraded connections.
async fn serve_origin(listener: TcpListener) {
    while let Ok((stream, _)) = listener.accept().await {
        // A connection that breaks off shows at the clients.
        tokio::spawn(async move { drop(serve(stream).await) });
    }
}

async fn serve(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut head, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let length = stream.read(&mut buffer).await?;
        if length == 0 {
            return Ok(());
        }
        head.extend_from_slice(buffer.get(..length).unwrap_or_default());
        if !head.ends_with(b"\r\n\r\n") {
            continue;
        }
        let text = String::from_utf8_lossy(&head).to_ascii_lowercase();
        if text.contains("upgrade: websocket") {
            stream
                .write_all(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n")
                .await?;
            let (mut read, mut write) = split(stream);
            copy(&mut read, &mut write).await?;
            return Ok(());
        }
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-length: 1024\r\n\r\n{:1024}",
            "x"
        );
        stream.write_all(answer.as_bytes()).await?;
        head.clear();
    }
}
