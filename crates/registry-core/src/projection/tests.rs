//! Names and numbers as clients see them.

pub(crate) mod arbitrary;
mod by_derive;
pub(crate) mod example;

use super::*;
use crate::id::RuntimeId;

#[test]
fn an_enum_is_named_as_it_serialises() {
    let states = [
        (WorkerState::Idle, "idle"),
        (WorkerState::Running, "running"),
        (WorkerState::Cancelling, "cancelling"),
        (WorkerState::Stopped, "stopped"),
        (WorkerState::Recorded, "recorded"),
    ];
    for (state, name) in states {
        assert_eq!(state.as_str(), name);
        assert_eq!(serde_json::to_value(state).unwrap(), name);
    }
    let kinds = [
        (ImplementationKind::Embedded, "embedded"),
        (ImplementationKind::LocalCompat, "local_compat"),
    ];
    for (kind, name) in kinds {
        assert_eq!(kind.as_str(), name);
        assert_eq!(serde_json::to_value(kind).unwrap(), name);
    }
}

#[test]
fn each_state_is_told_with_its_own_number() {
    let counts = WorkersByState {
        idle: 1,
        running: 2,
        cancelling: 3,
        stopped: 4,
        recorded: 5,
    };
    let told: Vec<_> = counts
        .iter()
        .map(|(state, number)| (state.as_str(), number))
        .collect();
    let serialised = serde_json::to_value(counts).unwrap();
    assert_eq!(told.len(), serialised.as_object().unwrap().len());
    for (name, number) in told {
        assert_eq!(serialised[name], number);
    }
}

#[test]
fn a_remark_counts_and_names_what_it_is_about() {
    let remark = Diagnostic::new("code", Severity::Warning, "A message.");
    assert_eq!((remark.count, &remark.runtime_id), (1, &None));
    let runtime_id: RuntimeId = "local-compat".parse().unwrap();
    let remark = remark.times(37).of_runtime(runtime_id.clone());
    assert_eq!((remark.count, remark.runtime_id), (37, Some(runtime_id)));
    assert_eq!(remark.severity, Severity::Warning);
}
