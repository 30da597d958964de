//! Reading a ClientHello, whole, before anything is decided.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Poll, ready};

use rustls::server::{Accepted, Acceptor};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};

use crate::Alert;
use crate::refused::{HandshakeFault, RefusedHandshake};

const READ_BYTES: usize = 4096;

/// Reads until the ClientHello is whole, however it is cut into records and segments (threat C2.4), or larger than `limit`.
pub(super) async fn read<IO>(mut io: IO, limit: usize) -> Result<(Accepted, IO), RefusedHandshake>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let mut acceptor = Acceptor::default();
    let mut total = 0;
    loop {
        total += fill(&mut io, &mut acceptor)
            .await
            .map_err(RefusedHandshake::interrupted)?;
        match acceptor.accept() {
            Ok(Some(hello)) => return Ok((hello, io)),
            Ok(None) if total < limit => {}
            Ok(None) => {
                let _ = send_alert(&mut io, Alert::DECODE_ERROR).await;
                return Err(RefusedHandshake::before_the_name(
                    HandshakeFault::ClientHelloTooLarge { limit },
                    Some(Alert::DECODE_ERROR),
                ));
            }
            Err((error, mut alert)) => {
                let mut record = Vec::new();
                // Writing to memory does not fail; sending may, and then nobody is there to hear.
                let _ = alert.write_all(&mut record);
                let _ = io.write_all(&record).await;
                let _ = io.flush().await;
                let sent = Alert::from_plain_record(&record);
                return Err(RefusedHandshake::before_the_name(
                    HandshakeFault::tls(error),
                    sent,
                ));
            }
        }
    }
}

pub(super) async fn send_alert<IO: AsyncWrite + Unpin>(
    io: &mut IO,
    alert: Alert,
) -> io::Result<()> {
    io.write_all(&alert.to_plain_record()).await?;
    io.flush().await?;
    io.shutdown().await
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
