//! Characters whose two halves come in two events.

use std::borrow::Cow;

const ESCAPE_BYTES: usize = r"\uD83D".len();

/// Joins the halves of surrogate pairs that a server escaped in two events: models produce bytes, and
/// some servers escape what they have of a character. `pending` is the first half from before. A half
/// without its other becomes U+FFFD, or nothing.
pub(super) fn repair<'a>(data: &'a str, pending: &mut Option<u16>) -> Cow<'a, str> {
    if !data.contains(r"\u") {
        return Cow::Borrowed(data);
    }
    let mut repaired = String::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(found) = data[at..].find('\\') {
        let start = at + found;
        let Some(unit) = unit_at(data, start) else {
            // Another escape, whose second character may be a backslash.
            at = (start + 2).min(data.len());
            at = data.ceil_char_boundary(at);
            continue;
        };
        let end = start + ESCAPE_BYTES;
        at = end;
        let replacement = match unit {
            0xD800..=0xDBFF if matches!(unit_at(data, end), Some(0xDC00..=0xDFFF)) => {
                at = end + ESCAPE_BYTES;
                continue;
            }
            0xD800..=0xDBFF => {
                *pending = Some(unit);
                String::new()
            }
            0xDC00..=0xDFFF => match pending.take() {
                Some(first) => format!("\\u{first:04x}\\u{unit:04x}"),
                None => "\u{fffd}".to_owned(),
            },
            _ => continue,
        };
        repaired.push_str(&data[copied..start]);
        repaired.push_str(&replacement);
        copied = end;
    }
    if copied == 0 {
        return Cow::Borrowed(data);
    }
    repaired.push_str(&data[copied..]);
    Cow::Owned(repaired)
}

/// The code unit of the escape at `start`, if there is one.
fn unit_at(data: &str, start: usize) -> Option<u16> {
    let digits = data.get(start..start + ESCAPE_BYTES)?.strip_prefix(r"\u")?;
    let is_hexadecimal = digits.bytes().all(|it| it.is_ascii_hexdigit());
    is_hexadecimal.then(|| u16::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_joined_over_events_and_everything_else_stays() {
        let mut pending = None;
        let mut read = |data: &str| {
            let repaired = repair(data, &mut pending);
            serde_json::from_str::<String>(&repaired).unwrap()
        };
        assert_eq!(read(r#""a\u00e9\ud83d\ude00""#), "aé😀");
        assert_eq!(read(r#""é\\ud83d\n\\""#), "é\\ud83d\n\\");
        assert_eq!(read(r#""x\ud83d""#), "x");
        assert_eq!(read(r#""\ude00y""#), "😀y");
        assert_eq!(read(r#""\ude00z""#), "\u{fffd}z");
        assert_eq!(read(r#""\ud83d\ud83d\ude00""#), "😀");
        for broken in [r"\", r"\u", r"\ud8", "\\é", r"\uzzzz", "\\u00é0"] {
            let mut pending = None;
            assert_eq!(repair(broken, &mut pending), broken);
        }
    }
}
