//! How people are told of a worker and its runtime in one word.

use std::fmt;

use arrayvec::ArrayString;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{ID_MAX_CHARS, RuntimeId, WorkerId, letter_digit_or_mark};
use crate::alphabet;

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
        serializer.serialize_str(self.as_str())
    }
}

/// A client shows what it was told; that is all that can be done with it. What can't be of two
/// ids and the mark between them is refused.
impl<'de> Deserialize<'de> for DisplayRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let allowed = |byte| letter_digit_or_mark(byte) | (byte == b'@');
        ArrayString::from(&text)
            .ok()
            .filter(|text| alphabet::all(text.as_bytes(), allowed))
            .map(Self)
            .ok_or_else(|| serde::de::Error::custom("not of two ids"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_of_two_ids_is_not_shown() {
        let of = |text: &str| serde_json::from_value::<DisplayRef>(text.into());
        assert_eq!(of("w-1@r_1").unwrap(), "w-1@r_1");
        assert_eq!(of(&"x".repeat(MAX_CHARS)).unwrap(), &*"x".repeat(MAX_CHARS));
        for wrong in ["\"@r", "w@r\n", "W@r", "é@r", &"x".repeat(MAX_CHARS + 1)] {
            assert!(of(wrong).is_err(), "{wrong:?}");
        }
    }
}
