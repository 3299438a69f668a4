//! The registry over mocks and over sources in memory: which source is asked, how often, and what
//! becomes of its answer.

mod audit;
mod build;
mod listing;
mod memory;
mod routing;
mod subscription;

use std::sync::Arc;

use super::*;
use crate::id::{WorkerId, WorkerRef};
use crate::mock::MockSource;
use crate::port::{CancelTarget, CreateWorker, EventWait, EventsQuery, Input, TranscriptQuery};
use crate::projection::{CancelResult, RuntimeStatus};
use crate::test_values::descriptor;

use memory::{Health, Memory, Ports};

fn reference(runtime_id: &str, worker_id: &str) -> WorkerRef {
    WorkerRef::new(runtime_id.parse().unwrap(), worker_id.parse().unwrap())
}

fn input(content: &str) -> Input {
    Input {
        content: content.to_owned(),
        idempotency_key: None,
    }
}

fn registry_of(sources: impl IntoIterator<Item = Arc<dyn RuntimeSource>>) -> RuntimeRegistry {
    let builder = sources
        .into_iter()
        .fold(RuntimeRegistry::builder(), |builder, source| {
            builder.register(source).unwrap()
        });
    builder.build()
}

/// A registry with one mocked source.
fn registry_of_mock(source: MockSource) -> RuntimeRegistry {
    registry_of([Arc::new(source) as Arc<dyn RuntimeSource>])
}

/// An executor in paused time, so that a source that hangs costs no time.
fn executor() -> tokio::runtime::Runtime {
    let executor = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    executor.unwrap()
}
