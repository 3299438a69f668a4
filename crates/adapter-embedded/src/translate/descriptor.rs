//! The runtime itself: its model, profiles, limits and status.

use registry_core::DisplayName;
use registry_core::port::SourceStatus;
use registry_core::projection;
use worker_runtime as runtime;

use super::diagnostic::store_diagnostics;

/// `None` for a name that can't be shown.
pub(crate) fn model(model: &runtime::ModelInfo) -> Option<projection::ModelSummary> {
    Some(projection::ModelSummary {
        name: DisplayName::cleaned(&model.name)?,
        offline: model.offline,
    })
}

/// `None` for a profile whose text can't be shown; a registered one always can.
fn profile(profile: &runtime::Profile) -> Option<projection::ProfileSummary> {
    Some(projection::ProfileSummary {
        profile_id: profile.id().as_str().parse().ok()?,
        description: DisplayName::cleaned(profile.description())?,
        model: profile.model().and_then(DisplayName::cleaned),
    })
}

pub(crate) fn limit(limit: runtime::Limit) -> projection::Limit {
    let unit = match limit.unit {
        runtime::LimitUnit::Count => projection::LimitUnit::Count,
        runtime::LimitUnit::Bytes => projection::LimitUnit::Bytes,
        runtime::LimitUnit::Milliseconds => projection::LimitUnit::Milliseconds,
    };
    projection::Limit::new(limit.name.as_str(), unit, limit.value)
}

pub(crate) fn status(
    status: runtime::RuntimeStatus,
    profiles: &runtime::ProfileSet,
) -> SourceStatus {
    SourceStatus {
        status: match (status.phase, status.store.and_then(|store| store.failure)) {
            (runtime::Phase::Accepting, None) => projection::RuntimeStatus::Available,
            (runtime::Phase::Accepting, Some(_)) => projection::RuntimeStatus::Degraded,
            (runtime::Phase::Stopping, _) => projection::RuntimeStatus::Stopping,
        },
        counts: projection::RuntimeCounts {
            workers: projection::WorkersByState {
                idle: count(status.workers.idle),
                queued: count(status.workers.queued),
                running: count(status.workers.running),
                cancelling: count(status.workers.cancelling),
                stopped: count(status.workers.stopped),
                recorded: 0,
            },
            active_runs: count(status.active_runs),
            queued_runs: count(status.queued_runs),
            waiting_pollers: count(status.waiting_pollers),
            held_bytes: count(status.held_bytes),
            resident_workers: count(status.resident_workers),
        },
        profiles: profiles.iter().filter_map(profile).collect(),
        diagnostics: status.store.map(store_diagnostics).unwrap_or_default(),
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
