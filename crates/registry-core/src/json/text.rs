//! The text of strings.

use crate::alphabet;
use crate::digits::HEX;

/// Appends the inside of a string. Not inlined, so that the way of what is clean stays short.
#[inline(never)]
pub(super) fn escape_into(json: &mut Vec<u8>, text: &str) {
    let mut rest = text.as_bytes();
    while let Some(at) = alphabet::first_foreign(rest, is_plain) {
        json.extend_from_slice(&rest[..at]);
        escape_byte(json, rest[at]);
        rest = &rest[at + 1..];
    }
    json.extend_from_slice(rest);
}

/// Whether the text can stand in a JSON string as it is, without `"`, `\` and control characters
/// (RFC 8259 §7).
#[inline]
pub fn is_clean(text: &str) -> bool {
    alphabet::all(text.as_bytes(), is_plain)
}

/// Each of the three is zero for what it excludes. A block of bytes is compared once for the least
/// of them, not thrice.
fn is_plain(byte: u8) -> bool {
    let (quote, backslash, control) = (byte ^ b'"', byte ^ b'\\', byte & !0x1f);
    quote.min(backslash).min(control) != 0
}

fn escape_byte(json: &mut Vec<u8>, byte: u8) {
    let short = match byte {
        b'"' | b'\\' => byte,
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x08 => b'b',
        0x0c => b'f',
        _ => {
            let (high, low) = (HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]);
            json.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
            return;
        }
    };
    json.extend_from_slice(&[b'\\', short]);
}
