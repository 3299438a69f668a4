//! The content of a metadata file, read by other means than the product's.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

/// Shorter texts are in any response by chance.
const SECRET_MIN_CHARS: usize = 6;

/// The content of a file.
pub(super) enum Content {
    /// It isn't a JSON object that names a worker.
    Invalid,
    /// It is a record, of whatever workspace.
    Record(Record),
}

/// The fields of a record that decide whether its worker is listed, and every text in the file.
///
/// The rest of the file is skipped as the product skips it: a field that nobody reads can't make a
/// record invalid, not even with bytes that aren't UTF-8.
#[derive(Deserialize)]
pub(super) struct Record {
    pub(super) worker_name: String,
    pub(super) workspace_root: Option<String>,
    /// Whether no other field that the product reads is repeated or isn't UTF-8.
    #[serde(skip)]
    pub(super) is_unambiguous: bool,
    #[serde(skip)]
    pub(super) texts: Vec<String>,
}

/// The other fields that the product reads, with any value. Parsing fails when one is repeated, or
/// when the one that the product parses again isn't UTF-8.
#[derive(Deserialize)]
struct OtherFields {
    #[serde(rename = "active")]
    _active: Option<IgnoredAny>,
    #[serde(rename = "resolved_manifest_snapshot")]
    _manifest: Option<Box<RawValue>>,
}

impl Content {
    pub(super) fn parse(bytes: &[u8]) -> Self {
        let is_object = bytes.trim_ascii_start().starts_with(b"{");
        match serde_json::from_slice::<Record>(bytes) {
            Ok(record) if is_object => Self::Record(Record {
                is_unambiguous: serde_json::from_slice::<OtherFields>(bytes).is_ok(),
                texts: texts(bytes),
                ..record
            }),
            Ok(_) | Err(_) => Self::Invalid,
        }
    }

    /// Panics when a response contains a text of the file that isn't part of a `public` one.
    pub(super) fn assert_not_leaked(&self, response: &str, public: &[&str]) {
        let Self::Record(record) = self else {
            return;
        };
        for text in &record.texts {
            let is_public = public.iter().any(|public| public.contains(text));
            if text.chars().count() >= SECRET_MIN_CHARS && !is_public {
                let escaped = serde_json::to_string(text).expect("a text is JSON");
                for secret in [text, escaped.trim_matches('"')] {
                    assert!(!response.contains(secret), "{text:?} is in {response}");
                }
            }
        }
    }
}

/// Everything in quotes in a file, names of fields included, wherever it is.
fn texts(bytes: &[u8]) -> Vec<String> {
    let (mut texts, mut begin, mut is_escaped) = (Vec::new(), None, false);
    for (at, byte) in bytes.iter().enumerate() {
        match (begin, byte) {
            (Some(_), _) if is_escaped => is_escaped = false,
            (Some(_), b'\\') => is_escaped = true,
            (Some(from), b'"') => {
                let quoted = String::from_utf8_lossy(&bytes[from..=at]);
                // With an invalid escape it is its own spelling.
                let text = serde_json::from_str(&quoted);
                texts.push(text.unwrap_or_else(|_| quoted.trim_matches('"').to_owned()));
                begin = None;
            }
            (None, b'"') => begin = Some(at),
            (Some(_) | None, _) => {}
        }
    }
    texts
}
