//! Waiting for what another server still has.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// How long to wait.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Patience {
    /// Until this has passed, and then for one more interval.
    Until(Instant),
    /// As long as it takes.
    Unlimited,
}

impl Patience {
    fn is_left(self) -> bool {
        match self {
            Self::Until(deadline) => Instant::now() < deadline,
            Self::Unlimited => true,
        }
    }
}

/// Tries until what is needed is not in use any more, or there is no patience left. `say_so` is called
/// at the first wait.
///
/// The last attempt comes an interval after the deadline was seen to have passed: where the whole
/// machine stood still until then, the other server had no time to end.
///
/// # Errors
/// Those of `attempt`: at once where `is_in_use` does not hold.
///
/// # Cancellation
/// Dropping the future gives up the attempt.
pub(crate) async fn until_free<T, E, F: Future<Output = Result<T, E>>>(
    patience: Patience,
    interval: Duration,
    is_in_use: impl Fn(&E) -> bool,
    say_so: impl FnOnce(),
    mut attempt: impl FnMut() -> F,
) -> Result<T, E> {
    let mut say_so = Some(say_so);
    let mut is_last = false;
    loop {
        match attempt().await {
            Err(error) if is_in_use(&error) && !is_last => {
                if let Some(say_so) = say_so.take() {
                    say_so();
                }
                is_last = !patience.is_left();
                sleep(interval).await;
            }
            done => return done,
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const WAIT: Duration = Duration::from_secs(6);
    const INTERVAL: Duration = Duration::from_millis(250);

    /// Tries so often; the attempt with the number `free_at` succeeds, and the machine stands still
    /// beyond the deadline during the one with the number `still_at`.
    async fn tried(still_at: u32, free_at: u32) -> Result<u32, u32> {
        let patience = Patience::Until(Instant::now() + WAIT);
        let mut tried = 0;
        let attempt = || {
            tried += 1;
            let number = tried;
            async move {
                if number == still_at {
                    advance(2 * WAIT).await;
                }
                if number == free_at {
                    Ok(number)
                } else {
                    Err(number)
                }
            }
        };
        until_free(patience, INTERVAL, |_| true, || {}, attempt).await
    }

    #[tokio::test(start_paused = true)]
    async fn the_other_server_gets_time_after_the_machine_stood_still() {
        assert_eq!(tried(1, 2).await, Ok(2));
        assert_eq!(tried(5, 6).await, Ok(6));
        assert_eq!(tried(5, 7).await, Err(6));
    }

    #[tokio::test(start_paused = true)]
    async fn patience_ends_an_interval_after_the_deadline() {
        let began = Instant::now();
        assert!(tried(u32::MAX, u32::MAX).await.is_err());
        let waited = began.elapsed();
        assert!(
            (WAIT + INTERVAL..=WAIT + 2 * INTERVAL).contains(&waited),
            "{waited:?}"
        );
    }
}
