//! The health protocol of gRPC, <https://github.com/grpc/grpc/blob/master/doc/health-checking.md>.

use std::error::Error;

use bytes::{BufMut, Bytes, BytesMut};
use countersign_snapshot::HealthCheck;
use countersign_tls::{Alpn, OriginAlpn};
use h2::client::SendRequest;
use http::header::{CONTENT_TYPE, HeaderValue, TE, USER_AGENT};
use http::{HeaderMap, Method, Request, StatusCode, Version};

use super::AGENT;
use crate::http::grpc_status;
use crate::origin::connect::transport;
use crate::origin::endpoint::Address;
use crate::origin::send::host_and_port;
use crate::origin::transport::Transport;
use crate::origin::{Origin, OriginError};

const METHOD: &str = "/grpc.health.v1.Health/Check";
/// An answer has seven octets.
const ANSWER_MAX_BYTES: usize = 1024;

/// The statuses of a service, by their numbers.
const SERVING: u8 = 1;
const NOT_SERVING: u8 = 2;

/// Asks an address about a service, on a connection that is only for that.
pub(super) async fn ask(
    origin: &Origin,
    endpoint: usize,
    address: &Address,
    check: &HealthCheck,
    service: &str,
) -> Result<(), String> {
    let endpoint = origin.endpoints.get(endpoint);
    let endpoint = endpoint.ok_or_else(|| OriginError::unhealthy().detail)?;
    let asked = check.host.clone();
    let host = asked.unwrap_or_else(|| host_and_port(&endpoint.model, origin.is_tls()));
    let transport = transport(origin, endpoint, address.socket, OriginAlpn::Http2, &[]).await;
    let transport = transport.map_err(|error| error.detail)?;
    if let Transport::Tls(stream) = &transport
        && stream.alpn() != Alpn::Http2
    {
        return Err(OriginError::no_http2().detail);
    }
    let scheme = if origin.is_tls() { "https" } else { "http" };
    let uri = format!("{scheme}://{host}{METHOD}");
    let (sender, connection) = h2::client::handshake(transport).await.map_err(detail)?;
    tokio::select! {
        answer = exchange(sender, &uri, service) => answer,
        // It ends after the answer, or breaks.
        ended = connection => Err(ended.map_or_else(detail, |()| "the origin closed the connection".to_owned())),
    }
}

async fn exchange(sender: SendRequest<Bytes>, uri: &str, service: &str) -> Result<(), String> {
    let mut request = Request::new(());
    *request.method_mut() = Method::POST;
    *request.version_mut() = Version::HTTP_2;
    *request.uri_mut() = uri
        .parse()
        .map_err(|_| format!("`{uri}` cannot be asked for"))?;
    *request.headers_mut() = HeaderMap::from_iter([
        (CONTENT_TYPE, HeaderValue::from_static("application/grpc")),
        (TE, HeaderValue::from_static("trailers")),
        (USER_AGENT, AGENT),
    ]);
    let mut sender = sender.ready().await.map_err(detail)?;
    let (answer, mut body) = sender.send_request(request, false).map_err(detail)?;
    body.send_data(question(service), true).map_err(detail)?;
    let (head, mut body) = answer.await.map_err(detail)?.into_parts();
    if head.status != StatusCode::OK {
        return Err(format!(
            "the answer has the status {}",
            head.status.as_u16()
        ));
    }
    let mut message = BytesMut::new();
    while let Some(part) = body.data().await {
        let part = part.map_err(detail)?;
        if message.len() + part.len() > ANSWER_MAX_BYTES {
            return Err("the answer is too long for one about health".to_owned());
        }
        message.extend_from_slice(&part);
    }
    let trailers = body.trailers().await.map_err(detail)?;
    // An answer without a message has its status in the head.
    let status = grpc_status(trailers.as_ref().unwrap_or(&head.headers));
    match (status, message.as_ref()) {
        (Some(0), message) => judge(message),
        (Some(5), _) => Err("the origin does not know the service".to_owned()),
        (Some(12), _) => Err("the origin has no grpc.health.v1.Health".to_owned()),
        (Some(status), _) => Err(format!("the answer has the gRPC status {status}")),
        (None, _) => Err("the answer has no gRPC status".to_owned()),
    }
}

/// `HealthCheckRequest`, whose field 1 is the name of the service, as a message that is not compressed.
fn question(service: &str) -> Bytes {
    let mut message = BytesMut::new();
    if let Ok(length) = u16::try_from(service.len())
        && length > 0
    {
        message.put_u8(0x0a);
        // Seven bits at a time, the lowest first.
        match u8::try_from(length) {
            Ok(length) if length < 0x80 => message.put_u8(length),
            _ => {
                let [high, low] = (length << 1).to_be_bytes();
                message.put_u8(low >> 1 | 0x80);
                message.put_u8(high);
            }
        }
        message.put(service.as_bytes());
    }
    let mut framed = BytesMut::new();
    framed.put_u8(0);
    framed.put_u32(u32::try_from(message.len()).unwrap_or_default());
    framed.put(message);
    framed.freeze()
}

/// `HealthCheckResponse`, whose field 1 is the status; without it the status is 0.
fn judge(message: &[u8]) -> Result<(), String> {
    match message {
        [0, _, _, _, _, 0x08, SERVING, ..] => Ok(()),
        [0, _, _, _, _, 0x08, NOT_SERVING, ..] => Err("the service is NOT_SERVING".to_owned()),
        [0, 0, 0, 0, 0] => Err("the service is UNKNOWN".to_owned()),
        _ => Err("the answer is none about health".to_owned()),
    }
}

fn detail(error: h2::Error) -> String {
    OriginError::http(&error as &(dyn Error + 'static)).detail
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_service_has_its_length_before_it() {
        assert_eq!(question("").as_ref(), [0; 5]);
        assert_eq!(question("ab").as_ref(), b"\0\0\0\0\x04\x0a\x02ab");
        let long = "a".repeat(200);
        let asked = question(&long);
        assert_eq!(&asked[..8], b"\0\0\0\0\xcb\x0a\xc8\x01");
        assert_eq!(asked.len(), 8 + 200);
    }

    #[test]
    fn only_serving_is_good() {
        assert_eq!(judge(b"\0\0\0\0\x02\x08\x01"), Ok(()));
        for bad in [
            &b"\0\0\0\0\x02\x08\x02"[..],
            b"\0\0\0\0\0",
            b"\0\0\0\0\x02\x08\x03",
            b"\x01\0\0\0\x02\x08\x01",
            b"",
        ] {
            assert!(judge(bad).is_err(), "{bad:?}");
        }
    }
}
