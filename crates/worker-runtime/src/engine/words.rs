//! Counting words, which the engine without a model takes for tokens.

/// Neighbouring bytes whose words are counted in one byte.
const STRIDE: usize = 255;
/// Neighbouring bytes that are passed over if they are all of ASCII.
const BLOCK: usize = 16;

/// How many words there are: what white space separates.
pub(super) fn words(text: &str) -> u64 {
    let count = if has_other_space(text) {
        text.split_whitespace().count()
    } else {
        separated_by_ascii(text.as_bytes())
    };
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// The words of a text whose white space is that of ASCII. One begins at the beginning, or after
/// white space. Counted in bytes first, so that the compiler does many at a time: this goes over
/// every text of a conversation.
fn separated_by_ascii(text: &[u8]) -> usize {
    let Some((first, rest)) = text.split_first() else {
        return 0;
    };
    let strides = text.chunks(STRIDE).zip(rest.chunks(STRIDE));
    let later = strides.map(|(before, bytes)| {
        let begins = before.iter().zip(bytes);
        let begins = begins.map(|(before, byte)| u8::from(is_space(*before) & !is_space(*byte)));
        usize::from(begins.sum::<u8>())
    });
    usize::from(!is_space(*first)) + later.sum::<usize>()
}

/// Unicode's white space within ASCII, which unlike `u8::is_ascii_whitespace` has the vertical
/// tab.
fn is_space(byte: u8) -> bool {
    (byte == b' ') | (byte.wrapping_sub(b'\t') < 5)
}

/// Whether there is white space outside of ASCII.
fn has_other_space(text: &str) -> bool {
    let begins_space = |place| {
        let mut rest = text.get(place..).into_iter().flat_map(str::chars);
        rest.next().is_some_and(char::is_whitespace)
    };
    let blocks = text.as_bytes().chunks(BLOCK).zip((0..).step_by(BLOCK));
    let mut wide = blocks.filter(|(block, _)| !block.is_ascii());
    !text.is_ascii()
        && wide.any(|(block, start)| {
            let mut places = block.iter().zip(start..);
            places.any(|(byte, place)| !byte.is_ascii() && begins_space(place))
        })
}

/// The parts of a text, each with the space that ends it. By bytes, which for words as short as
/// these is less work than `split_inclusive`.
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
    fn a_stride_has_room_for_all_its_words() {
        assert_eq!(words(&"a ".repeat(10 * STRIDE)), 10 * STRIDE as u64);
    }

    #[test]
    fn every_character_is_what_unicode_says_at_every_place() {
        // The last white space is U+3000.
        for character in '\0'..='\u{3100}' {
            for place in 0..2 * BLOCK {
                let mut text = "aa aaa  aaaa “aaa” ".repeat(2);
                if !text.is_char_boundary(place) || !text.is_char_boundary(place + 1) {
                    continue;
                }
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
        fn all_parts_but_the_last_end_with_a_space(text in "[ab“ ]{0,30}") {
            let expected: Vec<&str> = text.split_inclusive(' ').collect();
            prop_assert_eq!(parts(&text).collect::<Vec<_>>(), expected);
        }
    }
}
