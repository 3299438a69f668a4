//! Counting what is in use against a limit.

use std::sync::Arc;

use crate::sync::{AtomicUsize, Ordering};

/// An amount in use, and its limit.
///
/// Whoever reserves what another released sees everything that happened before the release.
#[derive(Debug)]
pub(super) struct UsageCounter {
    used: AtomicUsize,
    limit: usize,
}

/// A reserved amount, released when dropped.
#[derive(Debug)]
pub(super) struct Reservation {
    counter: Arc<UsageCounter>,
    amount: usize,
}

impl UsageCounter {
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            used: AtomicUsize::new(0),
            limit,
        })
    }

    pub(super) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Reserves `amount`; none when that much isn't free.
    pub(super) fn reserve(self: &Arc<Self>, amount: usize) -> Option<Reservation> {
        let mut reservation = Reservation {
            counter: Arc::clone(self),
            amount: 0,
        };
        reservation.resize(amount).then_some(reservation)
    }
}

impl Reservation {
    pub(super) fn amount(&self) -> usize {
        self.amount
    }

    /// Changes the amount. Returns false, and changes nothing, when it would have to grow by more
    /// than is free.
    pub(super) fn resize(&mut self, amount: usize) -> bool {
        self.resize_with_headroom(amount, amount)
    }

    /// Changes the amount, if as much as `headroom` in all would be free now. Returns false, and
    /// changes nothing, when it isn't.
    pub(super) fn resize_with_headroom(&mut self, amount: usize, headroom: usize) -> bool {
        let used = &self.counter.used;
        let resized = used.fetch_update(Ordering::AcqRel, Ordering::Acquire, |used| {
            let others = used - self.amount;
            let needed = others.checked_add(amount.max(headroom))?;
            (needed <= self.counter.limit).then_some(others + amount)
        });
        if resized.is_err() {
            return false;
        }
        self.amount = amount;
        true
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.resize(0);
    }
}

#[cfg(test)]
#[cfg(not(feature = "shuttle"))]
mod tests {
    use super::*;

    #[test]
    fn reservations_add_up_to_the_limit_and_are_released() {
        let counter = UsageCounter::new(10);
        let seven = counter.reserve(7).unwrap();
        assert!(counter.reserve(4).is_none());
        let three = counter.reserve(3).unwrap();
        assert_eq!(counter.used(), 10);
        drop(seven);
        assert_eq!(counter.used(), 3);
        drop(three);
        assert_eq!(counter.used(), 0);
    }

    #[test]
    fn a_reservation_that_cannot_grow_stays_as_it_was() {
        let counter = UsageCounter::new(10);
        let mut reservation = counter.reserve(4).unwrap();
        assert!(!reservation.resize(11));
        assert!(!reservation.resize(usize::MAX));
        assert_eq!(counter.used(), 4);
        assert!(reservation.resize(10));
        assert!(reservation.resize(1));
        assert_eq!(counter.used(), 1);
    }

    #[test]
    fn headroom_has_to_be_free_and_is_not_taken() {
        let counter = UsageCounter::new(10);
        let mut reservation = counter.reserve(2).unwrap();
        let mut other = counter.reserve(3).unwrap();
        assert!(!reservation.resize_with_headroom(3, 8));
        assert!(!reservation.resize_with_headroom(3, usize::MAX));
        assert_eq!((reservation.amount(), counter.used()), (2, 5));
        // Its own two are part of the seven.
        assert!(reservation.resize_with_headroom(3, 7));
        assert_eq!((reservation.amount(), counter.used()), (3, 6));
        assert!(other.resize(7), "the headroom is anybody's");
    }
}
