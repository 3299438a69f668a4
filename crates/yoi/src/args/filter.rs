//! Names that worker lists can be narrowed by, spelled as the API spells them.

use clap::ValueEnum;
use registry_core::projection::{ImplementationKind, WorkerState};

/// How a runtime is implemented.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum KindFilter {
    Embedded,
    LocalCompat,
}

/// What a worker is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum StateFilter {
    Idle,
    Running,
    Cancelling,
    Stopped,
    Recorded,
}

impl From<KindFilter> for ImplementationKind {
    fn from(kind: KindFilter) -> Self {
        match kind {
            KindFilter::Embedded => Self::EMBEDDED,
            KindFilter::LocalCompat => Self::LOCAL_COMPAT,
        }
    }
}

impl From<StateFilter> for WorkerState {
    fn from(state: StateFilter) -> Self {
        match state {
            StateFilter::Idle => Self::Idle,
            StateFilter::Running => Self::Running,
            StateFilter::Cancelling => Self::Cancelling,
            StateFilter::Stopped => Self::Stopped,
            StateFilter::Recorded => Self::Recorded,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_spelled_as_the_api_spells_it() {
        for kind in KindFilter::value_variants() {
            let typed = kind.to_possible_value().unwrap();
            assert_eq!(typed.get_name(), ImplementationKind::from(*kind).as_str());
        }
        for state in StateFilter::value_variants() {
            let typed = state.to_possible_value().unwrap();
            assert_eq!(typed.get_name(), WorkerState::from(*state).as_str());
        }
    }
}
