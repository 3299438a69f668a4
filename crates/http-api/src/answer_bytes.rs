//! What answers hold until their clients have taken them, over all connections together.
//!
//! An answer is made whole and kept until it is sent. A client that reads slowly, or not at
//! all, keeps it for as long; a crowd of them must not keep more than there is room for.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use prometheus_client::metrics::gauge::Gauge;

/// Answers of at most this many bytes are not counted and always go out: refusals, a worker, a
/// short page. On 12,000 connections they come to 188 MiB at most.
pub(crate) const UNCOUNTED_BYTES: usize = 16 * 1024;

/// The bytes of answers that wait for their clients, and how many may.
pub(crate) struct AnswerBytes {
    used: Arc<AtomicUsize>,
    limit: usize,
    shown: Gauge,
}

/// An answer's bytes, counted until the last handle on them is dropped.
struct Held {
    bytes: Bytes,
    used: Arc<AtomicUsize>,
    shown: Gauge,
}

impl AnswerBytes {
    /// Room for `limit` bytes; how many are used is `shown`.
    pub(crate) fn new(limit: usize, shown: Gauge) -> Self {
        Self {
            used: Arc::default(),
            limit,
            shown,
        }
    }

    /// `bytes`, counted from now on; none when there is no room. One that is alone always has
    /// room: whatever the limit, every answer can be had.
    pub(crate) fn hold(&self, bytes: Bytes) -> Option<Bytes> {
        let length = bytes.len();
        if length <= UNCOUNTED_BYTES {
            return Some(bytes);
        }
        let (order, limit) = (Ordering::Relaxed, self.limit);
        let taken = self.used.fetch_update(order, order, |used| {
            let sum = used.checked_add(length)?;
            (used == 0 || sum <= limit).then_some(sum)
        });
        taken.ok()?;
        self.shown.inc_by(shown(length));
        Some(Bytes::from_owner(Held {
            bytes,
            used: Arc::clone(&self.used),
            shown: self.shown.clone(),
        }))
    }
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let length = self.bytes.len();
        self.used.fetch_sub(length, Ordering::Relaxed);
        self.shown.dec_by(shown(length));
    }
}

fn shown(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LARGE: usize = UNCOUNTED_BYTES + 1;

    fn answer(length: usize) -> Bytes {
        Bytes::from(vec![b'x'; length])
    }

    #[test]
    fn large_answers_count_until_their_last_handle_is_gone() {
        let shown = Gauge::default();
        let answers = AnswerBytes::new(2 * LARGE, shown.clone());
        let first = answers.hold(answer(LARGE)).unwrap();
        let second = answers.hold(answer(LARGE)).unwrap();
        assert_eq!(first, answer(LARGE));
        assert!(answers.hold(answer(LARGE)).is_none());
        assert_eq!(shown.get(), i64::try_from(2 * LARGE).unwrap());

        let rest = second.slice(LARGE - 1..);
        drop(second);
        assert!(answers.hold(answer(LARGE)).is_none());
        drop(rest);
        assert!(answers.hold(answer(LARGE)).is_some());
        drop(first);
        assert_eq!(shown.get(), 0);
    }

    #[test]
    fn small_answers_go_out_however_much_is_held() {
        let answers = AnswerBytes::new(LARGE, Gauge::default());
        let _held = answers.hold(answer(LARGE)).unwrap();
        assert!(answers.hold(answer(UNCOUNTED_BYTES)).is_some());
        assert!(answers.hold(answer(LARGE)).is_none());
    }

    #[test]
    fn an_answer_beyond_the_limit_goes_out_when_it_is_alone() {
        let answers = AnswerBytes::new(1, Gauge::default());
        let alone = answers.hold(answer(LARGE)).unwrap();
        assert!(answers.hold(answer(LARGE)).is_none());
        drop(alone);
        assert!(answers.hold(answer(LARGE)).is_some());
    }
}
