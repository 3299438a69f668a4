//! A text in which nothing has to be escaped, whatever it says.

use serde::{Serialize, Serializer};

/// A text whose alphabet has nothing that JSON escapes: an id, an instant, a cursor. Every
/// serialiser writes it as the string that it is; ours does not look for what isn't there.
pub(crate) struct Clean<'a>(pub(crate) &'a str);

/// What the writer knows it by; no other serialiser looks at the name of a newtype.
pub(super) const NAME: &str = "registry_core::json::Clean";

impl Serialize for Clean<'_> {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(NAME, self.0)
    }
}
