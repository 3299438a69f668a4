//! Reading JSON that must have a certain shape.

use serde_json::Value;

/// A string.
#[track_caller]
pub fn text(value: &Value) -> &str {
    value
        .as_str()
        .unwrap_or_else(|| panic!("not a string: {value}"))
}

/// An array.
#[track_caller]
pub fn items(value: &Value) -> &[Value] {
    value
        .as_array()
        .unwrap_or_else(|| panic!("not an array: {value}"))
}

/// One field of every element of an array.
#[track_caller]
pub fn each<'a>(value: &'a Value, field: &str) -> Vec<&'a Value> {
    items(value).iter().map(|item| &item[field]).collect()
}

/// The element of an array whose `field` is `wanted`.
#[track_caller]
pub fn find<'a>(value: &'a Value, field: &str, wanted: &str) -> &'a Value {
    items(value)
        .iter()
        .find(|item| item[field] == wanted)
        .unwrap_or_else(|| panic!("no {field} is {wanted}: {value}"))
}

/// Every string of a document, names of fields included.
pub fn strings(value: &Value) -> Vec<&str> {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(strings).collect(),
        Value::Object(fields) => {
            let fields = fields.iter();
            let strings = fields.flat_map(|(name, field)| {
                let mut found = strings(field);
                found.push(name);
                found
            });
            strings.collect()
        }
    }
}
