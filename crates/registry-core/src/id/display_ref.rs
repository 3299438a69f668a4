//! How people are told of a worker and its runtime in one word.

use std::fmt;

use arrayvec::ArrayString;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{ID_MAX_CHARS, RuntimeId, WorkerId};

/// Two ids and the mark between them.
const MAX_CHARS: usize = 2 * ID_MAX_CHARS + 1;

/// `worker@runtime`, for people; never accepted as authority. Nothing makes ids of it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DisplayRef(ArrayString<MAX_CHARS>);

impl DisplayRef {
    pub(crate) fn of(worker_id: &WorkerId, runtime_id: &RuntimeId) -> Self {
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

impl Serialize for DisplayRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A client reads it in our answers; no request has one.
impl<'de> Deserialize<'de> for DisplayRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let text = ArrayString::from(&text).map_err(serde::de::Error::custom)?;
        Ok(Self(text))
    }
}
