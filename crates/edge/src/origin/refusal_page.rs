//! The refusal of our certificate by origins that refuse it in a page.
//!
//! nginx with `ssl_verify_client on` completes the handshake whatever comes, and answers the request with 400 and a page of its own. Passed
//! on, that page would tell clients that *their* certificate is bad.

use std::future::poll_fn;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{StatusCode, response};

use super::{Lease, Origin, OriginError};

/// The pages have about 250 octets.
const PAGE_MAX_BYTES: usize = 1024;
/// Between the octets of a page that is announced.
const PATIENCE: Duration = Duration::from_secs(5);
/// What nginx writes for its codes 496 and 495.
const PHRASES: [&str; 2] = [
    "<center>No required SSL certificate was sent</center>",
    "<center>The SSL certificate error</center>",
];

/// What the answer turned out to be.
pub(crate) enum SuspectedRefusal {
    /// An answer like others, whose body was read.
    Answer(Bytes),
    /// The origin refused our certificate.
    Refusal(OriginError),
}

/// Whether an answer may be such a page. Costs one comparison for all others.
pub(crate) fn suspected_refusal(origin: &Origin, head: &response::Parts) -> bool {
    if head.status != StatusCode::BAD_REQUEST || !origin.is_tls() {
        return false;
    }
    let header = |name| head.headers.get(name);
    let is_html =
        header(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    let is_short = header(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok())
        .and_then(|length| length.parse::<usize>().ok())
        .is_some_and(|length| length <= PAGE_MAX_BYTES);
    is_html && is_short
}

impl SuspectedRefusal {
    /// Reads the page.
    pub(crate) async fn read(mut lease: Lease) -> Result<Self, OriginError> {
        let page = tokio::time::timeout(PATIENCE, page(&mut lease))
            .await
            .map_err(|_| OriginError::first_byte_timeout(PATIENCE))??;
        lease.give_back();
        let text = String::from_utf8_lossy(&page);
        Ok(
            match PHRASES.iter().find(|phrase| text.contains(**phrase)) {
                None => Self::Answer(page),
                Some(phrase) => {
                    let phrase = phrase
                        .trim_start_matches("<center>")
                        .trim_end_matches("</center>");
                    Self::Refusal(OriginError::new(
                        countersign_trust::Reason::OriginRefusedCertificate,
                        format!("the origin answered 400 `{phrase}`"),
                    ))
                }
            },
        )
    }
}

/// The page, which said that it is short.
async fn page(lease: &mut Lease) -> Result<Bytes, OriginError> {
    let mut page = BytesMut::new();
    while let Some(part) = poll_fn(|context| lease.poll_part(|| 0, context)).await {
        let part = part.map_err(|error| OriginError::http(&error))?;
        page.extend(part.into_data().into_iter().flatten());
        if page.len() > PAGE_MAX_BYTES {
            return Err(OriginError::long_page(PAGE_MAX_BYTES));
        }
    }
    Ok(page.freeze())
}
