//! Deleting workers that have been stopped for a long time, if the host wants that.

use std::sync::{Arc, Weak};
use std::time::Duration;

use jiff::Timestamp;
use tracing::info;

use super::storage::read_error;
use super::{Inner, Runtime};
use crate::sync;

/// How often to look for such workers.
const INTERVAL: Duration = Duration::from_secs(60 * 60);
/// Workers that are deleted each time at most, so that the store has time for others.
const DELETED_AT_ONCE: usize = 1_000;

/// Deletes the workers that have been stopped for `age`, as long as the runtime lives.
pub(super) async fn delete_stopped(runtime: Weak<Inner>, age: Duration) {
    while let Some(inner) = runtime.upgrade() {
        let runtime = Runtime { inner };
        if runtime.inner.accepting().is_err() {
            return;
        }
        runtime.delete_stopped_for(age).await;
        drop(runtime);
        sync::sleep(INTERVAL).await;
    }
}

impl Runtime {
    async fn delete_stopped_for(&self, age: Duration) {
        let now = self.inner.shared.clock.now();
        let before = now.checked_sub(age).unwrap_or(Timestamp::MIN);
        let reader = Arc::clone(self.inner.expect_storage());
        let old = reader
            .reader()
            .stopped_before(before, DELETED_AT_ONCE)
            .await;
        let Ok(old) = old.map_err(|error| read_error(&error)) else {
            return;
        };
        let mut deleted = 0;
        for id in old {
            // A failure is tried again next time.
            deleted += usize::from(self.delete(id).await.is_ok());
        }
        if deleted > 0 {
            info!(deleted, "deleted workers that were stopped long ago");
        }
    }
}
