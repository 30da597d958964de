//! The handshake of a client over TCP, or over anything that carries bytes both ways.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use countersign_snapshot::{ClientAuthMode, Peer, ServerName, Verdicts};
use countersign_trust::{PeerChain, Reason};
use rustls::server::Accepted as AcceptedHello;
use rustls::{CommonState, ProtocolVersion};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::StartHandshake;

use crate::handshake::{HandshakeRecord, RECORD};
use crate::held::Held;
use crate::refused::{HandshakeFault, RefusedHandshake};
use crate::{Alert, BindingTls, TlsFacts, TlsStream, evaluate_peer};

mod client_hello;
mod farewell;

/// What a client may take before it is known.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct HandshakeLimits {
    /// From the first byte awaited to the end of the handshake.
    pub timeout: Duration,
    /// How many bytes may come before the ClientHello is whole. One with post-quantum key shares and the
    /// largest ticket has about 20 KiB.
    pub client_hello_bytes: usize,
}

impl Default for HandshakeLimits {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(10),
            client_hello_bytes: 32 * 1024,
        }
    }
}

/// What a server name is bound to.
#[derive(Clone, Debug)]
pub enum Lookup {
    /// Nothing, or nothing that can be served now; the client is told `unrecognized_name`.
    Refuse(Reason),
    /// This binding.
    Serve(Arc<BindingTls>),
}

/// A finished handshake.
#[derive(Debug)]
pub struct Accepted<IO> {
    /// The decrypted connection.
    pub stream: TlsStream<IO>,
    /// The name that the client asked for.
    pub server_name: ServerName,
    /// The binding that it was answered with.
    pub binding: Arc<BindingTls>,
    /// What the client showed, now or in the handshake that this session resumes.
    pub peer: Peer,
    /// What the binding's CA sets say about it, as of now. Where [`TlsContext::ask_later`](crate::TlsContext::ask_later) is on, a required certificate may be
    /// one of which too little is known to let it in.
    pub verdicts: Verdicts,
    /// What was negotiated.
    pub facts: TlsFacts,
}

/// Runs the handshake of a client.
///
/// `lookup` is asked once for the name in the ClientHello. Without a name, or with one that it refuses, the handshake ends with the alert
/// `unrecognized_name`; there is no default binding (threats C2.1, C2.4). `lookup` is called with `None` when the client sent no usable
/// name, so that it can count it; whatever it answers then, the handshake is refused.
///
/// # Errors
/// A refusal, with the reason, the alert, and what is known about the client.
pub async fn accept<IO>(
    mut io: IO,
    lookup: impl FnOnce(Option<ServerName>) -> Lookup,
    limits: &HandshakeLimits,
) -> Result<Accepted<IO>, RefusedHandshake>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    // Threat C5.5: one deadline over both halves, so that a slow client cannot have each of them.
    let deadline = Instant::now() + limits.timeout;
    let hello = client_hello::read(&mut io, limits, deadline).await?;
    match choose(&hello, lookup) {
        // On the heap, so that the many clients that have not said anything yet are small.
        Ok((server_name, binding)) => {
            Box::pin(finish(hello, io, server_name, binding, limits, deadline)).await
        }
        Err(refused) => {
            farewell::say(
                &mut io,
                &Alert::UNRECOGNISED_NAME.to_plain_record(),
                deadline,
            )
            .await;
            Err(refused)
        }
    }
}

/// Finds the binding of the name in a ClientHello: the one place where that is decided, for TCP and QUIC.
pub(crate) fn choose(
    hello: &AcceptedHello,
    lookup: impl FnOnce(Option<ServerName>) -> Lookup,
) -> Result<(ServerName, Arc<BindingTls>), RefusedHandshake> {
    let refused = |reason, server_name| RefusedHandshake {
        reason,
        server_name,
        alert: Some(Alert::UNRECOGNISED_NAME),
        evidence: None,
        peer: None,
        fault: HandshakeFault::Refused,
    };
    let hello = hello.client_hello();
    let Some(presented) = hello.server_name() else {
        let _ = lookup(None);
        return Err(refused(Reason::NoServerName, None));
    };
    let Ok(server_name) = ServerName::new(presented) else {
        let _ = lookup(None);
        return Err(refused(Reason::UnknownServerName, None));
    };
    match lookup(Some(server_name.clone())) {
        Lookup::Serve(binding) => Ok((server_name, binding)),
        Lookup::Refuse(reason) => Err(refused(reason, Some(server_name))),
    }
}

