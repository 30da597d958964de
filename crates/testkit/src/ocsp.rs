//! An OCSP responder: `openssl ocsp` answers every request, and this front can be told to misbehave.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::task::JoinHandle;

use crate::{Ca, Credential, OpenSsl, der};

mod daemon;

use daemon::Daemon;

/// A running responder of one authority. It stops when dropped.
#[derive(Debug)]
pub struct OcspResponder {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    openssl: OpenSsl,
    asked: AtomicUsize,
    methods: Mutex<Vec<String>>,
    state: Mutex<State>,
    /// `openssl` works on files with fixed names.
    turn: tokio::sync::Mutex<()>,
    /// Gets the connections as they come when there is one.
    daemon: Mutex<Option<Daemon>>,
}

#[derive(Clone, Debug)]
struct State {
    index: String,
    manner: Manner,
    last: Vec<u8>,
}

/// What the authority says about a certificate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Status {
    /// It is good.
    Good,
    /// It was revoked in 2024 because its key became known.
    Revoked,
    /// The authority does not know it.
    Unknown,
}

/// How the responder behaves.
#[derive(Clone, Debug)]
pub enum Manner {
    /// It answers, signed by the authority itself.
    Well,
    /// It answers, signed by this certificate.
    SignedBy(Credential),
    /// It answers, signed by this authority.
    SignedByCa(Ca),
    /// It answers, and answers promise nothing newer before so many minutes.
    ForMinutes(u32),
    /// It answers about this certificate whatever it is asked, without a nonce.
    About(Credential),
    /// It gives these octets as the response.
    Says(Vec<u8>),
    /// It answers with this status of HTTP.
    Fails(u16),
    /// It redirects to this address.
    Redirects(String),
    /// It says nothing for so long.
    Waits(Duration),
    /// It closes every connection.
    Hangs,
}

