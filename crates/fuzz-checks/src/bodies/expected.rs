//! The outcome that the OpenAPI document's schemas prescribe for a body.

use std::fmt;

use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::Value;

use super::generated::Operation;
use crate::names::grammar;

/// The most bytes of an input.
const INPUT_BYTES_MAX: usize = 128 * 1024;
/// The known profiles.
const PROFILES: [&str; 2] = ["builtin:default", "builtin:companion"];

const INVALID_BODY: Expected = Expected::Refused(400, "invalid_body");

/// An outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    /// A problem with this status and code.
    Refused(u16, &'static str),
    /// Success, with this status.
    Done(u16),
}

impl Expected {
    /// The outcome of a body of an operation.
    pub(super) fn of(operation: Operation, body: &[u8]) -> Self {
        if body.is_empty() || serde_json::from_slice::<()>(body).is_ok() {
            return without_body(operation);
        }
        let Ok(Fields(fields)) = serde_json::from_slice(body) else {
            return INVALID_BODY;
        };
        let known: &[&str] = match operation {
            Operation::Create => &["display_name", "profile"],
            Operation::Input => &["content"],
            Operation::Cancel => &["run_id"],
            Operation::Rename => &["display_name"],
            Operation::Stop => &[],
            Operation::Session => &["code"],
        };
        let mut names: Vec<_> = fields.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        let is_repeated = names.windows(2).any(|pair| pair[0] == pair[1]);
        if is_repeated || !names.iter().all(|name| known.contains(name)) {
            return INVALID_BODY;
        }
        let field = |wanted| {
            let mut fields = fields.iter();
            let field = fields.find(|(name, _)| name == wanted);
            field.map(|(_, value)| value)
        };
        match operation {
            Operation::Create => create(field("display_name"), field("profile")),
            Operation::Input => input(field("content")),
            Operation::Cancel if is_optional(field("run_id"), grammar::slug) => Self::Done(200),
            Operation::Cancel => INVALID_BODY,
            Operation::Rename => rename(field("display_name")),
            Operation::Stop => Self::Done(200),
            Operation::Session => session(field("code")),
        }
    }
}

fn without_body(operation: Operation) -> Expected {
    match operation {
        Operation::Cancel | Operation::Stop => Expected::Done(200),
        Operation::Session => Expected::Done(204),
        Operation::Create | Operation::Input | Operation::Rename => INVALID_BODY,
    }
}

fn create(display_name: Option<&Value>, profile: Option<&Value>) -> Expected {
    let is_valid =
        is_optional(display_name, grammar::display_name) && is_optional(profile, grammar::profile);
    match profile.and_then(Value::as_str) {
        _ if !is_valid => INVALID_BODY,
        Some(profile) if !PROFILES.contains(&profile) => Expected::Refused(422, "unknown_profile"),
        Some(_) | None => Expected::Done(201),
    }
}

/// A code that was never issued opens no session.
fn session(code: Option<&Value>) -> Expected {
    match code {
        None | Some(Value::Null) => Expected::Done(204),
        Some(Value::String(_)) => Expected::Refused(401, "unauthorized"),
        Some(_) => INVALID_BODY,
    }
}

fn rename(display_name: Option<&Value>) -> Expected {
    match display_name.and_then(Value::as_str) {
        Some(name) if grammar::display_name(name) => Expected::Done(200),
        Some(_) | None => INVALID_BODY,
    }
}

fn input(content: Option<&Value>) -> Expected {
    match content.and_then(Value::as_str) {
        None => INVALID_BODY,
        Some(text) if text.len() > INPUT_BYTES_MAX => Expected::Refused(413, "input_too_large"),
        Some(text) if text.trim().is_empty() => Expected::Refused(422, "input_empty"),
        Some(_) => Expected::Done(202),
    }
}

/// Whether an optional field is missing, null, or a text of this grammar.
fn is_optional(value: Option<&Value>, grammar: fn(&str) -> bool) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(value) => value.as_str().is_some_and(grammar),
    }
}

/// The fields of an object in their order, repeated ones included.
struct Fields(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Fields(fields))
    }
}
