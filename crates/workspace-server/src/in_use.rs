//! Waiting for what another server still has.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// How long to wait.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Patience {
    /// Until this has passed.
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
    loop {
        match attempt().await {
            Err(error) if is_in_use(&error) && patience.is_left() => {
                if let Some(say_so) = say_so.take() {
                    say_so();
                }
                sleep(interval).await;
            }
            done => return done,
        }
    }
}
