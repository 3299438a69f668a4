//! Remarks of the server, as notes below an answer.

use registry_core::projection::{Diagnostic, Severity};

/// `warning: records that can't be read were left out ×37 [local_metadata_invalid]`
pub(crate) fn note(diagnostic: &Diagnostic) -> String {
    let severity = match diagnostic.severity {
        Severity::Info => "note",
        Severity::Warning => "warning",
        Severity::Error => "problem",
    };
    let times = match diagnostic.count {
        0 | 1 => String::new(),
        count => format!(" ×{count}"),
    };
    let runtime = match &diagnostic.runtime_id {
        Some(runtime_id) => format!("{runtime_id}: "),
        None => String::new(),
    };
    let Diagnostic { code, message, .. } = diagnostic;
    format!("{severity}: {runtime}{message}{times} [{code}]")
}
