//! How many of the refusals to clients without credentials are logged: who has none may not fill
//! the log.

use std::mem;
use std::time::Duration;

use tokio::time::Instant;

use super::access_log::ACCESS_TARGET;
use crate::locked::Locked;
use crate::state::ApiState;

/// Most lines of a window: enough to see what goes on.
const LINES_MAX: u32 = 10;
/// How long a window lasts.
const WINDOW: Duration = Duration::from_secs(1);

/// Counts the lines of the current window.
#[derive(Default)]
pub(crate) struct RefusalLog(Locked<Window>);

#[derive(Default)]
struct Window {
    ends_at: Option<Instant>,
    lines: u32,
    /// While this is not zero, a task is going to report it.
    omitted: u64,
}

/// What becomes of a line.
#[derive(Debug, PartialEq, Eq)]
enum Sample {
    Logged,
    Omitted,
    /// It is the first to be omitted; at this time the number of all has to be reported.
    FirstOmitted(Instant),
}

impl RefusalLog {
    fn sample(&self, now: Instant) -> Sample {
        self.0.with(|window| {
            let ends_at = match window.ends_at {
                Some(ends_at) if now < ends_at => ends_at,
                Some(_) | None => {
                    window.lines = 0;
                    *window.ends_at.insert(now + WINDOW)
                }
            };
            if window.lines < LINES_MAX {
                window.lines += 1;
                return Sample::Logged;
            }
            window.omitted += 1;
            if window.omitted == 1 {
                Sample::FirstOmitted(ends_at)
            } else {
                Sample::Omitted
            }
        })
    }

    /// Says how many were left out since the last report, if any were.
    pub(crate) fn report(&self) {
        let omitted = self.take_omitted();
        if omitted > 0 {
            tracing::info!(
                target: ACCESS_TARGET,
                omitted,
                "more refusals to clients without credentials"
            );
        }
    }

    fn take_omitted(&self) -> u64 {
        self.0.with(|window| mem::take(&mut window.omitted))
    }
}

/// Whether a refusal is logged. If not, a line says at the end of the window, or of the server, how
/// many were left out.
pub(super) fn is_logged(state: &ApiState) -> bool {
    match state.refusal_log.sample(Instant::now()) {
        Sample::Logged => true,
        Sample::Omitted => false,
        Sample::FirstOmitted(ends_at) => {
            let state = state.clone();
            tokio::spawn(async move {
                tokio::time::sleep_until(ends_at).await;
                state.refusal_log.report();
            });
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_flood_is_ten_lines_a_second_and_one_that_counts_the_rest() {
        let log = RefusalLog::default();
        let began = Instant::now();
        for _ in 0..LINES_MAX {
            assert_eq!(log.sample(began), Sample::Logged);
        }
        let reported = Sample::FirstOmitted(began + WINDOW);
        assert_eq!(log.sample(began), reported);
        for _ in 1..1_000 {
            assert_eq!(log.sample(began), Sample::Omitted);
        }
        // A report that is late has those of the next window as well, and none is lost.
        let next = began + WINDOW;
        for _ in 0..LINES_MAX {
            assert_eq!(log.sample(next), Sample::Logged);
        }
        assert_eq!(log.sample(next), Sample::Omitted);
        assert_eq!(log.take_omitted(), 1_001);
        assert_eq!(log.sample(next), Sample::FirstOmitted(next + WINDOW));
    }
}
