//! Bounds the bytes of responses that clients have not read yet, over all connections together.
//!
//! A response is built whole and kept until it is written. A client that reads slowly keeps it
//! for as long; many of them must not keep more than there is memory for.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use prometheus_client::metrics::gauge::Gauge;

/// Bodies of at most this many bytes need no reservation: refusals, a worker, a short page. On
/// 12,000 connections they come to 188 MiB at most.
const FREE_BYTES: usize = 16 * 1024;

/// The bytes that unread responses may take.
pub(crate) struct ResponseBudget {
    used: Arc<AtomicUsize>,
    limit: usize,
    reserved: Gauge,
}

/// A body whose bytes count until the last handle on them is dropped.
struct ReservedBytes {
    bytes: Bytes,
    used: Arc<AtomicUsize>,
    reserved: Gauge,
}

impl ResponseBudget {
    /// A budget of `limit` bytes; `reserved` shows how many are in use.
    pub(crate) fn new(limit: usize, reserved: Gauge) -> Self {
        Self {
            used: Arc::default(),
            limit,
            reserved,
        }
    }

    /// Counts `bytes` until they are dropped; `None` once the budget is used up. When nothing
    /// else is reserved a body may exceed the limit, so that every response can be had.
    pub(crate) fn reserve(&self, bytes: Bytes) -> Option<Bytes> {
        let length = bytes.len();
        if length <= FREE_BYTES {
            return Some(bytes);
        }
        let (order, limit) = (Ordering::Relaxed, self.limit);
        let reserved = self.used.fetch_update(order, order, |used| {
            let sum = used.checked_add(length)?;
            (used == 0 || sum <= limit).then_some(sum)
        });
        reserved.ok()?;
        self.reserved.inc_by(gauge(length));
        Some(Bytes::from_owner(ReservedBytes {
            bytes,
            used: Arc::clone(&self.used),
            reserved: self.reserved.clone(),
        }))
    }
}

impl AsRef<[u8]> for ReservedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for ReservedBytes {
    fn drop(&mut self) {
        let length = self.bytes.len();
        self.used.fetch_sub(length, Ordering::Relaxed);
        self.reserved.dec_by(gauge(length));
    }
}

fn gauge(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LARGE: usize = FREE_BYTES + 1;

    fn body(length: usize) -> Bytes {
        Bytes::from(vec![b'x'; length])
    }

    #[test]
    fn large_bodies_count_until_their_last_handle_is_dropped() {
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
    fn small_bodies_need_no_reservation() {
        let budget = ResponseBudget::new(LARGE, Gauge::default());
        let _reserved = budget.reserve(body(LARGE)).unwrap();
        assert!(budget.reserve(body(FREE_BYTES)).is_some());
        assert!(budget.reserve(body(LARGE)).is_none());
    }

    #[test]
    fn a_body_over_the_limit_is_allowed_when_it_is_the_only_one() {
        let budget = ResponseBudget::new(1, Gauge::default());
        let alone = budget.reserve(body(LARGE)).unwrap();
        assert!(budget.reserve(body(LARGE)).is_none());
        drop(alone);
        assert!(budget.reserve(body(LARGE)).is_some());
    }
}
