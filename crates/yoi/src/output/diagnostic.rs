//! Diagnostics of the server, as notes below a result.

use registry_core::projection::{Diagnostic, Severity};

/// `warning: local-compat: records were skipped ×37 [local_metadata_invalid]`
pub(crate) fn note(diagnostic: &Diagnostic) -> String {
    let severity = match diagnostic.severity {
        Severity::Info => "note",
        Severity::Warning => "warning",
        Severity::Error => "problem",
    };
    let runtime = diagnostic.runtime_id.as_ref();
    let runtime = runtime.map(|id| format!("{id}: ")).unwrap_or_default();
    format!("{severity}: {runtime}{}", text(diagnostic))
}

/// Message, count and code.
pub(crate) fn text(diagnostic: &Diagnostic) -> String {
    let count = match diagnostic.count {
        0 | 1 => String::new(),
        count => format!(" ×{count}"),
    };
    let Diagnostic { code, message, .. } = diagnostic;
    format!("{message}{count} [{code}]")
}
