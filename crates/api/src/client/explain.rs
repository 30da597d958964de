//! What a network says to a client, and why.

use super::{Client, ClientError};
use crate::v1::explain::{ExplainRequest, Explanation};

impl Client {
    /// Asks what a network says to a client and its request.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn explain(&self, request: &ExplainRequest) -> Result<Explanation, ClientError> {
        self.post(&["v1", "explain"], request).await
    }
}
