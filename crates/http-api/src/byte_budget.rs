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

/// Why bytes can't be reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoRoom {
    /// They don't fit beside those of all clients.
    Server,
    /// They don't fit beside those of the same client.
    Client,
}

/// The bytes that the bodies and unread responses of one client may take; a single one may be larger.
/// A cheap `Clone` handle.
#[derive(Clone)]
pub(crate) struct ByteQuota {
    used: Used,
    limit: usize,
}

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
    /// Where the same bytes count, too, if they are of a client with a quota.
    of_client: Option<ByteQuota>,
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

    /// Counts `bytes` until they are dropped, or says why they don't fit. When nothing else is
    /// reserved a body may exceed the limit, so that every response can be had.
    pub(crate) fn reserve(
        &self,
        bytes: Bytes,
        of_client: Option<&ByteQuota>,
    ) -> Result<Bytes, NoRoom> {
        if bytes.len() <= FREE_RESPONSE_BYTES {
            return Ok(bytes);
        }
        let mut reservation = Reservation::of_nothing(&self.used, of_client);
        let limit = self.limit;
        reservation.grow(bytes.len(), |used, sum| used == 0 || sum <= limit)?;
        Ok(reservation.keep_with(bytes))
    }
}

impl BodyBudget {
    /// A budget of `limit` bytes; `shown` is set to how many are in use.
    pub(crate) fn new(limit: usize, shown: Gauge) -> Self {
        let used = Used::new(shown);
        Self { used, limit }
    }

    /// Reserves what a body of `bytes` bytes needs, or says why it doesn't fit.
    pub(crate) fn reserve(
        &self,
        bytes: usize,
        of_client: Option<&ByteQuota>,
    ) -> Result<Reservation, NoRoom> {
        let mut reservation = Reservation::of_nothing(&self.used, of_client);
        self.grow(&mut reservation, bytes)?;
        Ok(reservation)
    }

    /// Makes a reservation one of `bytes` bytes in all, unless it is as large already; changes
    /// nothing if it doesn't fit.
    pub(crate) fn grow(&self, reservation: &mut Reservation, bytes: usize) -> Result<(), NoRoom> {
        let limit = if bytes <= SMALL_BODY_BYTES {
            self.limit
        } else {
            self.limit / 2
        };
        reservation.grow(bytes, |_, sum| sum <= limit)
    }
}

impl ByteQuota {
    /// A quota of `limit` bytes; `shown` is set to how many are in use.
    pub(crate) fn new(limit: usize, shown: Gauge) -> Self {
        let used = Used::new(shown);
        Self { used, limit }
    }

    /// Counts `bytes` more for who has `own` already.
    fn take(&self, bytes: usize, own: usize) -> Result<(), NoRoom> {
        let fits = |used, sum| used == own || sum <= self.limit;
        self.used
            .take(bytes, fits)
            .then_some(())
            .ok_or(NoRoom::Client)
    }
}

impl Used {
    fn new(shown: Gauge) -> Self {
        let bytes = Arc::default();
        Self { bytes, shown }
    }

    /// Counts `more` bytes if those in use, and what they would become, fit.
    fn take(&self, more: usize, fits: impl Fn(usize, usize) -> bool) -> bool {
        let order = Ordering::Relaxed;
        let taken = self.bytes.fetch_update(order, order, |used| {
            let sum = used.checked_add(more)?;
            fits(used, sum).then_some(sum)
        });
        if taken.is_ok() {
            self.shown.inc_by(gauge(more));
        }
        taken.is_ok()
    }

