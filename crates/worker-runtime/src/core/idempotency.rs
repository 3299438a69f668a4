//! Idempotency keys, and the results of the requests made under them.

use std::collections::{HashMap, VecDeque};

use crate::fingerprint::Fingerprint;
use crate::id::IdempotencyKey;
use crate::limits::KEY_OVERHEAD_BYTES;

/// The latest keys, each with its request's fingerprint and result; the oldest are dropped first.
#[derive(Debug)]
pub(super) struct IdempotencyKeys<T> {
    results: HashMap<IdempotencyKey, (Fingerprint, T)>,
    order: VecDeque<IdempotencyKey>,
    bytes: usize,
    max_keys: usize,
}

/// The key was used for another request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Conflict;

impl<T: Copy> IdempotencyKeys<T> {
    pub(super) fn new(max_keys: usize) -> Self {
        Self {
            results: HashMap::new(),
            order: VecDeque::new(),
            bytes: 0,
            max_keys,
        }
    }

    /// Bytes of the remembered keys, overhead included.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The result of the same request, if the key is remembered.
    pub(super) fn find(
        &self,
        key: &IdempotencyKey,
        fingerprint: Fingerprint,
    ) -> Result<Option<T>, Conflict> {
        match self.results.get(key) {
            None => Ok(None),
            Some((known, result)) if *known == fingerprint => Ok(Some(*result)),
            Some(_) => Err(Conflict),
        }
    }

    /// Remembers a key. An older result under it is forgotten: a store can have several of a key
    /// that was forgotten in between.
    pub(super) fn insert(&mut self, key: IdempotencyKey, fingerprint: Fingerprint, result: T) {
        if self.results.remove(&key).is_some() {
            self.order.retain(|other| *other != key);
            self.bytes -= key_cost(&key);
        }
        self.bytes += key_cost(&key);
        self.order.push_back(key.clone());
        self.results.insert(key, (fingerprint, result));
        while self.order.len() > self.max_keys {
            if let Some(oldest) = self.order.pop_front() {
                self.bytes -= key_cost(&oldest);
                self.results.remove(&oldest);
            }
        }
    }
}

/// Bytes that a remembered key counts.
pub(super) fn key_cost(key: &IdempotencyKey) -> usize {
    key.as_str().len() + KEY_OVERHEAD_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> IdempotencyKey {
        text.parse().unwrap()
    }

    fn fingerprint(text: &str) -> Fingerprint {
        Fingerprint::new(&[Some(text)])
    }

    #[test]
    fn a_key_finds_its_result_for_the_same_content_only() {
        let mut keys = IdempotencyKeys::new(8);
        assert_eq!(keys.find(&key("a"), fingerprint("hi")), Ok(None));
        keys.insert(key("a"), fingerprint("hi"), 1);
        assert_eq!(keys.find(&key("a"), fingerprint("hi")), Ok(Some(1)));
        assert_eq!(keys.find(&key("a"), fingerprint("ho")), Err(Conflict));
        assert_eq!(keys.find(&key("b"), fingerprint("hi")), Ok(None));
    }

    #[test]
    fn the_newest_result_of_a_key_counts() {
        let mut keys = IdempotencyKeys::new(2);
        for (name, result) in [("a", 1), ("b", 2), ("a", 3), ("c", 4)] {
            keys.insert(key(name), fingerprint(name), result);
        }
        assert_eq!(keys.find(&key("a"), fingerprint("a")), Ok(Some(3)));
        assert_eq!(keys.find(&key("b"), fingerprint("b")), Ok(None));
        assert_eq!(keys.bytes(), 2 * 257);
    }

    #[test]
    fn the_oldest_key_is_forgotten_first_and_its_bytes_with_it() {
        let mut keys = IdempotencyKeys::new(2);
        for (name, result) in [("first", 1), ("second", 2), ("third", 3)] {
            keys.insert(key(name), fingerprint(name), result);
        }
        assert_eq!(keys.find(&key("first"), fingerprint("first")), Ok(None));
        assert_eq!(
            keys.find(&key("second"), fingerprint("second")),
            Ok(Some(2))
        );
        assert_eq!(keys.find(&key("third"), fingerprint("third")), Ok(Some(3)));
        // 256 each, and their letters.
        assert_eq!(keys.bytes(), 262 + 261);
    }
}
