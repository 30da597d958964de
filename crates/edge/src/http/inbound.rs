//! A request's body, as the engine of its connection gives it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::body::BodyError;
use crate::connection::{Connection, OpenBody};
use crate::http3;

/// From an HTTP/1.1 or HTTP/2 connection, or from a stream of HTTP/3.
#[derive(Debug)]
pub(crate) enum Inbound {
    Http3(Box<http3::RequestStream>),
    Hyper {
        incoming: Incoming,
        /// Gone after the body itself, as fields are dropped in their order.
        _open: Option<OpenBody>,
    },
}

impl Inbound {
    /// A body whose connection knows that it exists.
    pub(crate) fn counted(incoming: Incoming, connection: &Arc<Connection>) -> Self {
        Self::Hyper {
            _open: (!incoming.is_end_stream()).then(|| OpenBody::of(connection)),
            incoming,
        }
    }
}

impl From<Incoming> for Inbound {
    fn from(incoming: Incoming) -> Self {
        Self::Hyper {
            incoming,
            _open: None,
        }
    }
}

impl Body for Inbound {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.get_mut() {
            Self::Http3(stream) => Pin::new(stream.as_mut())
                .poll_frame(context)
                .map(|frame| frame.map(|frame| frame.map_err(BodyError::Stream))),
            Self::Hyper { incoming, .. } => Pin::new(incoming)
                .poll_frame(context)
                .map(|frame| frame.map(|frame| frame.map_err(BodyError::Broken))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Http3(stream) => stream.is_end_stream(),
            Self::Hyper { incoming, .. } => incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Http3(stream) => stream.size_hint(),
            Self::Hyper { incoming, .. } => incoming.size_hint(),
        }
    }
}
