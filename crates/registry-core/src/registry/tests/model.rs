//! The registry over several sources in memory, against models: which source an operation
//! reaches, and which workers a list shows while they come and go.

use super::*;

mod listing;
mod memory;
mod routing;

use memory::{Health, Memory, Ports};

/// An executor in paused time, so that a source that hangs costs no time.
fn executor() -> tokio::runtime::Runtime {
    let executor = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    executor.unwrap()
}

fn of(sources: &[Arc<Memory>]) -> RuntimeRegistry {
    let register = |builder: RegistryBuilder, source: &Arc<Memory>| {
        builder.register(Arc::clone(source) as Arc<dyn RuntimeSource>)
    };
    let builder = sources
        .iter()
        .try_fold(RuntimeRegistry::builder(), register);
    builder.unwrap().build()
}

/// The id of the runtime at this place.
fn runtime_id(place: usize) -> RuntimeId {
    format!("r{place}").parse().unwrap()
}

/// The id of the worker with this number. Runtimes count alike, so ids don't tell them apart.
fn worker_id(number: usize) -> WorkerId {
    format!("w{number}").parse().unwrap()
}
