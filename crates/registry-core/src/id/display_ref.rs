//! The reference to a worker that people read.

use std::fmt;

use arrayvec::ArrayString;
use serde::{Deserialize, Serialize};

use super::{ID_MAX_CHARS, RuntimeId, WorkerId};

/// Two ids and the `@` between them.
const MAX_CHARS: usize = 2 * ID_MAX_CHARS + 1;

/// `worker@runtime`, for people; never accepted as authority. It has no parser; a client reads it
/// in our answers.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DisplayRef(ArrayString<MAX_CHARS>);

impl DisplayRef {
    pub(crate) fn new(worker_id: &WorkerId, runtime_id: &RuntimeId) -> Self {
        let mut text = ArrayString::new();
        text.push_str(worker_id.as_str());
        text.push('@');
        text.push_str(runtime_id.as_str());
        Self(text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartialEq<&str> for DisplayRef {
    fn eq(&self, text: &&str) -> bool {
        self.as_str() == *text
    }
}

impl fmt::Display for DisplayRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for DisplayRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DisplayRef({self})")
    }
}
