//! What was already done under which idempotency key.

use std::collections::{HashMap, VecDeque};

use sha2::{Digest, Sha256};

use crate::id::IdempotencyKey;
use crate::limits::KEY_OVERHEAD_BYTES;

/// Stands for the content of a request, so that it can be compared without being kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of these parts, in this order; a part may be absent.
    pub(crate) fn of(parts: &[Option<&str>]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            // Present or not, and the length, so that no two lists read the same.
            hash.update([u8::from(part.is_some())]);
            let text = part.unwrap_or_default();
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
        Self(hash.finalize().into())
    }
}

/// The latest keys, each with what was asked and answered; the oldest go first.
#[derive(Debug)]
pub(super) struct Keys<A> {
    answers: HashMap<IdempotencyKey, (Fingerprint, A)>,
    order: VecDeque<IdempotencyKey>,
    bytes: usize,
    max_keys: usize,
}

/// The key was used for another request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Conflict;

impl<A: Copy> Keys<A> {
    pub(super) fn new(max_keys: usize) -> Self {
        Self {
            answers: HashMap::new(),
            order: VecDeque::new(),
            bytes: 0,
            max_keys,
        }
    }

    /// What the remembered keys count, overhead included.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// What was answered to this request before, if the key is remembered.
    pub(super) fn recall(
        &self,
        key: &IdempotencyKey,
        fingerprint: Fingerprint,
    ) -> Result<Option<A>, Conflict> {
        match self.answers.get(key) {
            None => Ok(None),
            Some((known, answer)) if *known == fingerprint => Ok(Some(*answer)),
            Some(_) => Err(Conflict),
        }
    }

    /// Remembers a key that isn't remembered yet.
    pub(super) fn remember(&mut self, key: IdempotencyKey, fingerprint: Fingerprint, answer: A) {
        debug_assert!(!self.answers.contains_key(&key), "recall() comes first");
        self.bytes += key_cost(&key);
        self.order.push_back(key.clone());
        self.answers.insert(key, (fingerprint, answer));
        while self.order.len() > self.max_keys {
            if let Some(oldest) = self.order.pop_front() {
                self.bytes -= key_cost(&oldest);
                self.answers.remove(&oldest);
            }
        }
    }
}

/// What a remembered key counts.
pub(super) fn key_cost(key: &IdempotencyKey) -> usize {
    key.as_str().len() + KEY_OVERHEAD_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> IdempotencyKey {
        text.parse().unwrap()
    }

    fn said(text: &str) -> Fingerprint {
        Fingerprint::of(&[Some(text)])
    }

    #[test]
    fn a_key_recalls_its_answer_for_the_same_content_only() {
        let mut keys = Keys::new(8);
        assert_eq!(keys.recall(&key("a"), said("hi")), Ok(None));
        keys.remember(key("a"), said("hi"), 1);
        assert_eq!(keys.recall(&key("a"), said("hi")), Ok(Some(1)));
        assert_eq!(keys.recall(&key("a"), said("ho")), Err(Conflict));
        assert_eq!(keys.recall(&key("b"), said("hi")), Ok(None));
    }

    #[test]
    fn the_oldest_key_is_forgotten_first_and_its_bytes_with_it() {
        let mut keys = Keys::new(2);
        for (name, answer) in [("first", 1), ("second", 2), ("third", 3)] {
            keys.remember(key(name), said(name), answer);
        }
        assert_eq!(keys.recall(&key("first"), said("first")), Ok(None));
        assert_eq!(keys.recall(&key("second"), said("second")), Ok(Some(2)));
        assert_eq!(keys.recall(&key("third"), said("third")), Ok(Some(3)));
        // 256 each, and their letters.
        assert_eq!(keys.bytes(), 262 + 261);
    }

    #[test]
    fn different_requests_have_different_fingerprints() {
        let requests: [&[Option<&str>]; 6] = [
            &[Some("ab"), Some("c")],
            &[Some("a"), Some("bc")],
            &[Some("abc"), None],
            &[Some("abc"), Some("")],
            &[None, Some("abc")],
            &[Some("abc")],
        ];
        for (at, one) in requests.iter().enumerate() {
            for other in &requests[at + 1..] {
                assert_ne!(
                    Fingerprint::of(one),
                    Fingerprint::of(other),
                    "{one:?} {other:?}"
                );
            }
        }
    }
}
