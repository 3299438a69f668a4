//! Which start of a server a client means.

use std::str::FromStr;

use crate::token::{NoRandomness, random_text};

/// Bytes of an id: no two starts of a server have the same.
const BYTES: usize = 16;
/// Characters of an id.
const CHARS: usize = 22;

/// Tells one start of a server from every other. A client that sends it in the header
/// [`INSTANCE`](crate::wire::header::INSTANCE) is refused by any other server that has come to the
/// same address. It is no secret: it opens nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceId(String);

/// The text is no [`InstanceId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the id of a server's start")]
pub struct InvalidInstanceId;

impl InstanceId {
    /// A new id.
    ///
    /// # Errors
    /// [`NoRandomness`] when the operating system gives no random bytes.
    pub fn generate() -> Result<Self, NoRandomness> {
        random_text::<BYTES>().map(Self)
    }

    /// The id as it stands in the header.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for InstanceId {
    type Err = InvalidInstanceId;

    fn from_str(text: &str) -> Result<Self, InvalidInstanceId> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if text.len() == CHARS && text.bytes().all(fits) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidInstanceId)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_was_written_and_no_two_are_alike() {
        let id = InstanceId::generate().unwrap();
        assert_eq!(id.as_str().parse(), Ok(id.clone()));
        assert_ne!(InstanceId::generate().unwrap(), id);
        for text in [
            "",
            "short",
            &format!("{}x", id.as_str()),
            "22 characters, but not.",
        ] {
            assert_eq!(text.parse::<InstanceId>(), Err(InvalidInstanceId));
        }
    }
}
