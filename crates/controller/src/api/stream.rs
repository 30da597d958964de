//! Answers that are too large to be made before they are sent.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::HttpBody;
use bytes::Bytes;
use hyper::body::Frame;
use tokio::sync::mpsc;

use crate::app::ServiceError;

/// Where the chunks of a body go.
#[derive(Debug)]
pub(super) struct ChunkSender(mpsc::Sender<Result<Bytes, ServiceError>>);

/// A body whose chunks are made while the ones before are being sent.
#[derive(Debug)]
struct Chunks(mpsc::Receiver<Result<Bytes, ServiceError>>);

/// A body and where its chunks go. One chunk is made ahead: a client that reads slowly costs no more than that.
pub(super) fn body() -> (ChunkSender, axum::body::Body) {
    let (sender, receiver) = mpsc::channel(1);
    (ChunkSender(sender), axum::body::Body::new(Chunks(receiver)))
}

impl ChunkSender {
    /// Sends a chunk; says whether somebody still reads.
    pub(super) async fn send(&self, chunk: Vec<u8>) -> bool {
        self.0.send(Ok(chunk.into())).await.is_ok()
    }

    /// Breaks the connection off, so that nobody takes what was sent for the whole.
    pub(super) async fn fail(self, error: ServiceError) {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "an answer was broken off"
        );
        // A client that is gone has noticed already.
        let _ = self.0.send(Err(error)).await;
    }
}

impl HttpBody for Chunks {
    type Data = Bytes;
    type Error = ServiceError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ServiceError>>> {
        self.0
            .poll_recv(context)
            .map(|chunk| chunk.map(|chunk| chunk.map(Frame::data)))
    }
}
