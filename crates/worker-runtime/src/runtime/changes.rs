//! Telling those who wait for a worker's changes, which costs next to nothing while nobody does.

use crate::sync::{AtomicUsize, Notify, Ordering};

/// Wakes everybody who waits for a change.
#[derive(Debug)]
pub(super) struct Changes {
    notify: Notify,
    /// Those who wait, or are about to.
    waiting: AtomicUsize,
}

/// One of those who wait.
struct Place<'a>(&'a AtomicUsize);

impl Changes {
    pub(super) fn new() -> Self {
        Self {
            notify: Notify::new(),
            waiting: AtomicUsize::new(0),
        }
    }

    /// Ready at the next change after this call, even if it is polled later.
    pub(super) fn next(&self) -> impl Future<Output = ()> + Send + '_ {
        let place = Place::take(&self.waiting);
        let notified = self.notify.notified();
        async move {
            notified.await;
            drop(place);
        }
    }

    /// Tells of a change, within the section that makes it: whoever takes its place after this
    /// has looked enters that section later, and sees the change there.
    pub(super) fn tell(&self) {
        if self.waiting.load(Ordering::Relaxed) > 0 {
            self.wake();
        }
    }

    /// Wakes everybody, whether or not anything changed; from outside of that section, too.
    pub(super) fn wake(&self) {
        self.notify.notify_waiters();
    }
}

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(waiting)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
