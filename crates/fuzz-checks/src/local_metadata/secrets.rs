//! What a metadata file says, read by other means than the product's: what may be shown of it,
//! and what must not.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

/// Shorter texts stand in any answer by chance.
const SECRET_MIN_CHARS: usize = 6;

/// What the file says.
pub(super) enum Said {
    /// It names no worker, or is not JSON where somebody has to look at it.
    Nothing,
    /// It is a record, of whatever workspace.
    Record(Record),
}

/// The parts of a record that decide whether it is shown, and every text in the file.
///
/// The rest of the file is skipped as the product skips it: what nobody looks at can't make a
/// record invalid, not even bytes that are no UTF-8.
#[derive(Deserialize)]
pub(super) struct Record {
    pub(super) worker_name: String,
    pub(super) workspace_root: Option<String>,
    /// Whether what else decides what is shown is not there twice, and a text.
    #[serde(skip)]
    pub(super) is_clear: bool,
    #[serde(skip)]
    pub(super) texts: Vec<String>,
}

/// The further fields that the product looks at, whatever is in them: fails where one is there
/// twice, or where the one whose inside is read again is no UTF-8.
#[derive(Deserialize)]
struct Rest {
    #[serde(rename = "active")]
    _active: Option<IgnoredAny>,
    #[serde(rename = "resolved_manifest_snapshot")]
    _manifest: Option<Box<RawValue>>,
}

impl Said {
    /// What these bytes say.
    pub(super) fn by(bytes: &[u8]) -> Self {
        let is_object = bytes.trim_ascii_start().starts_with(b"{");
        match serde_json::from_slice::<Record>(bytes) {
            Ok(record) if is_object => Self::Record(Record {
                is_clear: serde_json::from_slice::<Rest>(bytes).is_ok(),
                texts: texts(bytes),
                ..record
            }),
            Ok(_) | Err(_) => Self::Nothing,
        }
    }

    /// Checks that an answer has no text of the file but those that stand in one of `told`:
    /// what is shown on purpose, and the words of every such answer.
    pub(super) fn is_kept_from(&self, answer: &str, told: &[&str]) {
        let Self::Record(record) = self else {
            return;
        };
        for text in &record.texts {
            let is_told = told.iter().any(|told| told.contains(text));
            if text.chars().count() >= SECRET_MIN_CHARS && !is_told {
                let escaped = serde_json::to_string(text).expect("a text is JSON");
                let escaped = escaped.trim_matches('"');
                assert!(!answer.contains(text), "{text:?} stands in {answer}");
                assert!(!answer.contains(escaped), "{text:?} stands in {answer}");
            }
        }
    }
}

/// Whatever stands between quotes in a file, names of fields included, wherever it stands.
fn texts(bytes: &[u8]) -> Vec<String> {
    let (mut texts, mut begun, mut is_escaped) = (Vec::new(), None, false);
    for (at, byte) in bytes.iter().enumerate() {
        match (begun, byte) {
            (Some(_), _) if is_escaped => is_escaped = false,
            (Some(_), b'\\') => is_escaped = true,
            (Some(begin), b'"') => {
                let quoted = String::from_utf8_lossy(&bytes[begin..=at]);
                // An escape that means nothing is a text of its own spelling.
                let text = serde_json::from_str(&quoted);
                texts.push(text.unwrap_or_else(|_| quoted.trim_matches('"').to_owned()));
                begun = None;
            }
            (None, b'"') => begun = Some(at),
            (Some(_) | None, _) => {}
        }
    }
    texts
}
