//! The embedded source keeps the contract of every port.

use std::sync::Arc;
use std::time::Duration;

use adapter_embedded::EmbeddedSource;
use async_trait::async_trait;
use registry_core::conformance::Subject;
use registry_core::port::RuntimeSource;
use worker_runtime::{CreateWorker, Limits, OfflineEngine, Runtime};

/// A word of the offline engine's reply takes this long, so 200 words take 1 s or more.
const PACE: Duration = Duration::from_millis(5);
/// Longer than a busy machine takes to cancel a run.
const PATIENCE: Duration = Duration::from_secs(60);

struct Embedded;

#[async_trait]
impl Subject for Embedded {
    async fn source(&self, workers: usize) -> Arc<dyn RuntimeSource> {
        let engine = Arc::new(OfflineEngine::new(PACE));
        let runtime = Runtime::builder()
            .engine(engine)
            .limits(Limits {
                cancel_wait: PATIENCE,
                ..Limits::default()
            })
            .build()
            .expect("default limits work");
        for _ in 0..workers {
            runtime
                .create(CreateWorker::default())
                .await
                .expect("there is capacity for a few workers");
        }
        Arc::new(EmbeddedSource::new(runtime))
    }
}

registry_core::conformance_suite!(Embedded);
