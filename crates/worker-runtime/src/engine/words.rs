//! Counting words, which the engine without a model takes for tokens.

/// Bytes that are looked at together.
const STRIDE: usize = size_of::<u64>();
/// One in each of these bytes.
const ONES: u64 = u64::MAX / 0xFF;
/// The upper bit of each: ASCII leaves it free to answer a question about its byte.
const ANSWERS: u64 = ONES * 0x80;

/// How many words there are: what white space separates.
pub(super) fn words(text: &str) -> u64 {
    let count = if text.is_ascii() {
        ascii_words(text.as_bytes())
    } else {
        text.split_whitespace().count()
    };
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// A word begins at the beginning, or after white space. Counted eight bytes at a time: this
/// goes over every text of a conversation.
fn ascii_words(text: &[u8]) -> usize {
    let (strides, rest) = text.as_chunks::<STRIDE>();
    // What it lacks of a stride is white space, which begins no word.
    let mut last = [b' '; STRIDE];
    last[..rest.len()].copy_from_slice(rest);
    let mut words = 0;
    // The answer of the byte before, moved to the lowest one.
    let mut space_before = 0x80;
    for stride in strides.iter().chain([&last]) {
        let spaces = spaces(u64::from_le_bytes(*stride));
        words += (!spaces & ANSWERS & (spaces << 8 | space_before)).count_ones() as usize;
        space_before = spaces >> (u64::BITS - 8);
    }
    words
}

/// Which of the bytes are Unicode's white space within ASCII, which unlike
/// `u8::is_ascii_whitespace` has the vertical tab. No sum below leaves its byte.
fn spaces(ascii: u64) -> u64 {
    let least = |byte: u8| ascii + ONES * u64::from(0x80 - byte);
    let other = (ascii ^ (ONES * u64::from(b' '))) + ONES * 0x7F;
    (!other | (least(b'\t') & !least(b'\r' + 1))) & ANSWERS
}

#[cfg(test)]
#[cfg(not(feature = "shuttle"))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_character_of_ascii_is_what_unicode_says_at_every_place_of_a_stride() {
        for character in '\0'..='\x7f' {
            for place in 0..2 * STRIDE {
                let mut text = "aa aaa  aaaa aaa ".to_owned();
                text.replace_range(place..=place, character.encode_utf8(&mut [0; 4]));
                let expected = text.split_whitespace().count() as u64;
                assert_eq!(words(&text), expected, "{character:?} at {place}");
            }
        }
    }

    proptest! {
        #[test]
        fn words_are_what_white_space_separates(text in "[ab\\x00-\\x20\\x7f]{0,600}[é\\u{2003}]?.{0,8}") {
            prop_assert_eq!(words(&text), text.split_whitespace().count() as u64);
        }
    }
}
