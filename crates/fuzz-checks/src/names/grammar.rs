//! The grammars of names as the documents give them, written without looking at the parsers.

/// Runtime, worker and run ids: 1–64 of `a-z 0-9 - _`, starting with a letter or digit.
pub(crate) fn slug(text: &str) -> bool {
    id(text, "-_")
}

/// Profile ids: the same, and `:` and `.`.
pub(crate) fn profile(text: &str) -> bool {
    id(text, "-_:.")
}

fn id(text: &str, punctuation: &str) -> bool {
    let is_alphanumeric = |c: char| matches!(c, 'a'..='z' | '0'..='9');
    (1..=64).contains(&text.len())
        && text.starts_with(is_alphanumeric)
        && text
            .chars()
            .all(|c| is_alphanumeric(c) || punctuation.contains(c))
}

/// Idempotency keys: 1–128 visible ASCII characters.
pub(crate) fn key(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.chars().all(|c| ('!'..='~').contains(&c))
}

/// Display names: 1–80 characters, not all white space, none a control character (C0, DEL,
/// C1), a line or paragraph separator, or a control of the direction of text (UAX #9).
pub(crate) fn display_name(text: &str) -> bool {
    const DIRECTION: &str = "\u{61c}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\
                             \u{2066}\u{2067}\u{2068}\u{2069}";
    let is_control = |c: char| {
        let code = u32::from(c);
        code < 0x20 || (0x7f..=0x9f).contains(&code) || "\u{2028}\u{2029}".contains(c)
    };
    text.chars().count() <= 80
        && text.chars().any(|c| !c.is_whitespace())
        && !text.chars().any(|c| is_control(c) || DIRECTION.contains(c))
}

/// Cursors: 16 bytes.
pub(super) fn cursor(text: &str) -> bool {
    text.len() == 22 && base64url(text).is_some_and(|bytes| bytes.len() == 16)
}

/// Page tokens: `1 RUNTIME POSITION`, the position empty or 1–96 visible ASCII characters; at
/// most 256 characters when encoded.
pub(super) fn page_token(text: &str) -> bool {
    text.len() <= 256 && page_token_runtime(text).is_some()
}

/// The runtime in whose list a page token is a position.
pub(crate) fn page_token_runtime(text: &str) -> Option<String> {
    let plain = String::from_utf8(base64url(text)?).ok()?;
    let (runtime, position) = plain.strip_prefix("1 ")?.split_once(' ')?;
    let is_valid = position.len() <= 96 && position.chars().all(|c| ('!'..='~').contains(&c));
    (slug(runtime) && is_valid).then(|| runtime.to_owned())
}

/// Ids of the embedded runtime: UUIDs of version 7 in their usual spelling, in lower case
/// (RFC 9562 §4, §4.1, §5.7).
pub(super) fn uuid_v7(text: &str) -> bool {
    let shape = |(at, c): (usize, char)| match at {
        8 | 13 | 18 | 23 => c == '-',
        14 => c == '7',
        19 => matches!(c, '8' | '9' | 'a' | 'b'),
        _ => matches!(c, '0'..='9' | 'a'..='f'),
    };
    text.len() == 36 && text.chars().enumerate().all(shape)
}

/// Unpadded base64url (RFC 4648 §5) in its only spelling: the bits left over are zero.
fn base64url(text: &str) -> Option<Vec<u8>> {
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (mut bytes, mut buffer, mut bits) = (Vec::new(), 0_u32, 0);
    for digit in text.chars() {
        let value = u32::try_from(DIGITS.find(digit)?).ok()?;
        buffer = (buffer << 6) | value;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((buffer >> bits) & 0xff).ok()?);
            buffer &= (1 << bits) - 1;
        }
    }
    // Six bits left over are a digit that belongs to no byte.
    (bits < 6 && buffer == 0).then_some(bytes)
}
