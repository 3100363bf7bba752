//! How a caller completes a login by hand.

use tokio::sync::oneshot;

use super::{
    ClusterHandle, Lack,
    message::Message,
    ports::{Clock, NotTaken, Pasted},
};
use crate::domain::AttemptId;

impl<C: Clock> ClusterHandle<C> {
    /// Brings an attempt what its human pasted. Says whether it is taken; how the login ends is
    /// told to those who follow it.
    pub async fn complete(
        &self,
        attempt: AttemptId,
        pasted: Pasted,
    ) -> Result<Result<(), NotTaken>, Lack> {
        let (taken, answer) = oneshot::channel();
        self.send(Message::Complete { attempt, pasted, taken }).await?;
        answer.await.map_err(|_| self.why_no_answer())
    }
}