    fn give_back(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.shown.dec_by(gauge(bytes));
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

    fn of_nothing(used: &Used, of_client: Option<&ByteQuota>) -> Self {
        Self {
            used: used.clone(),
            bytes: 0,
            of_client: of_client.cloned(),
        }
    }

    /// Grows to `bytes` if the bytes in use, and what they would become, fit, and the client's
    /// quota has room for them.
    fn grow(&mut self, bytes: usize, fits: impl Fn(usize, usize) -> bool) -> Result<(), NoRoom> {
        let more = bytes.saturating_sub(self.bytes);
        if more == 0 {
            return Ok(());
        }
        if let Some(quota) = &self.of_client {
            quota.take(more, self.bytes)?;
        }
        if !self.used.take(more, fits) {
            if let Some(quota) = &self.of_client {
                quota.used.give_back(more);
            }
            return Err(NoRoom::Server);
        }
        self.bytes = bytes;
        Ok(())
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.used.give_back(self.bytes);
        if let Some(quota) = &self.of_client {
            quota.used.give_back(self.bytes);
        }
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
        let first = budget.reserve(body(LARGE), None).unwrap();
        let second = budget.reserve(body(LARGE), None).unwrap();
        assert_eq!(first, body(LARGE));
        assert!(budget.reserve(body(LARGE), None).is_err());
        assert_eq!(reserved.get(), i64::try_from(2 * LARGE).unwrap());

        let rest = second.slice(LARGE - 1..);
        drop(second);
        assert!(budget.reserve(body(LARGE), None).is_err());
        drop(rest);
        assert!(budget.reserve(body(LARGE), None).is_ok());
        drop(first);
        assert_eq!(reserved.get(), 0);
    }

    #[test]
    fn small_responses_need_no_reservation() {
        let budget = ResponseBudget::new(LARGE, Gauge::default());
        let _reserved = budget.reserve(body(LARGE), None).unwrap();
        assert!(budget.reserve(body(FREE_RESPONSE_BYTES), None).is_ok());
        assert!(budget.reserve(body(LARGE), None).is_err());
    }

    #[test]
    fn a_response_over_the_limit_is_allowed_when_it_is_the_only_one() {
        let budget = ResponseBudget::new(1, Gauge::default());
        let alone = budget.reserve(body(LARGE), None).unwrap();
        assert!(budget.reserve(body(LARGE), None).is_err());
        drop(alone);
        assert!(budget.reserve(body(LARGE), None).is_ok());
    }

    #[test]
    fn large_bodies_leave_room_for_small_ones_and_none_exceeds_the_limit() {
        let reserved = Gauge::default();
        let limit = 8 * SMALL_BODY_BYTES;
        let budget = BodyBudget::new(limit, reserved.clone());
        let mut large = budget.reserve(4 * SMALL_BODY_BYTES, None).unwrap();
        assert!(budget.reserve(SMALL_BODY_BYTES + 1, None).is_err());
        assert!(budget.grow(&mut large, 4 * SMALL_BODY_BYTES + 1).is_err());
        let mut small = budget.reserve(SMALL_BODY_BYTES - 1, None).unwrap();
        let others = [(); 3].map(|()| budget.reserve(SMALL_BODY_BYTES, None).unwrap());
        assert!(budget.grow(&mut small, SMALL_BODY_BYTES).is_ok());
        assert!(budget.reserve(1, None).is_err());
        assert_eq!(reserved.get(), i64::try_from(limit).unwrap());

        // What was refused has taken nothing, and what was reserved is given back with its bytes.
        let bytes = large.keep_with(body(1));
        assert!(budget.reserve(1, None).is_err());
        drop((bytes, others));
        assert!(budget.reserve(3 * SMALL_BODY_BYTES, None).is_ok());
    }

    #[test]
    fn what_a_client_keeps_counts_against_its_quota_and_no_other_client_s() {
        let (used, limit) = (Gauge::default(), 2 * SMALL_BODY_BYTES);
        let [full, other] = [used.clone(), Gauge::default()].map(|it| ByteQuota::new(limit, it));
        let bodies = BodyBudget::new(64 * SMALL_BODY_BYTES, Gauge::default());
        let responses = ResponseBudget::new(LARGE, Gauge::default());
        let response = responses.reserve(body(LARGE), Some(&full)).unwrap();
        let mut growing = bodies.reserve(1, Some(&full)).unwrap();
        let refused = bodies.grow(&mut growing, SMALL_BODY_BYTES);
        assert_eq!(refused, Err(NoRoom::Client));
        assert!(bodies.reserve(SMALL_BODY_BYTES, Some(&other)).is_ok());
        // What the server has no room for doesn't stay with the client.
        let refused = responses.reserve(body(LARGE), Some(&other));
        assert_eq!(refused, Err(NoRoom::Server));
        assert_eq!(used.get(), gauge(LARGE + 1));

        drop((response, growing));
        assert_eq!(used.get(), 0);
        // A single one may be larger, also if that shows only as it comes.
        let mut alone = bodies.reserve(1, Some(&full)).unwrap();
        assert!(bodies.grow(&mut alone, limit + 1).is_ok());
        assert!(bodies.reserve(1, Some(&full)).is_err());
    }
}
