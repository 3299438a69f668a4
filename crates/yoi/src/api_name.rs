//! Names of the API's fieldless enums, taken from how they serialise, so that there is no
//! second list of names to keep.

use registry_core::projection::{RunErrorCode, RunErrorDetail};
use serde::Serialize;

/// `value` as the API names it, for example `timed_out`.
pub(crate) fn api_name(value: impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        other => unreachable!("a fieldless enum serialises as its name, not {other:?}"),
    }
}

/// A run's error code with its detail, for example `timed_out/idle_timeout`.
pub(crate) fn error_name(code: RunErrorCode, detail: Option<RunErrorDetail>) -> String {
    let code = api_name(code);
    match detail {
        Some(detail) => format!("{code}/{}", api_name(detail)),
        None => code,
    }
}
