//! The runtimes: their status, the model behind them, and what is left of their limits.

use registry_core::Capability;
use registry_core::projection::{RuntimeCounts, RuntimeStatus, RuntimeSummary};

use super::check::Check;
use super::store::Place;
use crate::api_name::api_name;
use crate::client::Client;
use crate::error::Error;
use crate::output::diagnostic;
use crate::output::runtime::listed;

/// The runtime's limit on workers where they are kept in a store; in memory there may be fewer.
const STORED_WORKERS: &str = "stored_workers";

/// Adds the rows about the runtimes and their models, and returns the runtimes.
pub(super) async fn check(
    client: &Client,
    checks: &mut Vec<Check>,
) -> Result<Vec<RuntimeSummary>, Error> {
    let runtimes = match client.runtimes().await {
        Ok(response) => response.value.items,
        Err(error) => {
            checks.push(Check::error("runtimes", &error));
            return Err(error);
        }
    };
    checks.extend(runtimes.iter().map(status));
    let with_workers = runtimes.iter().filter(|runtime| creates_workers(runtime));
    for runtime in with_workers {
        checks.push(models(runtime));
        checks.extend(profiles(runtime));
    }
    Ok(runtimes)
}

pub(super) fn creates_workers(runtime: &RuntimeSummary) -> bool {
    runtime.capabilities.contains(Capability::CreateWorker)
}

/// Adds the rows about the limits of `runtime` that its workers can reach.
pub(super) fn check_limits(runtime: &RuntimeSummary, place: &Place, checks: &mut Vec<Check>) {
    let Some(counts) = runtime.counts.filter(|_| creates_workers(runtime)) else {
        return;
    };
    let workers = worker_limit(runtime, &counts, place);
    let runs = ("concurrent_runs", counts.active_runs, "cancel");
    for (check, (limit, used, command)) in [("workers", workers), ("runs", runs)] {
        let Some(value) = limit_value(runtime, limit) else {
            continue;
        };
        let detail = match counts.queued_runs {
            queued @ 1.. if check == "runs" => format!("{used} of {value}, and {queued} queued"),
            _ => format!("{used} of {value}"),
        };
        checks.push(if used < value {
            Check::ok(check, detail)
        } else {
            Check::failed(check, detail).advise(format!(
                "`yoi {command}` ends one; `yoi serve --limit {limit}=N` allows more"
            ))
        });
    }
}

/// The limit on workers, how many count against it, and the command that makes room.
fn worker_limit(
    runtime: &RuntimeSummary,
    counts: &RuntimeCounts,
    place: &Place,
) -> (&'static str, u64, &'static str) {
    let all: u64 = counts.workers.iter().map(|(_, count)| count).sum();
    // Without a store all workers are in memory.
    let is_stored = matches!(place, Place::File(_)) || counts.resident_workers < all;
    if is_stored && limit_value(runtime, STORED_WORKERS).is_some() {
        return (STORED_WORKERS, all, "delete");
    }
    // Stopped workers make way for new ones.
    let live = all - counts.workers.stopped;
    ("workers", live, "stop")
}

fn limit_value(runtime: &RuntimeSummary, name: &str) -> Option<u64> {
    let mut limits = runtime.limits.iter();
    let limit = limits.find(|limit| limit.name.as_str() == name)?;
    Some(limit.value)
}

fn status(runtime: &RuntimeSummary) -> Check {
    let check = if runtime.implementation_kind.as_str() == "local_compat" {
        "local records"
    } else {
        "runtime"
    };
    let mut detail = format!("{} is {}", runtime.runtime_id, api_name(runtime.status));
    for diagnostic in &runtime.diagnostics {
        detail.push_str(&format!("; {}", diagnostic::text(diagnostic)));
    }
    match runtime.status {
        RuntimeStatus::Available => Check::ok(check, detail),
        RuntimeStatus::Degraded => Check::noted(check, detail)
            .advise("the rest of it works; see the server's log for the cause"),
        RuntimeStatus::Unavailable => {
            Check::failed(check, detail).advise("see the server's log for the cause")
        }
        RuntimeStatus::Stopping => Check::failed(check, detail).advise("start the server again"),
    }
}

fn models(runtime: &RuntimeSummary) -> Check {
    let names = listed(runtime.models.iter().map(|model| model.name.as_str()));
    match (&runtime.models[..], names) {
        ([model, ..], _) if model.offline => {
            Check::noted("model", "none: the offline engine replies")
                .advise("set YOI_MODEL and its provider's key where the server starts")
        }
        ([_], Some(name)) => Check::ok("model", name),
        (_, Some(names)) => Check::ok("models", format!("{names}; the first is the default")),
        (_, None) => Check::noted("model", "not reported by this server"),
    }
}

fn profiles(runtime: &RuntimeSummary) -> Option<Check> {
    let profiles = runtime.profiles.iter();
    let names = listed(profiles.map(|profile| profile.profile_id.as_str()))?;
    Some(Check::ok("profiles", names))
}
