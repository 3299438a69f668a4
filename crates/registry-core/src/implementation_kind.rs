//! How a runtime is implemented, as an open name: a new adapter brings its own.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::id::{IdError, check_snake_case};

/// Longest name, in characters.
pub(crate) const IMPLEMENTATION_KIND_MAX_CHARS: usize = 32;

/// How a runtime is implemented: 1–32 characters of `a-z 0-9 _`, starting with a letter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct ImplementationKind(Cow<'static, str>);

impl ImplementationKind {
    /// Workers run inside the server's own process.
    pub const EMBEDDED: Self = Self(Cow::Borrowed("embedded"));
    /// Workers are known only from metadata files that older local tooling wrote.
    pub const LOCAL_COMPAT: Self = Self(Cow::Borrowed("local_compat"));

    /// The name that clients see.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ImplementationKind {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        text.to_owned().try_into()
    }
}

impl TryFrom<String> for ImplementationKind {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        check_snake_case(&text, IMPLEMENTATION_KIND_MAX_CHARS)?;
        Ok(Self(Cow::Owned(text)))
    }
}

impl fmt::Display for ImplementationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(feature = "schema")]
crate::schema::text_schema!(
    ImplementationKind,
    Some("How a runtime is implemented."),
    1,
    IMPLEMENTATION_KIND_MAX_CHARS,
    "^[a-z][a-z0-9_]*$",
    ["embedded", "local_compat"]
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_third_kind_is_a_name_in_snake_case() {
        let kind: ImplementationKind = serde_json::from_str(r#""remote_vm2""#).unwrap();
        assert_eq!(kind.to_string(), "remote_vm2");
        let longest = "a".repeat(IMPLEMENTATION_KIND_MAX_CHARS);
        assert!(longest.parse::<ImplementationKind>().is_ok());
        for wrong in ["", "2x", "_x", "Embedded", "a-b", &format!("{longest}a")] {
            assert!(wrong.parse::<ImplementationKind>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_known_kinds_equal_their_parsed_names() {
        for kind in [
            ImplementationKind::EMBEDDED,
            ImplementationKind::LOCAL_COMPAT,
        ] {
            assert_eq!(kind.as_str().parse(), Ok(kind.clone()));
            assert_eq!(serde_json::to_value(&kind).unwrap(), kind.as_str());
        }
    }
}
