//! Texts in which nothing has to be escaped, whatever they say.

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

/// Bytes of a [`ShortText`].
const SHORT_TEXT_BYTES: usize = 32;

/// Room in which a short ASCII text is put together, blank at first. Aligned and never shorter,
/// it is seen to be ASCII by whole words.
#[repr(align(8))]
pub(crate) struct ShortText {
    pub(crate) bytes: [u8; SHORT_TEXT_BYTES],
}

impl Default for ShortText {
    #[inline]
    fn default() -> Self {
        Self {
            bytes: [b' '; SHORT_TEXT_BYTES],
        }
    }
}

impl ShortText {
    /// Its first `length` bytes.
    ///
    /// # Panics
    /// When something that isn't ASCII was put into it.
    #[inline]
    pub(crate) fn as_str(&self, length: usize) -> &str {
        let whole = std::str::from_utf8(&self.bytes).expect("only ASCII is put into it");
        &whole[..length]
    }
}
