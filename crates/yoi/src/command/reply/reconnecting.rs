//! Follows a reply through outages of the server.

use super::ReplyPrinter;
use crate::client::Client;
use crate::command::reconnect::{ReconnectingClient, is_outage};
use crate::error::{Error, RunEnd};

/// How often in a row the server may be reached again without a single event from it: then it
/// runs, but its events can't be read.
const FRUITLESS_MAX: u32 = 5;

impl ReplyPrinter<'_> {
    /// Like [`ReplyPrinter::follow`], but waits for a server that goes away, and goes on with the
    /// one that takes its place.
    pub(crate) async fn follow_reconnecting(
        &mut self,
        client: &mut ReconnectingClient,
    ) -> Result<RunEnd, Error> {
        let worker = self.worker;
        let mut fruitless = 0;
        loop {
            let before = self.position();
            let error = match self.follow(client.client()).await {
                Err(error) if is_outage(&error) => error,
                result => return result,
            };
            if self.position() != before {
                fruitless = 0;
            } else if fruitless == FRUITLESS_MAX {
                return Err(error);
            } else {
                fruitless += 1;
            }
            if fruitless > 1 {
                client.pause().await;
            }
            let request = async |client: &Client| client.worker(worker).await;
            client.reconnect(error, self.terminal(), request).await?;
        }
    }
}
