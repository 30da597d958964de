//! `openssl ocsp -port`, the server. It listens at every address there is, so it has a network of its own, out of which a socket in the file
//! system leads.

use std::path::PathBuf;
use std::process::Command;

use crate::process::Program;

/// Passes connections to the socket in the file system on to the server.
const RELAY: &str = r#"
import socket, subprocess, sys, threading

PORT = 8888
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
front = socket.socket(socket.AF_UNIX)
front.bind("responder.socket")
front.listen()
subprocess.Popen(["openssl", "ocsp", "-port", str(PORT), *sys.argv[1:]])

def pump(source, sink):
    while data := source.recv(65536):
        sink.sendall(data)
    sink.shutdown(socket.SHUT_WR)

while True:
    near, _ = front.accept()
    far = socket.create_connection(("127.0.0.1", PORT))
    for ends in ((near, far), (far, near)):
        threading.Thread(target=pump, args=ends, daemon=True).start()
"#;

/// A running server.
#[derive(Debug)]
pub(super) struct Daemon {
    pub(super) socket: PathBuf,
    _program: Program,
}

impl Daemon {
    /// Starts it in this directory, and waits until it listens. The error says why there can be no network for it here.
    pub(super) fn start(directory: PathBuf, arguments: &str) -> Result<Self, String> {
        // Its own process ids, so that all of it ends with the first process.
        let mut apart = Command::new("unshare");
        apart.args("--map-root-user --net --pid --fork --kill-child".split(' '));
        let mut probe = Command::new("unshare");
        let probed = probe.args(apart.get_args()).arg("true").output();
        let probed = probed.map_err(|error| error.to_string())?;
        if !probed.status.success() {
            return Err(String::from_utf8_lossy(&probed.stderr).into_owned());
        }
        apart
            .args(["python3", "-c", RELAY])
            .args(arguments.split_ascii_whitespace())
            .current_dir(&directory);
        let mut program = Program::start(&mut apart);
        program.wait_for_line("ACCEPT");
        Ok(Self {
            socket: directory.join("responder.socket"),
            _program: program,
        })
    }
}
