//! The places of the runs in progress, and the queue of the runs that wait for one.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::sync::{AtomicBool, Mutex, Notify, Ordering};

/// Places for so many runs at once. Runs that find none free wait, and get one in the order in
/// which they came: none is free while one waits.
#[derive(Debug)]
pub(super) struct RunQueue {
    entered: Mutex<Entered>,
    places: usize,
    max_waiting: usize,
}

#[derive(Debug, Default)]
struct Entered {
    running: usize,
    waiting: VecDeque<Arc<Ticket>>,
}

/// A place, or a position in the queue that becomes one. Dropping it gives the place to the next one,
/// or leaves the queue.
#[derive(Debug)]
pub(super) struct RunPlace {
    queue: Arc<RunQueue>,
    /// None for a run that found a free place.
    ticket: Option<Arc<Ticket>>,
}

/// Whether a run that was queued has a place by now, or waits for one.
#[derive(Debug)]
pub(super) struct Ticket {
    has_place: AtomicBool,
    placed: Notify,
}

impl RunQueue {
    pub(super) fn new(places: usize, max_waiting: usize) -> Arc<Self> {
        Arc::new(Self {
            entered: Mutex::default(),
            places,
            max_waiting,
        })
    }

    /// Takes a place, or the last position in the queue; none when that is full.
    pub(super) fn enter(self: &Arc<Self>) -> Option<RunPlace> {
        let ticket = self.entered.with(|entered| {
            if entered.running < self.places {
                entered.running += 1;
                return Some(None);
            }
            if entered.waiting.len() >= self.max_waiting {
                return None;
            }
            let ticket = Arc::new(Ticket {
                has_place: AtomicBool::new(false),
                placed: Notify::new(),
            });
            entered.waiting.push_back(Arc::clone(&ticket));
            Some(Some(ticket))
        })?;
        Some(RunPlace {
            queue: Arc::clone(self),
            ticket,
        })
    }

    /// The runs that have a place.
    pub(super) fn running(&self) -> usize {
        self.entered.with(|entered| entered.running)
    }

    /// The runs that wait for one.
    pub(super) fn waiting(&self) -> usize {
        self.entered.with(|entered| entered.waiting.len())
    }
}

impl RunPlace {
    /// What the run waits for, while it has no place.
    pub(super) fn queued(&self) -> Option<&Arc<Ticket>> {
        self.ticket.as_ref().filter(|ticket| !ticket.has_place())
    }
}

impl Drop for RunPlace {
    fn drop(&mut self) {
        self.queue.entered.with(|entered| {
            if let Some(own) = self.queued() {
                entered.waiting.retain(|other| !Arc::ptr_eq(other, own));
                return;
            }
            match entered.waiting.pop_front() {
                Some(next) => next.give_place(),
                None => entered.running -= 1,
            }
        });
    }
}

impl Ticket {
    fn has_place(&self) -> bool {
        self.has_place.load(Ordering::SeqCst)
    }

    /// Waits until it has a place.
    pub(super) async fn wait_for_place(&self) {
        loop {
            let placed = self.placed.notified();
            if self.has_place() {
                return;
            }
            placed.await;
        }
    }

    fn give_place(&self) {
        self.has_place.store(true, Ordering::SeqCst);
        self.placed.notify_waiters();
    }
}

#[cfg(test)]
#[cfg(not(feature = "shuttle"))]
mod tests {
    use super::*;

    #[test]
    fn places_are_given_in_the_order_of_the_queue() {
        let queue = RunQueue::new(1, 3);
        let first = queue.enter().unwrap();
        let mut waiting: VecDeque<_> = (0..3).map(|_| queue.enter().unwrap()).collect();
        assert!(queue.enter().is_none(), "the queue is full");
        assert_eq!((queue.running(), queue.waiting()), (1, 3));
        drop(waiting.remove(1));
        drop(first);
        let have_places = |waiting: &VecDeque<RunPlace>| -> Vec<_> {
            waiting
                .iter()
                .map(|place| place.queued().is_none())
                .collect()
        };
        assert_eq!(have_places(&waiting), [true, false]);
        waiting.push_back(queue.enter().unwrap());
        drop(waiting.pop_front());
        assert_eq!(have_places(&waiting), [true, false]);
        drop(waiting);
        assert_eq!((queue.running(), queue.waiting()), (0, 0));
        assert!(queue.enter().unwrap().queued().is_none());
    }
}
