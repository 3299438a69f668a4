//! Names of the API's fieldless enums, taken from how they serialise: one spelling for
//! people and programs, with no second list of names to keep.

use serde::Serialize;

/// `value` as the API spells it, for example `timed_out`.
pub(crate) fn spelled(value: impl Serialize) -> String {
    let spelled = serde_json::to_value(value).ok();
    let name = spelled.as_ref().and_then(|value| value.as_str());
    name.expect("a fieldless enum serialises as its name")
        .to_owned()
}

#[cfg(test)]
mod tests {
    use registry_core::projection::{ImplementationKind, RunOutcome, WorkerState};

    use super::*;

    #[test]
    fn a_name_is_spelled_as_on_the_wire() {
        assert_eq!(spelled(RunOutcome::TimedOut), "timed_out");
        assert_eq!(spelled(WorkerState::Idle), WorkerState::Idle.as_str());
        let kind = ImplementationKind::LOCAL_COMPAT;
        assert_eq!(spelled(kind.clone()), kind.as_str());
    }
}