impl OcspResponder {
    /// Starts the responder of an authority, which knows no certificate yet.
    pub async fn start(ca: &Ca) -> Self {
        let openssl = OpenSsl::new();
        openssl.write("ca.pem", &ca.pem());
        openssl.write("ca.key", &ca.key().pem());
        let shared = Arc::new(Shared {
            openssl,
            asked: AtomicUsize::new(0),
            methods: Mutex::default(),
            state: Mutex::new(State {
                index: String::new(),
                manner: Manner::Well,
                last: Vec::new(),
            }),
            turn: tokio::sync::Mutex::default(),
            daemon: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn({
            let shared = Arc::clone(&shared);
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(serve(Arc::clone(&shared), stream));
                }
            }
        });
        Self {
            address,
            shared,
            server,
        }
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// The host and port of its address.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// Says from now on this about a certificate.
    pub fn says(&self, credential: &Credential, status: Status) {
        let serial: String = credential
            .serial()
            .iter()
            .fold(String::new(), |mut text, octet| {
                write!(text, "{octet:02X}").unwrap();
                text
            });
        let mut state = self.shared.state.lock().unwrap();
        let others: String = state
            .index
            .lines()
            .filter(|line| !line.contains(&format!("\t{serial}\t")))
            .map(|line| format!("{line}\n"))
            .collect();
        let state_of = match status {
            Status::Good => "V\t491231235959Z\t",
            Status::Revoked => "R\t491231235959Z\t240101000000Z,keyCompromise",
            Status::Unknown => {
                state.index = others;
                return;
            }
        };
        state.index = format!("{others}{state_of}\t{serial}\tunknown\t/CN={serial}\n");
    }

    /// Behaves like this from now on.
    pub fn behaves(&self, manner: Manner) {
        self.shared.state.lock().unwrap().manner = manner;
    }

    /// From now on `openssl` itself is the server, with what was said so far about certificates.
    ///
    /// # Errors
    ///
    /// When there can be no network of its own for it on this machine, with the reason.
    pub fn becomes_openssl(&self) -> Result<(), String> {
        let openssl = &self.shared.openssl;
        openssl.write("index.txt", &self.shared.state.lock().unwrap().index);
        let daemon = Daemon::start(
            openssl.path().to_owned(),
            "-index index.txt -CA ca.pem -rsigner ca.pem -rkey ca.key -rmd sha256 -nmin 6000",
        )?;
        *self.shared.daemon.lock().unwrap() = Some(daemon);
        Ok(())
    }

    /// How often it was asked.
    pub fn asked(&self) -> usize {
        self.shared.asked.load(Ordering::SeqCst)
    }

    /// The methods by which it was asked.
    pub fn methods(&self) -> Vec<String> {
        self.shared.methods.lock().unwrap().clone()
    }

    /// The last response, for whoever wants to replay it.
    pub fn last(&self) -> Vec<u8> {
        self.shared.state.lock().unwrap().last.clone()
    }

    /// The response that says to come again later.
    pub fn try_later() -> Vec<u8> {
        der::sequence([der::enumerated(3)])
    }
}

/// A response by hand, for times that `openssl` does not answer for, signed by the authority itself.
pub fn response(
    ca: &Ca,
    credential: &Credential,
    status: Status,
    this_update: i64,
    next_update: i64,
) -> Vec<u8> {
    use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
    let spki = ca.key().spki_der();
    let key = der::elements(der::content(&spki))[1].to_vec();
    let sha1 = |bytes: &[u8]| der::octet_string(digest(&SHA1_FOR_LEGACY_USE_ONLY, bytes));
    let id = der::sequence([
        der::sequence([der::oid("1.3.14.3.2.26"), der::null()]),
        sha1(&ca.subject_der()),
        sha1(&der::content(&key)[1..]),
        der::integer_octets(credential.serial()),
    ]);
    let next_update = der::explicit(0, der::generalized_time_of(next_update));
    let status = match status {
        Status::Good => der::implicit(0, []),
        Status::Revoked => der::explicit(1, der::generalized_time_of(this_update)),
        Status::Unknown => der::implicit(2, []),
    };
    let about = der::sequence([
        id,
        status,
        der::generalized_time_of(this_update),
        next_update,
    ]);
    let data = der::sequence([
        der::explicit(1, ca.subject_der()),
        der::generalized_time_of(this_update),
        der::sequence([about]),
    ]);
    let signature = der::bit_string(ca.key().sign(&data));
    let basic = der::sequence([data, ca.key().signature_algorithm(), signature]);
    let bytes = der::sequence([der::oid("1.3.6.1.5.5.7.48.1.1"), der::octet_string(basic)]);
    der::sequence([der::enumerated(0), der::explicit(0, bytes)])
}

impl Drop for OcspResponder {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(shared: Arc<Shared>, mut stream: TcpStream) {
    let socket = shared
        .daemon
        .lock()
        .unwrap()
        .as_ref()
        .map(|it| it.socket.clone());
    if let Some(socket) = socket {
        shared.asked.fetch_add(1, Ordering::SeqCst);
        let mut daemon = UnixStream::connect(socket).await.unwrap();
        // Either side may end as it likes.
        let _ = copy_bidirectional(&mut stream, &mut daemon).await;
        return;
    }
    let Some((method, request)) = read(&mut stream).await else {
        return;
    };
    shared.asked.fetch_add(1, Ordering::SeqCst);
    shared.methods.lock().unwrap().push(method);
    let state = shared.state.lock().unwrap().clone();
    let head = |status: u16, rest: &str| {
        format!("HTTP/1.1 {status} Any\r\n{rest}content-length: 0\r\n\r\n")
    };
    let response = match &state.manner {
        Manner::Hangs => return,
        Manner::Fails(status) => {
            let _ = stream.write_all(head(*status, "").as_bytes()).await;
            return;
        }
        Manner::Redirects(to) => {
            let rest = format!("location: {to}\r\n");
            let _ = stream.write_all(head(302, &rest).as_bytes()).await;
            return;
        }
        Manner::Waits(time) => {
            tokio::time::sleep(*time).await;
            answer(&shared, &state, request).await
        }
        Manner::Says(octets) => octets.clone(),
        _ => answer(&shared, &state, request).await,
    };
    shared.state.lock().unwrap().last.clone_from(&response);
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/ocsp-response\r\ncontent-length: {}\r\n\r\n",
        response.len()
    );
    let _ = stream.write_all(head.as_bytes()).await;
    let _ = stream.write_all(&response).await;
}

async fn answer(shared: &Arc<Shared>, state: &State, request: Vec<u8>) -> Vec<u8> {
    let _turn = shared.turn.lock().await;
    let (shared, state) = (Arc::clone(shared), state.clone());
    tokio::task::spawn_blocking(move || {
        let openssl = &shared.openssl;
        openssl.write("index.txt", &state.index);
        // Long enough for tests that let hours pass.
        let (mut signer, mut minutes) = ("-rsigner ca.pem -rkey ca.key", 6_000);
        match &state.manner {
            Manner::SignedBy(credential) => {
                openssl.write("signer.pem", &credential.pem());
                openssl.write("signer.key", &credential.key_pem());
                signer = "-rsigner signer.pem -rkey signer.key";
            }
            Manner::SignedByCa(ca) => {
                openssl.write("signer.pem", &ca.pem());
                openssl.write("signer.key", &ca.key().pem());
                signer = "-rsigner signer.pem -rkey signer.key";
            }
            Manner::ForMinutes(promised) => minutes = *promised,
            _ => {}
        }
        if let Manner::About(credential) = &state.manner {
            openssl.write("about.pem", &credential.pem());
            openssl.run("ocsp -issuer ca.pem -cert about.pem -no_nonce -reqout request.der");
        } else {
            std::fs::write(openssl.path().join("request.der"), &request).unwrap();
        }
        openssl.run(&format!(
            "ocsp -index index.txt -CA ca.pem {signer} -rmd sha256 -nmin {minutes} -reqin request.der -respout response.der"
        ));
        std::fs::read(openssl.path().join("response.der")).unwrap()
    })
    .await
    .unwrap()
}

/// The method and the request of a POST or of a GET (RFC 6960 appendix A.1).
async fn read(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    loop {
        let mut part = [0; 4096];
        let count = stream
            .read(&mut part)
            .await
            .ok()
            .filter(|count| *count > 0)?;
        bytes.extend_from_slice(&part[..count]);
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let method = head.split(' ').next()?.to_owned();
        if method == "GET" {
            let path = head.split(' ').nth(1)?;
            let encoded = path.rsplit('/').next()?;
            let plain = encoded
                .replace("%2B", "+")
                .replace("%2F", "/")
                .replace("%3D", "=");
            return Some((method, base64(&plain)));
        }
        let length: usize = head
            .lines()
            .find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length")
                    .then(|| value.trim().parse().ok())?
            })
            .unwrap_or(0);
        if bytes.len() >= end + 4 + length {
            return Some((method, bytes[end + 4..end + 4 + length].to_vec()));
        }
    }
}

fn base64(text: &str) -> Vec<u8> {
    let pem = format!("-----BEGIN ANY-----\n{text}\n-----END ANY-----\n");
    der::pem_blocks(&pem).swap_remove(0).1
}
