//! What becomes of a body, by the OpenAPI document's schemas and HTTP.md's table of problems.

use std::fmt;

use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::Value;

use super::shape::Operation;
use crate::names::grammar;

/// The most bytes of an input.
const INPUT_BYTES_MAX: usize = 128 * 1024;
/// The profiles that there are.
const PROFILES: [&str; 2] = ["builtin:default", "builtin:companion"];

const INVALID_BODY: Expected = Expected::Refused(400, "invalid_body");

/// What must come of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    /// This status and this code.
    Refused(u16, &'static str),
    /// It is carried out, with this status.
    Done(u16),
}

impl Expected {
    /// What must come of a body that is sent to an operation.
    pub(super) fn of(operation: &Operation, body: &[u8]) -> Self {
        let Ok(Fields(fields)) = serde_json::from_slice(body) else {
            return INVALID_BODY;
        };
        let known: &[&str] = match operation {
            Operation::Create => &["display_name", "profile"],
            Operation::Input => &["content"],
            Operation::Cancel => &["run_id"],
            Operation::Stop | Operation::Session => &[],
        };
        let mut names: Vec<_> = fields.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        let is_repeated = names.windows(2).any(|pair| pair[0] == pair[1]);
        if is_repeated || !names.iter().all(|name| known.contains(name)) {
            return INVALID_BODY;
        }
        let field = |wanted| fields.iter().find(|(name, _)| name == wanted);
        let field = |wanted| field(wanted).map(|(_, value)| value);
        match operation {
            Operation::Create => create(field("display_name"), field("profile")),
            Operation::Input => input(field("content")),
            Operation::Cancel if is_absent_or(field("run_id"), grammar::slug) => Self::Done(200),
            Operation::Cancel => INVALID_BODY,
            Operation::Stop => Self::Done(200),
            Operation::Session => Self::Done(204),
        }
    }
}

fn create(display_name: Option<&Value>, profile: Option<&Value>) -> Expected {
    let is_sound = is_absent_or(display_name, grammar::display_name)
        && is_absent_or(profile, grammar::profile);
    if !is_sound {
        return INVALID_BODY;
    }
    match profile.and_then(Value::as_str) {
        Some(profile) if !PROFILES.contains(&profile) => Expected::Refused(422, "unknown_profile"),
        Some(_) | None => Expected::Done(201),
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

/// Whether an optional field is left out, null, or a text of this grammar.
fn is_absent_or(value: Option<&Value>, grammar: fn(&str) -> bool) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(value) => value.as_str().is_some_and(grammar),
    }
}

/// Whether a header's value is an idempotency key.
pub(super) fn is_key(value: &[u8]) -> bool {
    std::str::from_utf8(value).is_ok_and(grammar::key)
}

/// The fields of an object in their order, repeated ones as well.
struct Fields(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EachField)
    }
}

struct EachField;

impl<'de> Visitor<'de> for EachField {
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
