//! The server's JSON, fitted to one line without changing its value.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::sanitize::is_terminal_control;

/// `document` on one line. JSON strings have no raw line breaks (RFC 8259 §7), so one can only
/// stand between tokens, where a space means the same.
pub(super) fn one_line(document: &str) -> String {
    document.trim().replace(['\n', '\r'], " ")
}

/// [`one_line`] with terminal control characters escaped. They can only stand in strings, so
/// the value stays the same.
pub(crate) fn escaped_line(document: &str) -> String {
    let line = one_line(document);
    let mut escaped = String::with_capacity(line.len());
    for c in line.chars() {
        match c {
            '\t' => escaped.push(' '),
            // Every such character is in the basic plane: four digits do.
            _ if is_terminal_control(c) => {
                write!(escaped, "\\u{:04x}", u32::from(c)).expect("a String takes all text");
            }
            _ => escaped.push(c),
        }
    }
    escaped
}

/// The events of a batch, each unchanged.
pub(crate) fn events(batch: &str) -> Vec<String> {
    #[derive(Deserialize)]
    struct Batch<'a> {
        #[serde(borrow)]
        events: Vec<&'a RawValue>,
    }
    let batch = serde_json::from_str::<Batch<'_>>(batch);
    let events = batch.expect("the text was parsed as a batch before").events;
    events.iter().map(|event| event.get().to_owned()).collect()
}

/// The entries of a transcript page, each unchanged.
pub(crate) fn entries(page: &str) -> Vec<String> {
    #[derive(Deserialize)]
    struct Page<'a> {
        #[serde(borrow)]
        entries: Vec<&'a RawValue>,
    }
    let page = serde_json::from_str::<Page<'_>>(page);
    let entries = page.expect("the text was parsed as a page before").entries;
    entries.iter().map(|entry| entry.get().to_owned()).collect()
}

/// Several pages of a list as one page: all items, and each diagnostic once.
#[derive(Default, Serialize)]
pub(crate) struct AllPages {
    items: Vec<Box<RawValue>>,
    diagnostics: Vec<Box<RawValue>>,
}

impl AllPages {
    pub(crate) fn push(&mut self, page: &str) {
        #[derive(Deserialize)]
        struct Page {
            items: Vec<Box<RawValue>>,
            diagnostics: Vec<Box<RawValue>>,
        }
        let page = serde_json::from_str::<Page>(page);
        let page = page.expect("the text was parsed as a page before");
        self.items.extend(page.items);
        for diagnostic in page.diagnostics {
            let mut known = self.diagnostics.iter();
            if !known.any(|known| known.get() == diagnostic.get()) {
                self.diagnostics.push(diagnostic);
            }
        }
    }

    pub(crate) fn document(&self) -> String {
        serde_json::to_string(self).expect("raw JSON serialises")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_becomes_one_escaped_line_of_the_same_value() {
        let document = "{\n\t\"a\": \"b\u{9b}\u{7f}\u{202e}\\u001b\\n\"\r\n}\n";
        let line = escaped_line(document);
        assert_eq!(line, "{  \"a\": \"b\\u009b\\u007f\\u202e\\u001b\\n\"  }");
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(value(&line), value(document));
        assert_eq!(value(&one_line(document)), value(document));
    }

    #[test]
    fn events_keep_fields_that_this_version_does_not_know() {
        let batch = r#"{"events":[{"kind":"new","z":1, "a":2}],"next_cursor":"x"}"#;
        assert_eq!(events(batch), [r#"{"kind":"new","z":1, "a":2}"#]);
    }

    #[test]
    fn all_pages_are_one_page_without_repeated_diagnostics() {
        let mut all = AllPages::default();
        all.push(r#"{"items":[{"b":1,"a":2}],"next_page_token":"x","diagnostics":[{"code":"c"}]}"#);
        all.push(r#"{"items":[3],"diagnostics":[{"code":"c"},{"code":"d"}]}"#);
        let merged = r#"{"items":[{"b":1,"a":2},3],"diagnostics":[{"code":"c"},{"code":"d"}]}"#;
        assert_eq!(all.document(), merged);
    }
}
