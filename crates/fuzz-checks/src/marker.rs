//! A text that is in a refusal only if the refusal repeats rejected input.

use arbitrary::Arbitrary;

/// Added to rejected text. No message of the product contains it and no id can: ids have neither
/// capitals nor `~` nor `!`.
pub(crate) const MARKER: &str = "Zq~7Hx!";

/// Any text, sometimes with the [`MARKER`] at its end.
#[derive(Debug, Clone, Arbitrary)]
pub(crate) struct Text {
    text: String,
    is_marked: bool,
}

impl Text {
    pub(crate) fn whole(&self) -> String {
        let end = if self.is_marked { MARKER } else { "" };
        format!("{}{end}", self.text)
    }
}

/// Panics when a text contains the marker in any case of letters.
#[track_caller]
pub(crate) fn assert_not_repeated(text: &str) {
    let (text, marker) = (text.to_ascii_lowercase(), MARKER.to_ascii_lowercase());
    assert!(
        !text.contains(&marker),
        "rejected input is repeated: {text}"
    );
}
