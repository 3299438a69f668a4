//! Names of the API's fieldless enums, taken from how they serialise, so that there is no
//! second list of names to keep.

use serde::Serialize;

/// `value` as the API names it, for example `timed_out`.
pub(crate) fn api_name(value: impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        other => unreachable!("a fieldless enum serialises as its name, not {other:?}"),
    }
}
