//! The text of a UUID: 32 lower-case hexadecimal digits in five groups (RFC 9562, section 4).

use arrayvec::ArrayString;

use super::ID_MAX_CHARS;
use crate::digits::HEX;

/// Characters of the text.
const CHARS: usize = 36;
/// Where the two digits of each byte stand: a hyphen is before the third, fourth, fifth and
/// sixth pair of bytes.
const PLACES: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];
/// The two digits of every byte.
const DIGITS: [[u8; 2]; 256] = digits();

/// Room for the text. `from_utf8` looks at whole words of what is aligned: a multiple of sixteen
/// bytes leaves none to be looked at alone.
#[repr(align(8))]
struct Room([u8; 48]);

pub(super) fn text(uuid: [u8; 16]) -> ArrayString<ID_MAX_CHARS> {
    let mut room = Room([b' '; 48]);
    room.0[..CHARS].fill(b'-');
    for (byte, place) in uuid.into_iter().zip(PLACES) {
        room.0[place..place + 2].copy_from_slice(&DIGITS[usize::from(byte)]);
    }
    let text = str::from_utf8(&room.0).expect("only ASCII is put into it");
    ArrayString::from(&text[..CHARS]).expect("a UUID is shorter than an id may be")
}

const fn digits() -> [[u8; 2]; 256] {
    let mut digits = [[0; 2]; 256];
    let mut byte = 0;
    while byte < digits.len() {
        digits[byte] = [HEX[byte >> 4], HEX[byte & 0xf]];
        byte += 1;
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_text_is_the_number_in_lower_case_hexadecimal_groups(number: u128) {
            let text = text(number.to_be_bytes());
            let groups: Vec<usize> = text.split('-').map(str::len).collect();
            prop_assert_eq!(groups, [8, 4, 4, 4, 12]);
            prop_assert_eq!(text.replace('-', ""), format!("{number:032x}"));
        }
    }
}
