//! Reading a ClientHello, whole, before anything is decided.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Poll, ready};

use rustls::server::{Accepted, Acceptor};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, timeout_at};

use super::{HandshakeLimits, farewell};
use crate::Alert;
use crate::refused::{HandshakeFault, RefusedHandshake};

const READ_BYTES: usize = 4096;

/// Reads until the ClientHello is whole, however it is cut into records and segments (threat C2.4), or larger than the limit.
pub(super) async fn read<IO>(
    io: &mut IO,
    limits: &HandshakeLimits,
    deadline: Instant,
) -> Result<Accepted, RefusedHandshake>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let mut acceptor = Acceptor::default();
    let mut total = 0;
    loop {
        total += timeout_at(deadline, fill(io, &mut acceptor))
            .await
            .map_err(|_| RefusedHandshake::timed_out(limits.timeout))?
            .map_err(RefusedHandshake::interrupted)?;
        match acceptor.accept() {
            Ok(Some(hello)) => return Ok(hello),
            Ok(None) if total < limits.client_hello_bytes => {}
            Ok(None) => {
                let alert = Alert::DECODE_ERROR;
                farewell::say(io, &alert.to_plain_record(), deadline).await;
                let limit = limits.client_hello_bytes;
                return Err(RefusedHandshake::before_the_name(
                    HandshakeFault::ClientHelloTooLarge { limit },
                    Some(alert),
                ));
            }
            Err((error, mut alert)) => {
                let mut record = Vec::new();
                // Writing to memory does not fail.
                let _ = alert.write_all(&mut record);
                farewell::say(io, &record, deadline).await;
                return Err(RefusedHandshake::before_the_name(
                    HandshakeFault::tls(error),
                    Alert::from_plain_record(&record),
                ));
            }
        }
    }
}

/// Moves what can be read at once into the acceptor. The buffer is on the stack of the poll, not in the future: waiting clients are small.
async fn fill<IO: AsyncRead + Unpin>(io: &mut IO, acceptor: &mut Acceptor) -> io::Result<usize> {
    poll_fn(|context| {
        let mut bytes = [0; READ_BYTES];
        let mut buffer = ReadBuf::new(&mut bytes);
        ready!(Pin::new(&mut *io).poll_read(context, &mut buffer))?;
        let mut read = buffer.filled();
        let length = read.len();
        if length == 0 {
            return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        while !read.is_empty() {
            if acceptor.read_tls(&mut read)? == 0 {
                return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
            }
        }
        Poll::Ready(Ok(length))
    })
    .await
}
