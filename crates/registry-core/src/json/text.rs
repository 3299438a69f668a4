//! The text of strings and numbers.

/// Bytes that are looked at in one step.
const WORD: usize = size_of::<u64>();
/// The lowest bit of each byte of a word.
const ONES: u64 = u64::MAX / 0xff;
/// The highest bit of each byte of a word.
const HIGHS: u64 = ONES << 7;
/// Most digits of a number.
const DIGITS: usize = 20;

/// Appends the inside of a string.
pub(super) fn escape_into(json: &mut Vec<u8>, text: &str) {
    let mut rest = text.as_bytes();
    loop {
        let clean = clean_bytes(rest);
        json.extend_from_slice(&rest[..clean]);
        let Some(byte) = rest.get(clean) else {
            return;
        };
        escape_byte(json, *byte);
        rest = &rest[clean + 1..];
    }
}

/// Whether nothing of the text has to be escaped.
pub(super) fn is_clean(text: &str) -> bool {
    clean_bytes(text.as_bytes()) == text.len()
}

/// How many bytes come before the first one that has to be escaped: `"`, `\` or a control
/// character (RFC 8259 §7).
fn clean_bytes(bytes: &[u8]) -> usize {
    let (words, rest) = bytes.as_chunks::<WORD>();
    for (index, word) in words.iter().enumerate() {
        if let Some(at) = first_to_escape(*word) {
            return index * WORD + at;
        }
    }
    let before = bytes.len() - rest.len();
    match bytes.last_chunk() {
        _ if rest.is_empty() => before,
        // The last word again reaches back into what is clean.
        Some(last) => first_to_escape(*last).map_or(bytes.len(), |at| bytes.len() - WORD + at),
        None => rest
            .iter()
            .position(|byte| is_escaped(*byte))
            .unwrap_or(rest.len()),
    }
}

fn is_escaped(byte: u8) -> bool {
    byte < b' ' || matches!(byte, b'"' | b'\\')
}

/// All bytes of a word at once ("Bit Twiddling Hacks", S. E. Anderson: *determine if a word
/// has a byte less than n*). A borrow can mark a byte after a marked one, never before it.
fn first_to_escape(bytes: [u8; WORD]) -> Option<usize> {
    let word = u64::from_le_bytes(bytes);
    let below = |word: u64, bound: u8| word.wrapping_sub(ONES * u64::from(bound)) & !word & HIGHS;
    let is = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    let marks = below(word, b' ') | is(b'"') | is(b'\\');
    (marks != 0).then_some(marks.trailing_zeros() as usize / 8)
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
            const HEX: &[u8; 16] = b"0123456789abcdef";
            let (high, low) = (HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]);
            json.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
            return;
        }
    };
    json.extend_from_slice(&[b'\\', short]);
}

/// Appends a number.
pub(super) fn decimal_into(json: &mut Vec<u8>, number: u64) {
    let mut digits = [0; DIGITS];
    let (mut rest, mut begins) = (number, DIGITS);
    loop {
        begins -= 1;
        digits[begins] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    json.extend_from_slice(&digits[begins..]);
}
