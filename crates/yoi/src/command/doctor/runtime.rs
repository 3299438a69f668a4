//! The runtimes: how well they answer, which model stands behind them, what is left of
//! their limits.

use registry_core::Capability;
use registry_core::projection::{ImplementationKind, RuntimeStatus, RuntimeSummary};

use super::check::Check;
use crate::client::Client;
use crate::failure::Failure;
use crate::spelling::spelled;

/// Adds the rows about the runtimes and their models, and gives the runtimes.
pub(super) async fn examine(
    client: &Client,
    checks: &mut Vec<Check>,
) -> Result<Vec<RuntimeSummary>, Failure> {
    let answer = match client.runtimes().await {
        Ok(answer) => answer,
        Err(failure) => {
            checks.push(Check::failed_by("runtimes", &failure));
            return Err(failure);
        }
    };
    checks.extend(answer.value.items.iter().map(status));
    let examined = answer.value.items.iter().filter(|runtime| creates(runtime));
    checks.extend(examined.map(model));
    Ok(answer.value.items)
}

/// Whether workers can be created there.
pub(super) fn creates(runtime: &RuntimeSummary) -> bool {
    runtime.capabilities.contains(Capability::CreateWorker)
}

/// Adds the rows about the limits of `runtime`, where it has any that can be reached.
pub(super) fn limits(runtime: &RuntimeSummary, checks: &mut Vec<Check>) {
    let Some(counts) = runtime.counts.filter(|_| creates(runtime)) else {
        return;
    };
    // A worker that was stopped holds no place.
    let of = counts.workers;
    let workers = of.idle + of.running + of.cancelling;
    for (check, limit, used, advice) in [
        (
            "workers",
            "workers",
            workers,
            "`yoi stop` ends one; `yoi serve --limit workers=N` allows more",
        ),
        (
            "runs",
            "concurrent_runs",
            counts.active_runs,
            "`yoi cancel` ends one; `yoi serve --limit concurrent_runs=N` allows more",
        ),
    ] {
        let Some(limit) = runtime
            .limits
            .iter()
            .find(|known| known.name.as_str() == limit)
        else {
            continue;
        };
        let said = format!("{used} of {}", limit.value);
        checks.push(if used < limit.value {
            Check::ok(check, said)
        } else {
            Check::failed(check, said).advise(advice)
        });
    }
}

fn status(runtime: &RuntimeSummary) -> Check {
    let check = if runtime.implementation_kind == ImplementationKind::LOCAL_COMPAT {
        "local records"
    } else {
        "runtime"
    };
    let mut said = format!("{} is {}", runtime.runtime_id, spelled(runtime.status));
    for remark in &runtime.diagnostics {
        let times = match remark.count {
            0 | 1 => String::new(),
            count => format!(" ×{count}"),
        };
        said.push_str(&format!("; {}{times} [{}]", remark.message, remark.code));
    }
    match runtime.status {
        RuntimeStatus::Available => Check::ok(check, said),
        RuntimeStatus::Degraded => {
            Check::noted(check, said).advise("the rest of it works; the server's log has more")
        }
        RuntimeStatus::Unavailable => {
            Check::failed(check, said).advise("the server's log says why")
        }
        RuntimeStatus::Stopping => Check::failed(check, said).advise("start the server again"),
    }
}

fn model(runtime: &RuntimeSummary) -> Check {
    match &runtime.model {
        Some(model) if model.offline => Check::noted("model", "none: the offline engine repeats")
            .advise("set YOI_MODEL and its provider's key where the server starts"),
        Some(model) => Check::ok("model", model.name.as_str()),
        None => Check::noted("model", "not said by this server"),
    }
}
