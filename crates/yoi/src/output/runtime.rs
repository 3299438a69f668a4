//! The table of runtimes: one line for each column.

use registry_core::Capability;
use registry_core::projection::RuntimeSummary;

use super::table::Column;
use crate::api_name::api_name;

pub(crate) const COLUMNS: &[Column<RuntimeSummary>] = &[
    ("RUNTIME", |runtime| Some(runtime.runtime_id.to_string())),
    ("KIND", |runtime| {
        Some(runtime.implementation_kind.as_str().to_owned())
    }),
    ("STATUS", |runtime| Some(api_name(runtime.status))),
    ("WORKERS", |runtime| {
        let counts = runtime.counts.as_ref()?;
        let workers: u64 = counts.workers.iter().map(|(_, count)| count).sum();
        Some(workers.to_string())
    }),
    ("ACTIVE", |runtime| {
        Some(runtime.counts.as_ref()?.active_runs.to_string())
    }),
    ("MODEL", |runtime| {
        Some(runtime.model.as_ref()?.name.as_str().to_owned())
    }),
    ("CAPABILITIES", |runtime| {
        let names: Vec<_> = runtime
            .capabilities
            .iter()
            .map(Capability::as_str)
            .collect();
        Some(names.join(" "))
    }),
];
