//! The body that a fuzzer's bytes stand for: an object of nearly valid fields, or any bytes.

use arbitrary::Arbitrary;
use http::HeaderValue;
use serde_json::{Value, json};

use crate::marker::Text;
use crate::names::grammar;
use crate::server::ServerFixture;

/// A body, its operation, and an idempotency key. The corpus in `fuzz/corpus` depends on the order
/// of fields and variants.
#[derive(Debug, Arbitrary)]
pub(super) struct GeneratedBody {
    pub(super) operation: Operation,
    key: Option<Key>,
    content: Content,
}

/// Every operation that takes a body.
#[derive(Debug, Clone, Copy, Arbitrary)]
pub(super) enum Operation {
    Create,
    Input,
    Cancel,
    Stop,
    Session,
    Rename,
}

impl Operation {
    pub(super) fn method(self) -> &'static str {
        match self {
            Self::Create | Self::Input | Self::Cancel | Self::Stop | Self::Session => "POST",
            Self::Rename => "PATCH",
        }
    }
}

#[derive(Debug, Arbitrary)]
enum Key {
    /// One that no other request has.
    New,
    Any(Text),
    Long(u8),
}

#[derive(Debug, Arbitrary)]
enum Content {
    Fields(Vec<(Name, Field)>),
    Any(Vec<u8>),
    Json(Text),
}

#[derive(Debug, Arbitrary)]
enum Name {
    /// The first or the second field that the operation takes.
    Known(bool),
    Any(Text),
}

#[derive(Debug, Arbitrary)]
enum Field {
    Null,
    Bool(bool),
    Number(i64),
    Text(Text),
    /// A character and its number of repetitions.
    Long(char, u32),
    Profile(bool),
    List(Vec<Text>),
    /// Nested lists.
    Deep(u16),
}

impl GeneratedBody {
    pub(super) fn body(&self) -> Vec<u8> {
        match &self.content {
            Content::Any(bytes) => bytes.clone(),
            Content::Json(text) => text.whole().into_bytes(),
            Content::Fields(fields) => {
                let fields = fields.iter().map(|(name, field)| {
                    let name = Value::from(name.text(self.operation));
                    format!("{name}:{}", field.json())
                });
                let fields: Vec<_> = fields.collect();
                format!("{{{}}}", fields.join(",")).into_bytes()
            }
        }
    }

    /// The `Idempotency-Key`, if it is a header's value. A valid key of a create that an earlier
    /// request may have had is left out, because the outcome would depend on that one.
    pub(super) fn key(&self, server: &ServerFixture) -> Option<HeaderValue> {
        let text = match self.key.as_ref()? {
            Key::New => format!("key-{}", server.next_number()),
            Key::Any(text) => text.whole(),
            Key::Long(length) => "k".repeat(usize::from(*length)),
        };
        let is_new = matches!(self.key, Some(Key::New)) || !grammar::key(&text);
        let value = HeaderValue::from_bytes(text.as_bytes()).ok();
        value.filter(|_| is_new || matches!(self.operation, Operation::Input))
    }
}

impl Name {
    fn text(&self, operation: Operation) -> String {
        match (self, operation) {
            (Self::Any(text), _) => text.whole(),
            (Self::Known(false), Operation::Create) => "display_name".to_owned(),
            (Self::Known(_), Operation::Rename) => "display_name".to_owned(),
            (Self::Known(true), Operation::Create) => "profile".to_owned(),
            (Self::Known(_), Operation::Input) => "content".to_owned(),
            (Self::Known(_), Operation::Cancel | Operation::Stop | Operation::Session) => {
                "run_id".to_owned()
            }
        }
    }
}

impl Field {
    /// Longest text in characters: more than the bytes of an input, fewer than those of a body.
    const LONG_MAX: u32 = 140_000;
    /// Deepest nesting: deeper than any parser allows.
    const DEEP_MAX: u16 = 2_000;

    fn json(&self) -> String {
        let value = match self {
            Self::Null => Value::Null,
            Self::Bool(is) => json!(is),
            Self::Number(number) => json!(number),
            Self::Text(text) => json!(text.whole()),
            Self::Long(character, times) => {
                let times = usize::try_from(times % Self::LONG_MAX).unwrap_or_default();
                json!(character.to_string().repeat(times))
            }
            Self::Profile(is_default) => {
                let profiles = ["builtin:companion", "builtin:default"];
                json!(profiles[usize::from(*is_default)])
            }
            Self::List(texts) => texts.iter().map(Text::whole).collect(),
            Self::Deep(depth) => {
                let depth = usize::from(depth % Self::DEEP_MAX);
                return format!("{}{}", "[".repeat(depth), "]".repeat(depth));
            }
        };
        value.to_string()
    }
}