async fn finish<IO>(
    hello: AcceptedHello,
    io: IO,
    server_name: ServerName,
    binding: Arc<BindingTls>,
    limits: &HandshakeLimits,
    deadline: Instant,
) -> Result<Accepted<IO>, RefusedHandshake>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let context = binding.context();
    let record = HandshakeRecord::new(context.new_lineage(context.clock.now()));
    let config = binding.config_for(&hello.client_hello());
    // Reading the ClientHello opens tickets, so it belongs inside the scope of the record like everything after it.
    let handshake = RECORD.scope(record, async move {
        let start = StartHandshake::from_parts(hello, Held::new(io));
        start.into_stream(config).into_fallible().await
    });
    tokio::pin!(handshake);
    let result = timeout_at(deadline, handshake.as_mut()).await;
    let record = handshake.take_value().map(RefCell::into_inner);
    let mut stream = match result {
        Ok(Ok(stream)) => stream,
        Ok(Err((error, mut io))) => {
            // rustls has written its alert.
            farewell::say(&mut io, &[], deadline).await;
            return Err(RefusedHandshake::failed(error, server_name, record));
        }
        Err(_) => return Err(RefusedHandshake::timed_out(limits.timeout).of(server_name, record)),
    };
    let (io, connection) = stream.get_mut();
    io.handshake_done(connection.protocol_version() != Some(ProtocolVersion::TLSv1_3));
    let connection = stream.get_ref().1;
    let (shown, presented) = record.map_or((None, None), |record| (record.peer, record.presented));
    match judge(&server_name, &binding, shown, connection) {
        Ok(judged) => Ok(Accepted {
            stream: TlsStream::new(stream),
            server_name,
            binding,
            peer: judged.peer,
            verdicts: judged.verdicts,
            facts: TlsFacts {
                presented,
                ..judged.facts
            },
        }),
        Err(refused) => {
            farewell::say(&mut stream, &[], deadline).await;
            Err(refused)
        }
    }
}

/// What is made of a client at the end of its handshake.
pub(crate) struct Judged {
    pub(crate) peer: Peer,
    pub(crate) verdicts: Verdicts,
    pub(crate) facts: TlsFacts,
}

/// Evaluates the client at the end of its handshake, over TCP and QUIC alike. `shown` is the chain that it sent, unless it resumed.
pub(crate) fn judge(
    server_name: &ServerName,
    binding: &BindingTls,
    shown: Option<PeerChain>,
    connection: &CommonState,
) -> Result<Judged, RefusedHandshake> {
    let peer = shown.map_or_else(|| stored_peer(connection, binding), Peer::Chain);
    if let Peer::Chain(chain) = &peer {
        binding.trust().chains().remember(chain);
    }
    let verdicts = evaluate_peer(binding.trust(), &peer, binding.context().clock.now());
    // Threats C1.3, C1.6: a resumed session was verified some time ago; what counts is now.
    // One whose CAs are still to be asked goes on to whoever asks them.
    if binding.trust().mode() == ClientAuthMode::Require
        && !verdicts.any_valid()
        && !binding.trust().is_to_be_asked(&verdicts)
    {
        return Err(RefusedHandshake::after_the_handshake(
            server_name.clone(),
            &peer,
            &verdicts,
        ));
    }
    Ok(Judged {
        peer,
        verdicts,
        facts: TlsFacts::of(connection),
    })
}

/// The chain out of the session that was resumed, byte for byte that of the full handshake (threat C1.7).
fn stored_peer(connection: &CommonState, binding: &BindingTls) -> Peer {
    connection
        .peer_certificates()
        .map_or(Peer::Absent, |chain| binding.trust().chains().peer(chain))
}
