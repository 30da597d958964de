//! Words to whoever supervises the process: the protocol of `sd_notify(3)`, a datagram to the socket that the environment names.

use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// The environment variable that names systemd's socket.
const SUPERVISOR: &str = "NOTIFY_SOCKET";
/// That of the process that handed its sockets over.
pub(crate) const PREDECESSOR: &str = "COUNTERSIGN_READY_SOCKET";
/// What a process that serves says.
pub(crate) const READY: &str = "READY=1";

/// The process serves.
pub(crate) fn ready() {
    // It is gone when this is said again.
    let _ = send(PREDECESSOR, READY);
    tell(SUPERVISOR, READY);
}

/// The process reads its configuration again; [`ready`] comes after it.
pub(crate) fn reloading() {
    tell(SUPERVISOR, "RELOADING=1");
}

/// The process ends.
pub(crate) fn stopping() {
    tell(SUPERVISOR, "STOPPING=1");
}

/// Another process is the one to supervise from now on.
pub(crate) fn succeeded_by(process: u32) {
    tell(SUPERVISOR, &format!("MAINPID={process}\nREADY=1"));
}

/// When nobody listens, nobody waits for it either.
fn tell(variable: &str, words: &str) {
    if let Err(error) = send(variable, words) {
        tracing::warn!(
            variable,
            error = &error as &dyn std::error::Error,
            "the supervisor cannot be told"
        );
    }
}

/// Without the variable there is nobody to tell.
fn send(variable: &str, words: &str) -> io::Result<()> {
    let Some(name) = std::env::var_os(variable) else {
        return Ok(());
    };
    let address = match name.as_bytes().split_first() {
        Some((b'@', abstract_name)) => SocketAddr::from_abstract_name(abstract_name)?,
        _ => SocketAddr::from_pathname(&name)?,
    };
    UnixDatagram::unbound()?.send_to_addr(words.as_bytes(), &address)?;
    Ok(())
}
