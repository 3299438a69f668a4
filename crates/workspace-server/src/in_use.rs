//! Waiting for what the server before this one still has.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Tries until what is needed is not in use any more, or `deadline` has passed. `say_so` is called
/// at the first wait.
///
/// # Errors
/// Those of `attempt`: at once where `is_in_use` does not hold.
///
/// # Cancellation
/// Dropping the future gives up the attempt.
pub(crate) async fn until_free<T, E, F: Future<Output = Result<T, E>>>(
    deadline: Instant,
    interval: Duration,
    is_in_use: impl Fn(&E) -> bool,
    say_so: impl FnOnce(),
    mut attempt: impl FnMut() -> F,
) -> Result<T, E> {
    let mut say_so = Some(say_so);
    loop {
        match attempt().await {
            Err(error) if is_in_use(&error) && Instant::now() < deadline => {
                if let Some(say_so) = say_so.take() {
                    say_so();
                }
                sleep(interval).await;
            }
            done => return done,
        }
    }
}
