//! Counting what is in use against a limit.

use std::sync::Arc;

use crate::sync::{AtomicUsize, Ordering};

/// How much of something is in use, and how much may be.
///
/// Whoever takes what another gave back sees everything that was given back before it.
#[derive(Debug)]
pub(super) struct Meter {
    used: AtomicUsize,
    limit: usize,
}

/// An amount in use, given back when dropped.
#[derive(Debug)]
pub(super) struct Share {
    meter: Arc<Meter>,
    amount: usize,
}

impl Meter {
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            used: AtomicUsize::new(0),
            limit,
        })
    }

    pub(super) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Takes `amount` into use; none when that much isn't free.
    pub(super) fn take(self: &Arc<Self>, amount: usize) -> Option<Share> {
        let mut share = Share {
            meter: Arc::clone(self),
            amount: 0,
        };
        share.resize(amount).then_some(share)
    }
}

impl Share {
    /// Changes the amount, and says whether it could: growing needs the difference to be
    /// free, shrinking always works.
    pub(super) fn resize(&mut self, amount: usize) -> bool {
        let used = &self.meter.used;
        if amount <= self.amount {
            used.fetch_sub(self.amount - amount, Ordering::AcqRel);
        } else {
            let more = amount - self.amount;
            let grown = used.fetch_update(Ordering::AcqRel, Ordering::Acquire, |used| {
                used.checked_add(more)
                    .filter(|sum| *sum <= self.meter.limit)
            });
            if grown.is_err() {
                return false;
            }
        }
        self.amount = amount;
        true
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.resize(0);
    }
}

#[cfg(test)]
#[cfg(not(feature = "shuttle"))]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_to_the_limit_and_are_given_back() {
        let meter = Meter::new(10);
        let seven = meter.take(7).unwrap();
        assert!(meter.take(4).is_none());
        let three = meter.take(3).unwrap();
        assert_eq!(meter.used(), 10);
        drop(seven);
        assert_eq!(meter.used(), 3);
        drop(three);
        assert_eq!(meter.used(), 0);
    }

    #[test]
    fn a_share_that_cannot_grow_stays_as_it_was() {
        let meter = Meter::new(10);
        let mut share = meter.take(4).unwrap();
        assert!(!share.resize(11));
        assert!(!share.resize(usize::MAX));
        assert_eq!(meter.used(), 4);
        assert!(share.resize(10));
        assert!(share.resize(1));
        assert_eq!(meter.used(), 1);
    }
}
