//! Repeats a read that failed for a reason that may pass.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use crate::error::Error;

/// Shortest delay before a read that the server's response budget refused is repeated; the
/// server may ask for a longer one.
pub(crate) const BUDGET_DELAY_MIN: Duration = Duration::from_millis(200);

#[derive(Debug, Clone, Copy)]
pub(crate) struct RetryPolicy {
    /// Attempts until a transient error is returned.
    pub(crate) attempts: u32,
    /// The delay after the first attempt; it doubles with each further one.
    pub(crate) first_delay: Duration,
    /// Time, from the first refusal by the server's response budget
    /// ([`Error::is_response_budget_exhausted`]), after which no further attempt begins. Such
    /// refusals do not count as `attempts`.
    pub(crate) budget_timeout: Duration,
    /// Shortest time between two polls of which the first was empty, in case the server does
    /// not wait.
    pub(crate) empty_poll_interval: Duration,
}

impl RetryPolicy {
    /// Three seconds in all: enough for a brief network failure. Half a minute for the response
    /// budget: about as long as the server keeps a response for a client that does not read it.
    pub(crate) const DEFAULT: Self = Self {
        attempts: 5,
        first_delay: Duration::from_millis(200),
        budget_timeout: Duration::from_secs(30),
        empty_poll_interval: Duration::from_secs(1),
    };

    /// Retries nothing but refusals by the response budget: the caller handles the rest.
    pub(crate) const BUDGET_ONLY: Self = Self {
        attempts: 1,
        ..Self::DEFAULT
    };

    /// Repeats `read` until it succeeds, fails for good or this policy ends. Only for
    /// requests that change nothing.
    pub(crate) async fn run<T>(
        self,
        mut read: impl AsyncFnMut() -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut delay = self.first_delay;
        let mut attempts_left = self.attempts;
        let mut budget_deadline = None;
        loop {
            let error = match read().await {
                Err(error) if error.is_transient() => error,
                result => return result,
            };
            if error.is_response_budget_exhausted() {
                let now = Instant::now();
                let asked = error.retry_after().unwrap_or_default();
                let next = now + asked.max(BUDGET_DELAY_MIN);
                if next >= *budget_deadline.get_or_insert(now + self.budget_timeout) {
                    return Err(error);
                }
                sleep_until(next).await;
                continue;
            }
            attempts_left = attempts_left.saturating_sub(1);
            if attempts_left == 0 {
                return Err(error);
            }
            sleep(delay).await;
            delay *= 2;
        }
    }
}
