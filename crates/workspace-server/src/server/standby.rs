//! A server that stands by: another one has the store, and this one takes over when that ends.

use http_api::serve_standby;
use tokio::sync::oneshot;

use super::listening::STORE_RETRY;
use super::{Listening, Server, StartError};
use crate::compose::ComposeError;
use crate::in_use::{Patience, until_free};
use crate::listen::ServerAddress;

/// A server that listens while another one has its store. Who connects waits for
/// [`Standby::take_over`], which answers.
pub struct Standby(pub(super) Listening);

impl Standby {
    /// Where it listens, at least one address.
    pub fn addresses(&self) -> &[ServerAddress] {
        self.0.prepared.addresses()
    }

    /// Answers that the server stands by until it has the store and has read its workers. There is
    /// no limit on the wait.
    ///
    /// # Errors
    /// [`StartError`] if the store can't be opened for another reason than that a server has it;
    /// nothing is left behind.
    ///
    /// # Cancellation
    /// Dropping the future cuts every connection and closes the sockets. A store that was just opened
    /// is left as after a crash.
    pub async fn take_over(self) -> Result<Server, StartError> {
        let Listening {
            mut listeners,
            store,
            prepared,
        } = self.0;
        let (is_open, opened) = oneshot::channel::<()>();
        let opening = async {
            let opened = until_free(
                Patience::Unlimited,
                STORE_RETRY,
                ComposeError::is_worth_waiting_for,
                || {},
                || store.attempt(),
            );
            let opened = opened.await?;
            tracing::info!("taking over: the other server does not have the workspace any more");
            prepared.workers(opened).await
        };
        let opening = async {
            let workers = opening.await;
            // The receiver is gone only when this future is dropped.
            let _ = is_open.send(());
            workers
        };
        tracing::info!("standing by until the workspace is free");
        let answering = serve_standby(&mut listeners, &prepared.api, async {
            let _ = opened.await;
        });
        let (workers, _connections) = tokio::join!(opening, answering);
        Ok(prepared.finish(listeners, workers?))
    }
}
