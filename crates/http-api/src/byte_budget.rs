//! Bounds the bytes of request bodies, and of responses that clients have not read yet, over all
//! connections together.
//!
//! A body is kept whole until its handler has read it, a response until it is written. A slow
//! client keeps either for as long; many of them must not keep more than there is memory for.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use prometheus_client::metrics::gauge::Gauge;

/// Responses of at most this many bytes need no reservation: refusals, a worker, a short page. On
/// 12,000 connections they come to 188 MiB at most.
const FREE_RESPONSE_BYTES: usize = 16 * 1024;

/// A request body of at most this many bytes may use the whole budget, a larger one half of it:
/// clients that keep large bodies waiting don't keep others from sending short inputs.
const SMALL_BODY_BYTES: usize = 16 * 1024;

/// The bytes in use. A cheap `Clone` handle.
#[derive(Clone)]
struct Used {
    bytes: Arc<AtomicUsize>,
    shown: Gauge,
}

/// Bytes that count until this is dropped.
pub(crate) struct Reservation {
    used: Used,
    bytes: usize,
}

/// A body and its reservation, until the last handle on its bytes is dropped.
struct ReservedBytes {
    bytes: Bytes,
    _reservation: Reservation,
}

/// The bytes that unread responses may take.
pub(crate) struct ResponseBudget {
    used: Used,
    limit: usize,
}

/// The bytes that request bodies may take.
pub(crate) struct BodyBudget {
    used: Used,
    limit: usize,
}

impl ResponseBudget {
    /// A budget of `limit` bytes; `shown` is set to how many are in use.
    pub(crate) fn new(limit: usize, shown: Gauge) -> Self {
        let used = Used::new(shown);
        Self { used, limit }
    }

    /// Counts `bytes` until they are dropped; `None` once the budget is used up. When nothing
    /// else is reserved a body may exceed the limit, so that every response can be had.
    pub(crate) fn reserve(&self, bytes: Bytes) -> Option<Bytes> {
        if bytes.len() <= FREE_RESPONSE_BYTES {
            return Some(bytes);
        }
        let mut reservation = self.used.reserve_nothing();
        let limit = self.limit;
        let fits = |used, sum| used == 0 || sum <= limit;
        reservation
            .grow(bytes.len(), fits)
            .then(|| reservation.keep_with(bytes))
    }
}

impl BodyBudget {
    /// A budget of `limit` bytes; `shown` is set to how many are in use.
    pub(crate) fn new(limit: usize, shown: Gauge) -> Self {
        let used = Used::new(shown);
        Self { used, limit }
    }

    /// Reserves what a body of `bytes` bytes needs; `None` if it doesn't fit.
    pub(crate) fn reserve(&self, bytes: usize) -> Option<Reservation> {
        let mut reservation = self.used.reserve_nothing();
        self.grow(&mut reservation, bytes).then_some(reservation)
    }

    /// Makes a reservation one of `bytes` bytes in all, unless it is as large already; returns
    /// false, and changes nothing, if it doesn't fit.
    pub(crate) fn grow(&self, reservation: &mut Reservation, bytes: usize) -> bool {
        let limit = if bytes <= SMALL_BODY_BYTES {
            self.limit
        } else {
            self.limit / 2
        };
        reservation.grow(bytes, |_, sum| sum <= limit)
    }
}

impl Used {
    fn new(shown: Gauge) -> Self {
        let bytes = Arc::default();
        Self { bytes, shown }
    }

    fn reserve_nothing(&self) -> Reservation {
        let used = self.clone();
        Reservation { used, bytes: 0 }
    }
}

impl Reservation {
    /// Keeps the reservation until `bytes` are dropped.
    pub(crate) fn keep_with(self, bytes: Bytes) -> Bytes {
        Bytes::from_owner(ReservedBytes {
            bytes,
            _reservation: self,
        })
    }

    /// Grows to `bytes` if the bytes in use, and what they would become, fit.
    fn grow(&mut self, bytes: usize, fits: impl Fn(usize, usize) -> bool) -> bool {
        let more = bytes.saturating_sub(self.bytes);
        if more == 0 {
            return true;
        }
        let order = Ordering::Relaxed;
        let grown = self.used.bytes.fetch_update(order, order, |used| {
            let sum = used.checked_add(more)?;
            fits(used, sum).then_some(sum)
        });
        if grown.is_err() {
            return false;
        }
        self.used.shown.inc_by(gauge(more));
        self.bytes = bytes;
        true
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.used.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
        self.used.shown.dec_by(gauge(self.bytes));
    }
}

impl AsRef<[u8]> for ReservedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

fn gauge(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LARGE: usize = FREE_RESPONSE_BYTES + 1;

    fn body(length: usize) -> Bytes {
        Bytes::from(vec![b'x'; length])
    }

    #[test]
    fn large_responses_count_until_their_last_handle_is_dropped() {
        let reserved = Gauge::default();
        let budget = ResponseBudget::new(2 * LARGE, reserved.clone());
        let first = budget.reserve(body(LARGE)).unwrap();
        let second = budget.reserve(body(LARGE)).unwrap();
        assert_eq!(first, body(LARGE));
        assert!(budget.reserve(body(LARGE)).is_none());
        assert_eq!(reserved.get(), i64::try_from(2 * LARGE).unwrap());

        let rest = second.slice(LARGE - 1..);
        drop(second);
        assert!(budget.reserve(body(LARGE)).is_none());
        drop(rest);
        assert!(budget.reserve(body(LARGE)).is_some());
        drop(first);
        assert_eq!(reserved.get(), 0);
    }

    #[test]
    fn small_responses_need_no_reservation() {
        let budget = ResponseBudget::new(LARGE, Gauge::default());
        let _reserved = budget.reserve(body(LARGE)).unwrap();
        assert!(budget.reserve(body(FREE_RESPONSE_BYTES)).is_some());
        assert!(budget.reserve(body(LARGE)).is_none());
    }

    #[test]
    fn a_response_over_the_limit_is_allowed_when_it_is_the_only_one() {
        let budget = ResponseBudget::new(1, Gauge::default());
        let alone = budget.reserve(body(LARGE)).unwrap();
        assert!(budget.reserve(body(LARGE)).is_none());
        drop(alone);
        assert!(budget.reserve(body(LARGE)).is_some());
    }

    #[test]
    fn large_bodies_leave_room_for_small_ones_and_none_exceeds_the_limit() {
        let reserved = Gauge::default();
        let limit = 8 * SMALL_BODY_BYTES;
        let budget = BodyBudget::new(limit, reserved.clone());
        let mut large = budget.reserve(4 * SMALL_BODY_BYTES).unwrap();
        assert!(budget.reserve(SMALL_BODY_BYTES + 1).is_none());
        assert!(!budget.grow(&mut large, 4 * SMALL_BODY_BYTES + 1));
        let mut small = budget.reserve(SMALL_BODY_BYTES - 1).unwrap();
        let others = [(); 3].map(|()| budget.reserve(SMALL_BODY_BYTES).unwrap());
        assert!(budget.grow(&mut small, SMALL_BODY_BYTES));
        assert!(budget.reserve(1).is_none());
        assert_eq!(reserved.get(), i64::try_from(limit).unwrap());

        // What was refused has taken nothing, and what was reserved is given back with its bytes.
        let bytes = large.keep_with(body(1));
        assert!(budget.reserve(1).is_none());
        drop((bytes, others));
        assert!(budget.reserve(3 * SMALL_BODY_BYTES).is_some());
    }
}
