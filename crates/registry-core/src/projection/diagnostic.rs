//! Remarks of ours about a runtime, a list or a worker.

use serde::{Deserialize, Serialize};

use crate::id::RuntimeId;
use crate::text::FixedText;

/// How much a diagnostic matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, utoipa::ToSchema))]
pub enum Severity {
    /// Good to know.
    Info,
    /// Something was left out or is not as it should be.
    Warning,
    /// Something can't be answered at all.
    Error,
}

/// A remark with a stable code and a fixed text of ours; never the text of an inner error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, utoipa::ToSchema))]
pub struct Diagnostic {
    /// Stable, in snake_case; what programs look at.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub code: FixedText,
    /// How much it matters.
    pub severity: Severity,
    /// What people read.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub message: FixedText,
    /// How many things the remark is about; at least 1.
    pub count: u32,
    /// The runtime it is about, where a list spans several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(nullable = false))]
    pub runtime_id: Option<RuntimeId>,
}

impl Diagnostic {
    /// A remark about one thing.
    pub fn new(code: &'static str, severity: Severity, message: &'static str) -> Self {
        Self {
            code: FixedText::new(code),
            severity,
            message: FixedText::new(message),
            count: 1,
            runtime_id: None,
        }
    }

    /// The same remark about `count` things.
    pub fn times(self, count: u32) -> Self {
        Self { count, ..self }
    }

    /// The same remark, said of `runtime_id`.
    pub fn of_runtime(self, runtime_id: RuntimeId) -> Self {
        Self {
            runtime_id: Some(runtime_id),
            ..self
        }
    }
}
