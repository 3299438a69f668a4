//! Any runtimes.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::{ITEMS, capabilities, id, implementation_kind, instant, name, remark};
use crate::FixedText;
use crate::projection::{
    Facilities, Limit, LimitUnit, ModelSummary, ProfileSummary, RuntimeCounts, RuntimeStatus,
    RuntimeSummary, WorkersByState,
};

fn profile() -> impl Strategy<Value = ProfileSummary> {
    (id(), name()).prop_map(|(profile_id, description)| ProfileSummary {
        profile_id,
        description,
    })
}

fn model() -> impl Strategy<Value = ModelSummary> {
    (name(), any::<bool>()).prop_map(|(name, offline)| ModelSummary { name, offline })
}

fn limit() -> impl Strategy<Value = Limit> {
    let unit = select(vec![
        LimitUnit::Count,
        LimitUnit::Bytes,
        LimitUnit::Milliseconds,
    ]);
    (unit, any::<u64>()).prop_map(|(unit, value)| Limit::new("a_limit", unit, value))
}

fn counts() -> impl Strategy<Value = RuntimeCounts> {
    any::<[u64; 8]>().prop_map(|numbers| {
        let [idle, running, cancelling, stopped, recorded, rest @ ..] = numbers;
        let [active_runs, waiting_pollers, held_bytes] = rest;
        RuntimeCounts {
            workers: WorkersByState {
                idle,
                running,
                cancelling,
                stopped,
                recorded,
            },
            active_runs,
            waiting_pollers,
            held_bytes,
        }
    })
}

fn facilities() -> impl Strategy<Value = Facilities> {
    any::<[bool; 4]>().prop_map(|[tools, workspace_fs, shell, git]| Facilities {
        tools,
        workspace_fs,
        shell,
        git,
    })
}

prop_compose! {
    pub(crate) fn runtime()(
        runtime_id in id(),
        implementation_kind in implementation_kind(),
        status in select(vec![
            RuntimeStatus::Available,
            RuntimeStatus::Degraded,
            RuntimeStatus::Unavailable,
            RuntimeStatus::Stopping,
        ]),
        capabilities in capabilities(),
        facilities in facilities(),
        model in option::of(model()),
        profiles in vec(profile(), 0..ITEMS),
        limits in vec(limit(), 0..ITEMS),
        counts in option::of(counts()),
        observed_at in instant(),
        diagnostics in vec(remark(), 0..ITEMS),
    ) -> RuntimeSummary {
        RuntimeSummary {
            runtime_id,
            display_name: FixedText::new("The \"only\" one"),
            implementation_kind,
            status,
            capabilities,
            facilities,
            model,
            profiles,
            limits,
            counts,
            observed_at,
            diagnostics,
        }
    }
}
