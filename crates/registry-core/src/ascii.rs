//! Short ASCII texts that are put together in place.

/// The hexadecimal digits.
pub(crate) const HEX: &[u8; 16] = b"0123456789abcdef";

/// The numbers below 100, with both digits.
pub(crate) const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[0; 2]; 100];
    let mut number = 0;
    while number < pairs.len() {
        pairs[number] = [b'0' + number as u8 / 10, b'0' + number as u8 % 10];
        number += 1;
    }
    pairs
};

/// Room for a text of at most so many bytes, blank at first. `from_utf8` looks at whole words of
/// a text that is aligned: a multiple of sixteen bytes leaves none to be looked at alone.
#[repr(align(8))]
pub(crate) struct ShortText<const BYTES: usize> {
    pub(crate) bytes: [u8; BYTES],
}

impl<const BYTES: usize> Default for ShortText<BYTES> {
    #[inline]
    fn default() -> Self {
        Self {
            bytes: [b' '; BYTES],
        }
    }
}

impl<const BYTES: usize> ShortText<BYTES> {
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
