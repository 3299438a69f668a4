//! The body that a fuzzer's bytes are: an object of near-right fields, or any bytes at all.

use arbitrary::Arbitrary;
use http::HeaderValue;
use serde_json::{Value, json};

use crate::marker::Text;
use crate::names::grammar;
use crate::server::World;

/// A body, where it is sent, and under which key.
#[derive(Debug, Arbitrary)]
pub(super) struct Shape {
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
}

#[derive(Debug, Arbitrary)]
enum Key {
    /// One that no other request has.
    Right,
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
    /// The field that the operation takes; the second of two where the flag says so.
    Own(bool),
    Other(Text),
}

#[derive(Debug, Arbitrary)]
enum Field {
    Null,
    Bool(bool),
    Number(i64),
    Text(Text),
    /// A character and how often it stands there.
    Long(char, u32),
    Profile(bool),
    List(Vec<Text>),
    /// Lists in lists, this deep.
    Deep(u16),
}

impl Shape {
    /// The body's bytes.
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

    /// The value of the `Idempotency-Key`, where the request has one that a connection takes.
    ///
    /// A key that is sound and that another request may have had is left out: what becomes of
    /// it depends on that one.
    pub(super) fn key(&self, world: &World) -> Option<HeaderValue> {
        let text = match self.key.as_ref()? {
            Key::Right => format!("key-{}", world.next_number()),
            Key::Any(text) => text.whole(),
            Key::Long(length) => "k".repeat(usize::from(*length)),
        };
        let is_new = matches!(self.key, Some(Key::Right)) || !grammar::key(&text);
        let value = HeaderValue::from_bytes(text.as_bytes()).ok();
        value.filter(|_| is_new || matches!(self.operation, Operation::Input))
    }
}

impl Name {
    fn text(&self, operation: Operation) -> String {
        match (self, operation) {
            (Self::Other(text), _) => text.whole(),
            (Self::Own(false), Operation::Create) => "display_name".to_owned(),
            (Self::Own(true), Operation::Create) => "profile".to_owned(),
            (Self::Own(_), Operation::Input) => "content".to_owned(),
            (Self::Own(_), Operation::Cancel | Operation::Stop | Operation::Session) => {
                "run_id".to_owned()
            }
        }
    }
}

impl Field {
    /// Longest text in characters: more than an input's bytes, less than a body's.
    const LONG_MAX: u32 = 140_000;
    /// Deepest nesting: beyond what any parser goes down.
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
                json!(if *is_default {
                    "builtin:default"
                } else {
                    "builtin:companion"
                })
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
