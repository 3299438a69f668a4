//! The primitives under the shuttle scheduler: each use of one is a point at which any
//! other task may run first.
//!
//! Time is not measured: a deadline that is near may pass at any point of a schedule, one that is
//! [far](FAR) never passes. Atomics are sequentially consistent here, whatever ordering they are
//! used with, and no executor shuts down in the middle of a schedule.

use std::future::{self, Future};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::future::{Either, select};
use shuttle::rand::{Rng, thread_rng};

use super::{Elapsed, Mutex};

pub(crate) use shuttle::sync::Mutex as RawMutex;
pub(crate) use shuttle::sync::atomic::{AtomicBool, AtomicUsize};

/// From here on a duration is longer than any schedule.
const FAR: Duration = Duration::from_secs(24 * 60 * 60);

/// Where tasks are started: the scheduler.
#[derive(Debug, Clone)]
pub(crate) struct Executor(());

impl Executor {
    pub(crate) fn current() -> Self {
        Self(())
    }

    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        drop(shuttle::future::spawn(task));
    }
}

/// A moment that may come at any point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Instant(());

pub(crate) fn after(duration: Duration) -> Option<Instant> {
    (duration < FAR).then_some(Instant(()))
}

pub(crate) fn now() -> Instant {
    Instant(())
}

/// It has or not, at random.
pub(crate) fn has_passed(_: Instant, duration: Duration) -> bool {
    duration < FAR && thread_rng().r#gen()
}

/// Ready when a task that does nothing has run, and then others.
pub(crate) async fn sleep(duration: Duration) {
    match after(duration) {
        Some(Instant(())) => {
            // The task can't fail: nobody aborts it, and it does nothing.
            drop(shuttle::future::spawn(async {}).await);
            // Who sleeps again and again, to look after something, would keep tasks of a lower
            // priority from running for ever.
            yield_now().await;
        }
        None => future::pending().await,
    }
}

pub(crate) async fn until<F: Future>(
    deadline: Option<Instant>,
    future: F,
) -> Result<F::Output, Elapsed> {
    match deadline {
        None => Ok(future.await),
        Some(Instant(())) => match select(pin!(future), pin!(sleep(Duration::ZERO))).await {
            Either::Left((output, _)) => Ok(output),
            Either::Right(((), _)) => Err(Elapsed),
        },
    }
}

/// Lets the tasks that are ready run first.
pub(crate) async fn yield_now() {
    shuttle::future::yield_now().await;
}

/// Yields or not, at random: how much of its budget a task has used up is unknown.
pub(crate) async fn cooperate() {
    if thread_rng().r#gen() {
        shuttle::future::yield_now().await;
    }
}

/// What tokio's `Notify` promises, and no more: `notify_waiters` reaches every
/// [`Notified`] that exists, `notify_one` leaves a permit for the first that is polled.
#[derive(Debug, Default)]
pub(crate) struct Notify(Mutex<Waiters>);

#[derive(Debug, Default)]
struct Waiters {
    permit: bool,
    /// How often all were notified.
    rounds: u64,
    tickets: u64,
    asleep: Vec<(u64, Waker)>,
}

impl Notify {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn notified(&self) -> Notified<'_> {
        let (round, ticket) = self.0.with(|waiters| {
            waiters.tickets += 1;
            (waiters.rounds, waiters.tickets)
        });
        Notified {
            notify: self,
            round,
            ticket,
        }
    }

    pub(crate) fn notify_one(&self) {
        self.wake(|waiters| waiters.permit = true);
    }

    pub(crate) fn notify_waiters(&self) {
        self.wake(|waiters| waiters.rounds += 1);
    }

    /// Wakes every sleeper; each checks for itself whether it was notified.
    fn wake(&self, change: impl FnOnce(&mut Waiters)) {
        let asleep = self.0.with(|waiters| {
            change(waiters);
            std::mem::take(&mut waiters.asleep)
        });
        for (_, waker) in asleep {
            waker.wake();
        }
    }
}

/// Made by [`Notify::notified`].
#[derive(Debug)]
pub(crate) struct Notified<'a> {
    notify: &'a Notify,
    round: u64,
    ticket: u64,
}

impl Future for Notified<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.notify.0.with(|waiters| {
            if waiters.rounds > self.round || std::mem::take(&mut waiters.permit) {
                return Poll::Ready(());
            }
            waiters.asleep.retain(|(ticket, _)| *ticket != self.ticket);
            waiters.asleep.push((self.ticket, cx.waker().clone()));
            Poll::Pending
        })
    }
}

impl Drop for Notified<'_> {
    fn drop(&mut self) {
        self.notify.0.with(|waiters| {
            waiters.asleep.retain(|(ticket, _)| *ticket != self.ticket);
        });
    }
}
