//! A text that nothing but an echo can bring into a refusal.

use arbitrary::Arbitrary;

/// Stands in rejected texts. Nothing that we write contains it, and no id can: ids have neither
/// capitals nor `~` nor `!`.
pub(crate) const MARKER: &str = "Zq~7Hx!";

/// Any text, sometimes with the [`MARKER`] at its end.
#[derive(Debug, Clone, Arbitrary)]
pub(crate) struct Text {
    text: String,
    is_marked: bool,
}

impl Text {
    /// The whole text.
    pub(crate) fn whole(&self) -> String {
        let end = if self.is_marked { MARKER } else { "" };
        format!("{}{end}", self.text)
    }
}

/// Whether a text has the marker in it, in any case of letters.
pub(crate) fn stands_in(text: &str) -> bool {
    text.to_ascii_lowercase()
        .contains(&MARKER.to_ascii_lowercase())
}
