//! Counting words, which the engine without a model takes for tokens.

/// Neighbouring bytes whose words are counted in one byte.
const STRIDE: usize = 255;

/// How many words there are: what white space separates.
pub(super) fn words(text: &str) -> u64 {
    let count = if text.is_ascii() {
        ascii_words(text.as_bytes())
    } else {
        text.split_whitespace().count()
    };
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// A word begins at the beginning, or after white space. Counted in bytes first, so that the
/// compiler does many at a time: this goes over every text of a conversation.
fn ascii_words(text: &[u8]) -> usize {
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

#[cfg(test)]
#[cfg(not(feature = "shuttle"))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_stride_has_room_for_all_its_words() {
        assert_eq!(words(&"a ".repeat(10 * STRIDE)), 10 * STRIDE as u64);
    }

    proptest! {
        #[test]
        fn words_are_what_white_space_separates(text in "[ab\\x00-\\x20\\x7f]{0,600}[é\\u{2003}]?.{0,8}") {
            prop_assert_eq!(words(&text), text.split_whitespace().count() as u64);
        }
    }
}
