//! Records of workers that can't be read: said in the log at the start, and in the status.

use std::fmt::Write as _;

use async_trait::async_trait;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber, span};

use super::*;
use crate::store::{
    Index, StoreError, StoredConversation, StoredPage, StoredWorker, Window, WorkerStore,
};
use crate::transcript::TranscriptPosition;

/// A store of nothing but so many workers that can't be read.
struct Unreadable(usize);

const UNUSED: &str = "no worker of it is known";

#[async_trait]
impl WorkerStore for Unreadable {
    async fn index(&self) -> Result<Index, StoreError> {
        Ok(Index {
            workers: Vec::new(),
            unreadable: self.0,
        })
    }

    async fn commit(&self, _: Vec<Change>) -> Result<(), StoreError> {
        unreachable!("{UNUSED}")
    }

    async fn workers(&self, _: &[WorkerId]) -> Result<Vec<StoredWorker>, StoreError> {
        unreachable!("{UNUSED}")
    }

    async fn load(
        &self,
        _: WorkerId,
        _: Window,
        _: usize,
    ) -> Result<Option<StoredConversation>, StoreError> {
        unreachable!("{UNUSED}")
    }

    async fn transcript(
        &self,
        _: WorkerId,
        _: TranscriptPosition,
        _: Window,
    ) -> Result<Option<StoredPage>, StoreError> {
        unreachable!("{UNUSED}")
    }

    async fn stopped_before(
        &self,
        _: jiff::Timestamp,
        _: usize,
    ) -> Result<Vec<WorkerId>, StoreError> {
        unreachable!("{UNUSED}")
    }
}

/// The warnings of one thread, each with its fields in one line.
#[derive(Clone, Default)]
struct Warnings(Arc<std::sync::Mutex<Vec<String>>>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let _ = write!(self.0, "{field}={value:?} ");
    }
}

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::WARN
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

#[tokio::test]
async fn the_log_and_the_status_say_how_many_workers_can_not_be_read() {
    for (unreadable, expected) in [
        (0, vec![]),
        (
            3,
            vec!["message=workers in the store can't be read, and are not shown unreadable=3 "],
        ),
    ] {
        let warnings = Warnings::default();
        let guard = tracing::subscriber::set_default(warnings.clone());
        let store = Arc::new(Unreadable(unreadable));
        let runtime = Runtime::builder().open(store).await.unwrap();
        drop(guard);
        assert_eq!(*warnings.0.lock().unwrap(), expected);
        let status = runtime.status().store.unwrap();
        assert_eq!(
            (status.unreadable_workers, status.failure),
            (unreadable, None)
        );
    }
}
