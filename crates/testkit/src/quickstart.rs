//! `countersign quickstart` at addresses of its own.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use crate::process::{Program, free_address};

/// Where a quickstart listens.
#[derive(Clone, Copy, Debug)]
pub struct Quickstart {
    /// The control API.
    pub api: SocketAddr,
    /// The production edge.
    pub production: SocketAddr,
    /// The staging edge.
    pub staging: SocketAddr,
    /// The demo's origin.
    pub origin: SocketAddr,
}

impl Quickstart {
    /// Finds addresses that are free.
    #[must_use]
    pub fn at_free_addresses() -> Self {
        let [api, production, staging, origin] = std::array::from_fn(|_| free_address());
        Self {
            api,
            production,
            staging,
            origin,
        }
    }

    /// Starts `program` in `directory`, with what `also` adds, and returns when the demo is set up.
    pub fn start(
        self,
        program: &str,
        directory: &Path,
        also: impl FnOnce(&mut Command),
    ) -> Program {
        let mut command = Command::new(program);
        command.current_dir(directory).arg("quickstart");
        for (flag, address) in [
            ("--api", self.api),
            ("--production", self.production),
            ("--staging", self.staging),
            ("--origin", self.origin),
        ] {
            command.args([flag, &address.to_string()]);
        }
        also(&mut command);
        let mut started = Program::start(&mut command);
        started.wait_for_line("# and back");
        started
    }
}
