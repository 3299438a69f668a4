//! The client of `chat` and `send --follow`: finds the server again after an outage.

use std::rc::Rc;
use std::time::Duration;

use http_api::wire::ProblemCode;
use tokio::time::{Instant, sleep, sleep_until};

use crate::client::Client;
use crate::connect::Target;
use crate::error::Error;
use crate::output::Terminal;

/// Finds the server that was asked so far, or its replacement.
pub(super) type FindAgain = Rc<dyn Fn(&Target) -> Result<Target, Error>>;

#[derive(Debug, Clone, Copy)]
pub(super) struct ReconnectPolicy {
    /// Time after which no further attempt begins; one that has begun is waited for.
    pub(super) timeout: Duration,
    /// The delay after the first attempt; it doubles with each further one.
    pub(super) first_delay: Duration,
    pub(super) max_delay: Duration,
}

impl ReconnectPolicy {
    /// Half a minute: enough to restart a server by hand or by a supervisor, and no longer than
    /// a user waits for one that does not come back.
    pub(super) const DEFAULT: Self = Self {
        timeout: Duration::from_secs(30),
        first_delay: Duration::from_millis(200),
        max_delay: Duration::from_secs(2),
    };
}

pub(super) struct ReconnectingClient {
    client: Client,
    find_again: FindAgain,
    policy: ReconnectPolicy,
}

impl ReconnectingClient {
    pub(super) fn new(client: Client, find_again: FindAgain, policy: ReconnectPolicy) -> Self {
        Self {
            client,
            find_again,
            policy,
        }
    }

    /// The client of the server that was reached last.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Sends `request`, and again while the server is away. A mutation needs an idempotency
    /// key: a lost response leaves open what was done.
    pub(super) async fn call<T>(
        &mut self,
        terminal: &mut Terminal,
        mut request: impl AsyncFnMut(&Client) -> Result<T, Error>,
    ) -> Result<T, Error> {
        match request(&self.client).await {
            Err(error) if is_outage(&error) => self.reconnect(error, terminal, request).await,
            result => result,
        }
    }

    /// After `error`, looks for the server and sends `request` until one responds. Tells the
    /// user about it.
    pub(super) async fn reconnect<T>(
        &mut self,
        mut error: Error,
        terminal: &mut Terminal,
        mut request: impl AsyncFnMut(&Client) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut delay = self.policy.first_delay;
        let deadline = Instant::now() + self.policy.timeout;
        let seconds = self.policy.timeout.as_secs();
        // The old token was good until now, and only a start changes it.
        let message = match error.problem_code() {
            Some(ProblemCode::Unauthorized) => "the server was restarted".to_owned(),
            Some(ProblemCode::MisdirectedInstance) => {
                format!("another server answers at {} now", self.client.server())
            }
            _ => error.message(),
        };
        terminal.note(&format!(
            "note: {message}; looking for the server for {seconds} s"
        ));
        loop {
            match (self.find_again)(self.client.target()) {
                Ok(target) => {
                    self.client = Client::new(target)?;
                    match request(&self.client).await {
                        Err(again) if is_outage(&again) => error = again,
                        result => {
                            let server = self.client.server();
                            terminal.note(&format!("note: connected to {server} again"));
                            return result;
                        }
                    }
                }
                // Nothing is sent meanwhile: whoever is at the old address may be another server.
                Err(again) if is_outage(&again) => error = again,
                Err(again) => return Err(again),
            }
            let next = Instant::now() + delay;
            if next >= deadline {
                return Err(error);
            }
            sleep_until(next).await;
            delay = self.policy.max_delay.min(delay * 2);
        }
    }

    /// The pause before a server that failed right after it was found is tried again.
    pub(super) async fn pause(&self) {
        sleep(self.policy.max_delay).await;
    }
}

/// Whether the server is away or not ready. A replacement may listen before its token can be
/// found, so it rejects the old one at first.
pub(super) fn is_outage(error: &Error) -> bool {
    match error {
        Error::Unreachable(_) => true,
        // Waiting frees no disk: people are told what to do instead.
        Error::Api(_) if error.is_store_failure() => false,
        Error::Api(error) => matches!(
            error.problem.code,
            ProblemCode::Unauthorized
                | ProblemCode::MisdirectedInstance
                | ProblemCode::Overloaded
                | ProblemCode::ShuttingDown
                | ProblemCode::RuntimeUnavailable
                | ProblemCode::TooManyPollers
        ),
        Error::Usage(_)
        | Error::InvalidResponse { .. }
        | Error::RunEnded(_)
        | Error::Lookup(_)
        | Error::AcceptsNoInput { .. }
        | Error::TooManyPages { .. }
        | Error::BrowserFailed
        | Error::NothingListed
        | Error::Declined
        | Error::ExportFile { .. }
        | Error::Store(_)
        | Error::StoreCopy(_)
        | Error::StoreBeyondRecovery
        | Error::Interrupted
        | Error::Output(_)
        | Error::Setup(_) => false,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Gives a server that is away up at once.
    pub(in crate::command) const BRIEF: ReconnectPolicy = ReconnectPolicy {
        timeout: Duration::from_millis(20),
        first_delay: Duration::from_millis(1),
        max_delay: Duration::from_millis(1),
    };
}
