//! Digits, for texts that are put together in place.

/// The hexadecimal digits.
pub(crate) const HEX: &[u8; 16] = b"0123456789abcdef";
