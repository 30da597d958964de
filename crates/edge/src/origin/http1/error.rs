//! What an origin of HTTP/1.1 did wrong.

use std::io;

/// Why a request got no answer, or an answer no end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Http1Error {
    #[error("the connection to the origin broke")]
    Io(#[from] io::Error),
    #[error("the origin closed the connection before its answer was whole")]
    Closed,
    #[error("the origin's answer is no HTTP/1.1")]
    Malformed(#[from] httparse::Error),
    #[error("the origin's answer is malformed: {0}")]
    Framing(&'static str),
    #[error("the head of the origin's answer has more than {0} bytes")]
    HeadTooLarge(usize),
    #[error("the request's body did not come to its end")]
    Upload,
}
