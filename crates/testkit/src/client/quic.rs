//! QUIC and HTTP/3, as far as a published client speaks them.

use std::{net::SocketAddr, sync::Arc};

use bytes::{Buf, Bytes, BytesMut};
use http::{Request, Uri, uri::Authority};
use http_body_util::BodyExt;
use quinn::{ConnectionError, Endpoint, crypto::rustls::QuicClientConfig};
use tokio::task::JoinHandle;

use super::{Body, Response, TlsClient};

/// A QUIC connection after its handshake, with the socket that it runs over.
#[derive(Debug)]
pub struct QuicConnection {
    /// The connection, for those who speak to it in their own way.
    pub quic: quinn::Connection,
    /// The client's socket.
    pub endpoint: Endpoint,
    authority: String,
}

impl TlsClient {
    /// Connects to `address` over QUIC. Offers `h3` where nothing else was asked for.
    ///
    /// # Errors
    ///
    /// When the connection or the handshake fails. A server's refusal of the client certificate comes only later: see
    /// [`QuicConnection::settled`].
    pub async fn quic(&self, address: SocketAddr) -> Result<QuicConnection, ConnectionError> {
        let mut config = self.clone().tls13().config();
        if config.alpn_protocols.is_empty() {
            config.alpn_protocols = vec![b"h3".to_vec()];
        }
        let crypto = QuicClientConfig::try_from(config).unwrap();
        let config = quinn::ClientConfig::new(Arc::new(crypto));
        let local = SocketAddr::new(address.ip(), 0);
        let endpoint = Endpoint::client(local).unwrap();
        let name = self.server_name.to_str();
        let connecting = endpoint.connect_with(config, address, &name).unwrap();
        Ok(QuicConnection {
            quic: connecting.await?,
            endpoint,
            authority: name.into_owned(),
        })
    }
}

/// The TLS alert that a QUIC connection was closed with, if it was.
pub fn quic_alert(error: &ConnectionError) -> Option<super::AlertDescription> {
    let ConnectionError::ConnectionClosed(close) = error else {
        return None;
    };
    // RFC 9001 §4.8: 0x0100 and the alert.
    let code = u64::from(close.error_code);
    let alert = (0x100..0x200).contains(&code).then_some(code & 0xff)?;
    Some(u8::try_from(alert).unwrap().into())
}

impl QuicConnection {
    /// Waits until the server has accepted the client too, which shows in the first stream that it opens.
    ///
    /// # Errors
    ///
    /// When it refused the client.
    pub async fn settled(&self) -> Result<(), ConnectionError> {
        self.quic.accept_uni().await.map(drop)
    }

    /// An HTTP/3 client.
    ///
    /// # Errors
    ///
    /// When the HTTP connection cannot be begun.
    pub async fn http3(self) -> Result<Http3Client, h3::error::ConnectionError> {
        let transport = h3_quinn::Connection::new(self.quic.clone());
        let (mut driver, sender) = h3::client::new(transport).await?;
        Ok(Http3Client {
            quic: self.quic,
            endpoint: self.endpoint,
            authority: self.authority,
            driver: tokio::spawn(async move { driver.wait_idle().await }),
            sender,
        })
    }
}

/// One HTTP/3 connection.
pub struct Http3Client {
    /// The connection beneath.
    pub quic: quinn::Connection,
    /// The client's socket.
    pub endpoint: Endpoint,
    authority: String,
    driver: JoinHandle<h3::error::ConnectionError>,
    sender: h3::client::SendRequest<h3_quinn::OpenStreams, Bytes>,
}

impl std::fmt::Debug for Http3Client {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Http3Client")
            .field("quic", &self.quic)
            .finish_non_exhaustive()
    }
}

impl Http3Client {
    /// Sends `GET path`.
    ///
    /// # Errors
    ///
    /// When the stream or the connection ends before the response does.
    pub async fn get(&mut self, path: &str) -> Result<Response, h3::error::StreamError> {
        let request = Request::get(path).body(super::body(Bytes::new())).unwrap();
        self.send(request).await
    }

    /// Sends a request and reads its whole response. A request with a path alone goes to the connection's authority.
    ///
    /// # Errors
    ///
    /// When the stream or the connection ends before the response does.
    pub async fn send(
        &mut self,
        request: Request<Body>,
    ) -> Result<Response, h3::error::StreamError> {
        let (mut head, mut body) = request.into_parts();
        if head.uri.authority().is_none() {
            let authority: Authority = self.authority.parse().unwrap();
            let mut parts = head.uri.into_parts();
            parts.scheme = Some(http::uri::Scheme::HTTPS);
            parts.authority = Some(authority);
            head.uri = Uri::from_parts(parts).unwrap();
        }
        let request = Request::from_parts(head, ());
        let mut stream = self.sender.send_request(request).await?;
        let mut sending = Ok(());
        while let Some(frame) = body.frame().await {
            sending = match frame.unwrap().into_data() {
                Ok(data) if data.is_empty() => Ok(()),
                Ok(data) => stream.send_data(data).await,
                Err(frame) => stream.send_trailers(frame.into_trailers().unwrap()).await,
            };
            if sending.is_err() {
                break;
            }
        }
        // A server may answer before it has everything; whether it did is seen next.
        if sending.is_ok() {
            let _ = stream.finish().await;
        }
        let (head, ()) = stream.recv_response().await?.into_parts();
        let mut body = BytesMut::new();
        while let Some(data) = stream.recv_data().await? {
            body.extend_from_slice(data.chunk());
        }
        Ok(Response {
            status: head.status,
            headers: head.headers,
            body: body.freeze(),
            trailers: stream.recv_trailers().await?,
        })
    }

    /// Sends the head of a request and leaves the rest to the caller.
    ///
    /// # Errors
    ///
    /// When the connection ended.
    pub async fn begin(
        &mut self,
        request: Request<()>,
    ) -> Result<h3::client::RequestStream<h3_quinn::BidiStream<Bytes>, Bytes>, h3::error::StreamError>
    {
        self.sender.send_request(request).await
    }

    /// Waits until the connection has ended, and tells how HTTP/3 saw it end.
    pub async fn closed(self) -> h3::error::ConnectionError {
        // The sender lives on meanwhile: the end has to come from the server.
        let ended = self.driver.await.unwrap();
        drop(self.sender);
        ended
    }
}
