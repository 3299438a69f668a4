//! What is serialised by hand is what `derive` would write, as it would for clients.

use jiff::Timestamp;
use serde::Serialize;

use super::example::detail;
use crate::projection as shown;
use crate::{Capability, ProfileId, RunId};

#[derive(Serialize)]
struct Summary<'a> {
    runtime_id: &'a str,
    worker_id: &'a str,
    display_ref: &'a str,
    display_name: &'a str,
    implementation_kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<&'a str>,
    state: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    active_run: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_activity_at: Option<Timestamp>,
    capabilities: Vec<&'a str>,
    diagnostics: &'a [shown::Diagnostic],
}

impl<'a> Summary<'a> {
    fn of(worker: &'a shown::WorkerSummary, display_ref: &'a str) -> Self {
        Self {
            runtime_id: worker.runtime_id.as_str(),
            worker_id: worker.worker_id.as_str(),
            display_ref,
            display_name: worker.display_name.as_str(),
            implementation_kind: worker.implementation_kind.as_str(),
            profile: worker.profile.as_ref().map(ProfileId::as_str),
            state: worker.state.as_str(),
            active_run: worker.active_run.as_ref().map(RunId::as_str),
            created_at: worker.created_at,
            last_activity_at: worker.last_activity_at,
            capabilities: worker.capabilities.iter().map(Capability::as_str).collect(),
            diagnostics: &worker.diagnostics,
        }
    }
}

#[test]
fn a_worker_serialises_as_if_derived() {
    let at = Timestamp::from_millisecond(1_700_000_000_120).unwrap();
    for sequence in [None, Some(1)] {
        let worker = detail(at, sequence).summary;
        let derived = Summary::of(&worker, "w1@backend-internal");
        assert_eq!(
            serde_json::to_string(&worker).unwrap(),
            serde_json::to_string(&derived).unwrap()
        );
    }
}
