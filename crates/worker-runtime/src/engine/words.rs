//! Counting words, which the engine without a model takes for tokens.

/// Bytes that are looked at together.
const STRIDE: usize = size_of::<u64>();
/// One in each of these bytes.
const ONES: u64 = u64::MAX / 0xFF;
/// The upper bit of each: the answer to a question about its byte.
const ANSWERS: u64 = ONES * 0x80;

/// How many words there are: what white space separates.
pub(super) fn words(text: &str) -> u64 {
    let count = separated_by_ascii(text).unwrap_or_else(|| text.split_whitespace().count());
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// The words of a text whose white space is that of ASCII. One begins at the beginning, or after
/// white space. Counted eight bytes at a time: this goes over every text of a conversation.
fn separated_by_ascii(text: &str) -> Option<usize> {
    let (strides, rest) = text.as_bytes().as_chunks::<STRIDE>();
    // What it lacks of a stride is white space, which begins no word.
    let mut last = [b' '; STRIDE];
    last[..rest.len()].copy_from_slice(rest);
    let mut words = 0;
    // The answer of the byte before, moved to the lowest one.
    let mut space_before = 0x80;
    for (at, stride) in strides.iter().chain([&last]).enumerate() {
        let bytes = u64::from_le_bytes(*stride);
        if bytes & ANSWERS != 0 && has_other_space(text, at * STRIDE) {
            return None;
        }
        let spaces = spaces(bytes);
        words += (!spaces & ANSWERS & (spaces << 8 | space_before)).count_ones() as usize;
        space_before = spaces >> (u64::BITS - 8);
    }
    Some(words)
}

/// Which of the bytes are Unicode's white space within ASCII, which unlike
/// `u8::is_ascii_whitespace` has the vertical tab.
fn spaces(bytes: u64) -> u64 {
    // Without the upper bits, no sum below leaves its byte.
    let low = bytes & !ANSWERS;
    let least = |byte: u8| low + ONES * u64::from(0x80 - byte);
    let other = (low ^ (ONES * u64::from(b' '))) + ONES * 0x7F;
    (!other | (least(b'\t') & !least(b'\r' + 1))) & ANSWERS & !bytes
}

/// Whether white space outside of ASCII begins in the stride at this place.
fn has_other_space(text: &str, stride: usize) -> bool {
    let places = stride..text.len().min(stride + STRIDE);
    let mut characters = places.filter_map(|at| text.get(at..)?.chars().next());
    characters.any(|character| !character.is_ascii() && character.is_whitespace())
}

/// The parts of a text, each with the space that ends it. By bytes: `split_inclusive` takes
/// four times as long over words as short as these.
pub(super) fn parts(mut text: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        let space = text.bytes().position(|byte| byte == b' ');
        let (part, rest) = text.split_at(space.map_or(text.len(), |space| space + 1));
        text = rest;
        (!part.is_empty()).then_some(part)
    })
}

#[cfg(test)]
#[cfg(not(feature = "shuttle"))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_character_is_what_unicode_says_at_every_place_of_a_stride() {
        // The last white space is U+3000.
        for character in '\0'..='\u{3100}' {
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
        fn words_are_what_white_space_separates(text in "[ab\\x00-\\x20\\x7f]{0,99}|[ab“é\u{2002}\u{a0} ]{0,30}.{0,8}") {
            prop_assert_eq!(words(&text), text.split_whitespace().count() as u64);
        }

        #[test]
        fn parts_end_with_a_space_each(text in "[ab“ ]{0,30}") {
            let expected: Vec<&str> = text.split_inclusive(' ').collect();
            prop_assert_eq!(parts(&text).collect::<Vec<_>>(), expected);
        }
    }
}
