//! How people are told of a worker and its runtime in one word.

use std::fmt;

use arrayvec::ArrayString;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{ID_MAX_CHARS, RuntimeId, WorkerId};
use crate::json::Clean;

/// Two ids and the mark between them.
const MAX_CHARS: usize = 2 * ID_MAX_CHARS + 1;

/// `worker@runtime`, for people; never accepted as authority. Nothing makes ids of it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DisplayRef(ArrayString<MAX_CHARS>);

impl DisplayRef {
    pub(super) fn of(worker_id: &WorkerId, runtime_id: &RuntimeId) -> Self {
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
        Clean(self.as_str()).serialize(serializer)
    }
}

/// A client shows what it was told, once it is seen to be of the right form; that is all that
/// can be done with it.
impl<'de> Deserialize<'de> for DisplayRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let ids = text.split_once('@').and_then(|(worker_id, runtime_id)| {
            Some(Self::of(
                &worker_id.parse().ok()?,
                &runtime_id.parse().ok()?,
            ))
        });
        ids.ok_or_else(|| serde::de::Error::custom("not of the form worker@runtime"))
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for DisplayRef {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "DisplayRef".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        String::json_schema(generator)
    }
}
