//! Child processes: start, read, wait for, kill.

use std::{
    io::{BufRead, BufReader, Read},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use crate::wait;

/// A running program whose output is kept; it is killed when this is dropped.
#[derive(Debug)]
pub struct Program {
    child: Child,
    stdout: Arc<Mutex<String>>,
    stderr: Arc<Mutex<String>>,
}

impl Program {
    /// Starts `command` with its output captured and no input.
    pub fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        let stdout = collect(child.stdout.take().unwrap());
        let stderr = collect(child.stderr.take().unwrap());
        Self {
            child,
            stdout,
            stderr,
        }
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it wrote to standard output so far.
    pub fn stdout(&self) -> String {
        self.stdout.lock().unwrap().clone()
    }

    /// What it wrote to standard error so far.
    pub fn stderr(&self) -> String {
        self.stderr.lock().unwrap().clone()
    }

    /// Waits for a line on standard output or standard error that contains `text`, and returns it.
    ///
    /// # Panics
    ///
    /// When the program ends without it, or it takes too long.
    pub fn wait_for_line(&mut self, text: &str) -> String {
        wait::until(&format!("a line with `{text}`"), || {
            let ended = self.child.try_wait().unwrap();
            let output = format!("{}\n{}", self.stdout(), self.stderr());
            let line = output.lines().find(|line| line.contains(text));
            match (line, ended) {
                (Some(line), _) => Ok(line.to_owned()),
                (None, Some(status)) if self.has_all_output() => {
                    panic!("ended with {status} without a line with `{text}`:\n{output}")
                }
                (None, _) => Err(output),
            }
        })
    }

    /// Waits until something accepts connections at `address`.
    ///
    /// # Panics
    ///
    /// When the program ends before, or it takes too long.
    pub fn wait_for_port(&mut self, address: SocketAddr) {
        wait::until(&format!("a listener at {address}"), || {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("ended with {status}:\n{}\n{}", self.stdout(), self.stderr());
            }
            TcpStream::connect_timeout(&address, Duration::from_secs(1)).map_err(|_| self.stderr())
        });
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status().unwrap();
        assert!(sent.success(), "cannot send SIGTERM to {id}");
    }

    /// Sends SIGKILL and waits until it is gone.
    pub fn kill(&mut self) {
        // An error means that it has ended already.
        let _ = self.child.kill();
        self.child.wait().unwrap();
    }

    /// Waits until it has ended by itself and all its output is there.
    ///
    /// # Panics
    ///
    /// When it takes too long.
    pub fn wait(&mut self) -> ExitStatus {
        wait::until("the end of the program", || {
            let ended = self.child.try_wait().unwrap();
            let complete = ended.filter(|_| self.has_all_output());
            complete.ok_or_else(|| format!("{}\n{}", self.stdout(), self.stderr()))
        })
    }

    /// Whether both readers have reached the end and let go of their buffer.
    fn has_all_output(&self) -> bool {
        Arc::strong_count(&self.stdout) == 1 && Arc::strong_count(&self.stderr) == 1
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
        if thread::panicking() {
            eprintln!("stdout of the program:\n{}", self.stdout());
            eprintln!("stderr of the program:\n{}", self.stderr());
        }
    }
}

/// An address on the loopback interface that was free a moment ago. Prefer port 0 where a program says which port it took.
pub fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap()
}

fn collect(stream: impl Read + Send + 'static) -> Arc<Mutex<String>> {
    let buffer = Arc::new(Mutex::new(String::new()));
    let shared = Arc::clone(&buffer);
    thread::spawn(move || {
        let mut lines = BufReader::new(stream);
        let mut line = Vec::new();
        while lines
            .read_until(b'\n', &mut line)
            .is_ok_and(|count| count > 0)
        {
            shared
                .lock()
                .unwrap()
                .push_str(&String::from_utf8_lossy(&line));
            line.clear();
        }
    });
    buffer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Program {
        Program::start(Command::new("sh").args(["-c", script]))
    }

    #[test]
    fn lines_are_waited_for_and_everything_is_kept() {
        let mut program = shell("echo one; echo two >&2; echo three");
        assert_eq!(program.wait_for_line("thr"), "three");
        assert!(program.wait().success());
        assert_eq!(program.stdout(), "one\nthree\n");
        assert_eq!(program.stderr(), "two\n");
    }

    #[test]
    #[should_panic(expected = "without a line with `never`")]
    fn a_program_that_ends_without_the_line_is_not_waited_for() {
        shell("echo something else").wait_for_line("never");
    }

    #[test]
    fn signals_reach_the_program() {
        let mut kind =
            shell("trap 'echo bye; exit 3' TERM; echo ready; while :; do sleep 0.01; done");
        kind.wait_for_line("ready");
        kind.terminate();
        assert_eq!(kind.wait().code(), Some(3));
        assert_eq!(kind.stdout(), "ready\nbye\n");
        let mut hard = shell("echo ready; exec tail -f /dev/null");
        hard.wait_for_line("ready");
        hard.kill();
        hard.kill();
        assert!(!hard.wait().success());
    }
}
