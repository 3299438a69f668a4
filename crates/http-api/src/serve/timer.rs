//! The deadlines of one connection's heads, on one alarm.
//!
//! hyper sets a deadline whenever a connection falls idle and drops it at the next head. With a
//! timer of the executor for each, every request would enter and leave its list of timers. A
//! head's deadline is always later than the one before it, so an alarm that is set already
//! rings early enough; when it rings too early, it is set anew.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};
use tokio::time;

/// Makes the deadlines of one connection.
pub(super) struct ConnectionTimer {
    alarm: Arc<Mutex<Pin<Box<time::Sleep>>>>,
}

/// A moment to be reached. Dropping it leaves the alarm set, which then rings for nobody.
struct Deadline {
    at: time::Instant,
    alarm: Arc<Mutex<Pin<Box<time::Sleep>>>>,
}

impl ConnectionTimer {
    /// A timer whose first deadline is not before `earliest` from now.
    pub(super) fn new(earliest: Duration) -> Self {
        Self {
            alarm: Arc::new(Mutex::new(Box::pin(time::sleep(earliest)))),
        }
    }
}

impl Timer for ConnectionTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(Deadline {
            at: deadline.into(),
            alarm: Arc::clone(&self.alarm),
        })
    }

    fn now(&self) -> Instant {
        time::Instant::now().into()
    }
}

impl Sleep for Deadline {}

impl Future for Deadline {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // Nothing in here can panic half way.
        let mut alarm = self.alarm.lock().unwrap_or_else(PoisonError::into_inner);
        // The clock is asked only when the alarm rings, or would ring too late.
        while alarm.deadline() > self.at || alarm.as_mut().poll(cx).is_ready() {
            if time::Instant::now() >= self.at {
                return Poll::Ready(());
            }
            alarm.as_mut().reset(self.at);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn each_deadline_passes_at_its_own_moment() {
        let timer = ConnectionTimer::new(SECOND);
        let began = timer.now();
        for seconds in [1, 2, 5] {
            timer.sleep_until(began + SECOND * seconds).await;
            assert_eq!(timer.now() - began, SECOND * seconds);
        }
        timer.sleep(SECOND).await;
        assert_eq!(timer.now() - began, SECOND * 6);
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_before_the_alarm_passes_at_its_own_moment() {
        let timer = ConnectionTimer::new(SECOND * 10);
        let began = timer.now();
        timer.sleep(SECOND).await;
        assert_eq!(timer.now() - began, SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn deadlines_that_are_dropped_do_not_disturb_the_next() {
        let timer = ConnectionTimer::new(SECOND);
        let began = timer.now();
        for tenths in 1..=30 {
            let idle = timer.sleep(SECOND);
            let head = time::sleep(SECOND / 10);
            tokio::select! {
                () = idle => panic!("a head came in time"),
                () = head => assert_eq!(timer.now() - began, SECOND / 10 * tenths),
            }
        }
        timer.sleep(SECOND).await;
        assert_eq!(timer.now() - began, SECOND * 4);
    }
}
