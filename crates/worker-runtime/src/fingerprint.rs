//! The fingerprint of a request.

use std::fmt;

use sha2::{Digest, Sha256};

/// A hash (SHA-256) of a request's content, so that requests under one idempotency key can be
/// compared without keeping their content.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of these parts, in this order; a part may be absent.
    pub(crate) fn new(parts: &[Option<&str>]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            // Presence and length keep different lists of parts from having the same bytes.
            hash.update([u8::from(part.is_some())]);
            let text = part.unwrap_or_default();
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
        Self(hash.finalize().into())
    }

    /// The fingerprint with these bytes, as a store kept them.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes of the hash.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Shows nothing of the hash: a short content could be guessed from it.
impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fingerprint").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
                    Fingerprint::new(one),
                    Fingerprint::new(other),
                    "{one:?} {other:?}"
                );
            }
        }
    }

    #[test]
    fn a_fingerprint_survives_storage_and_shows_nothing() {
        let fingerprint = Fingerprint::new(&[Some("a")]);
        assert_eq!(
            Fingerprint::from_bytes(*fingerprint.as_bytes()),
            fingerprint
        );
        assert_eq!(format!("{fingerprint:?}"), "Fingerprint { .. }");
    }
}
