//! Names and numbers as clients see them.

pub(crate) mod example;

use jiff::Timestamp;

use super::*;
use crate::id::RuntimeId;

#[test]
fn a_worker_serialises_with_the_ref_of_both_ids_beside_them() {
    let at = Timestamp::from_millisecond(1_700_000_000_120).unwrap();
    let serialised =
        |sequence| serde_json::to_string(&example::detail(at, sequence).summary).unwrap();
    let bare = concat!(
        r#"{"runtime_id":"backend-internal","worker_id":"w1","display_ref":"w1@backend-internal","#,
        r#""display_name":"“Reviewer”","implementation_kind":"embedded","state":"running","#,
        r#""capabilities":["list_workers","get_worker","create_worker","send_input","cancel_run","#,
        r#""stop_worker","read_transcript","read_events"],"#,
        r#""diagnostics":[{"code":"code","severity":"info","message":"A message.","count":1}]}"#,
    );
    assert_eq!(serialised(None), bare);
    let whole = bare.replace(
        r#""state":"running","#,
        concat!(
            r#""profile":"builtin:default","state":"running","active_run":"run","#,
            r#""created_at":"2023-11-14T22:13:20.12Z","#,
            r#""last_activity_at":"2023-11-14T22:13:20.12Z","#,
        ),
    );
    assert_eq!(serialised(Some(1)), whole);
}

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
