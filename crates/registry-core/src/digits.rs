//! Digits, for texts that are put together in place.

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
