//! Ending a refused connection so that the client gets to read why.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

/// How long a refused client may take to hang up.
const PATIENCE: Duration = Duration::from_secs(1);
/// How much of what it still sends is thrown away; a TLS 1.3 client may have sent its first request already.
const DISCARDED_BYTES: u64 = 64 * 1024;

/// Sends the last bytes, ends our direction and waits for the client to end its own.
///
/// Closing at once would reset the connection when the client has sent anything more (RFC 9293 §3.10.4), and the reset can overtake the
/// alert. What fails here does not matter any more.
pub(super) async fn say<IO>(io: &mut IO, last_bytes: &[u8], deadline: Instant)
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let goodbye = async {
        io.write_all(last_bytes).await?;
        io.flush().await?;
        io.shutdown().await?;
        tokio::io::copy(&mut io.take(DISCARDED_BYTES), &mut tokio::io::sink()).await
    };
    let _ = timeout_at(deadline.min(Instant::now() + PATIENCE), goodbye).await;
}
