//! The values of `workers --kind` and `--state`, spelled as in the API.

use clap::ValueEnum;
use serde::Serialize;

/// How a runtime is implemented.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[value(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub(crate) enum KindFilter {
    Embedded,
    LocalCompat,
}

/// What a worker is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[value(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub(crate) enum StateFilter {
    Idle,
    Queued,
    Running,
    Cancelling,
    Stopped,
    Recorded,
}

#[cfg(test)]
mod tests {
    use registry_core::projection::{ImplementationKind, WorkerState};
    use serde::de::DeserializeOwned;

    use super::*;
    use crate::api_name::api_name;

    /// What is typed, what is sent, and what the API parses are the same text.
    fn round_trips<F: ValueEnum + Serialize, T: Serialize + DeserializeOwned>() {
        for filter in F::value_variants() {
            let sent = serde_json::to_value(filter).unwrap();
            let value: T = serde_json::from_value(sent.clone()).unwrap();
            assert_eq!(filter.to_possible_value().unwrap().get_name(), sent);
            assert_eq!(api_name(value), sent);
        }
    }

    #[test]
    fn a_filter_is_spelled_as_the_api_spells_it() {
        round_trips::<KindFilter, ImplementationKind>();
        round_trips::<StateFilter, WorkerState>();
    }
}
