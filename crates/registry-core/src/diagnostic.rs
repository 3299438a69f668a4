//! Diagnostics of a runtime, a list or a worker.

use serde::{Deserialize, Serialize};

use crate::id::RuntimeId;
use crate::text::FixedText;

/// How much a diagnostic matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Severity {
    /// For information; nothing is wrong.
    Info,
    /// Something was left out or is not as it should be.
    Warning,
    /// Something can't be answered at all.
    Error,
}

/// A stable code with a fixed message; never the text of an inner error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Diagnostic {
    /// Stable, in snake_case; what programs look at.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub code: FixedText,
    /// How much it matters.
    pub severity: Severity,
    /// What people read.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub message: FixedText,
    /// How many things the diagnostic is about; at least 1.
    pub count: u32,
    /// The runtime it is about, where a list spans several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(nullable = false))]
    pub runtime_id: Option<RuntimeId>,
}

impl Diagnostic {
    /// A diagnostic about one thing.
    pub fn new(code: &'static str, severity: Severity, message: &'static str) -> Self {
        Self {
            code: FixedText::new(code),
            severity,
            message: FixedText::new(message),
            count: 1,
            runtime_id: None,
        }
    }

    /// The same about `count` things.
    pub fn times(self, count: u32) -> Self {
        Self { count, ..self }
    }

    /// The same about `runtime_id`.
    pub fn with_runtime(self, runtime_id: RuntimeId) -> Self {
        Self {
            runtime_id: Some(runtime_id),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diagnostic_counts_and_names_what_it_is_about() {
        let diagnostic = Diagnostic::new("code", Severity::Warning, "A message.");
        assert_eq!((diagnostic.count, &diagnostic.runtime_id), (1, &None));
        let runtime_id: RuntimeId = "local-compat".parse().unwrap();
        let diagnostic = diagnostic.times(37).with_runtime(runtime_id.clone());
        assert_eq!(
            (diagnostic.count, diagnostic.runtime_id),
            (37, Some(runtime_id))
        );
        assert_eq!(diagnostic.severity, Severity::Warning);
    }
}
