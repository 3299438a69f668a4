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
    ("MODELS", |runtime| {
        listed(runtime.models.iter().map(|model| model.name.as_str()))
    }),
    ("PROFILES", |runtime| {
        let profiles = runtime.profiles.iter();
        listed(profiles.map(|profile| profile.profile_id.as_str()))
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

/// `None` when there are no names.
pub(crate) fn listed<'a>(names: impl Iterator<Item = &'a str>) -> Option<String> {
    let names: Vec<_> = names.collect();
    (!names.is_empty()).then(|| names.join(", "))
}
