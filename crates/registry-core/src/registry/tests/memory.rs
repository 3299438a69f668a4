//! A source in memory that can be made to fail or hang, and that records its calls.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use futures_util::future::pending;

use super::*;
use crate::page::Position;
use crate::port::{
    CatalogPage, CatalogQuery, CreatedWorkerRecord, InputReceipt, SourceStatus, WorkerCatalog,
    WorkerDetailRecord, WorkerInteraction, WorkerLifecycle, WorkerObservation, WorkerRecord,
};
use crate::projection::{EventBatch, RuntimeCounts, TranscriptPage, WorkerState};
use crate::text::DisplayName;

/// Workers that one filtered call looks at: a source bounds its work.
const SCAN: usize = 3;

/// Which optional ports a source has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ports {
    pub(super) lifecycle: bool,
    pub(super) interaction: bool,
    pub(super) observation: bool,
}

impl Ports {
    pub(super) const NONE: Self = Self {
        lifecycle: false,
        interaction: false,
        observation: false,
    };
    pub(super) const ALL: Self = Self {
        lifecycle: true,
        interaction: true,
        observation: true,
    };
}

/// How a source answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Health {
    Sound,
    Failing,
    Hanging,
}

/// Its workers by number, and the state of each.
pub(super) type Workers = BTreeMap<usize, WorkerState>;

pub(super) struct Memory {
    descriptor: RuntimeDescriptor,
    ports: Ports,
    state: Mutex<State>,
}

struct State {
    health: Health,
    workers: Workers,
    calls: Vec<String>,
}

impl Memory {
    pub(super) fn new(descriptor: RuntimeDescriptor, ports: Ports, health: Health) -> Arc<Self> {
        let state = State {
            health,
            workers: Workers::new(),
            calls: Vec::new(),
        };
        Arc::new(Self {
            descriptor,
            ports,
            state: Mutex::new(state),
        })
    }

    /// A sound source with this many idle workers and a catalog alone.
    pub(super) fn with_workers(runtime_id: &str, workers: usize) -> Arc<Self> {
        let source = Self::new(descriptor(runtime_id), Ports::NONE, Health::Sound);
        let idle = (0..workers).map(|number| (number, WorkerState::Idle));
        source.set(idle.collect(), Health::Sound);
        source
    }

    /// A source that never answers.
    pub(super) fn hanging(runtime_id: &str) -> Arc<Self> {
        Self::new(descriptor(runtime_id), Ports::ALL, Health::Hanging)
    }

    pub(super) fn set(&self, workers: Workers, health: Health) {
        let mut state = self.state.lock().unwrap();
        state.workers = workers;
        state.health = health;
    }

    pub(super) fn take_calls(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().calls)
    }

    /// Records the call, and answers it if the source is sound.
    async fn answer<T>(
        &self,
        call: String,
        answer: impl FnOnce(&Workers) -> Result<T, SourceError>,
    ) -> Result<T, SourceError> {
        let health = {
            let mut state = self.state.lock().unwrap();
            state.calls.push(call);
            state.health
        };
        match health {
            Health::Sound => answer(&self.state.lock().unwrap().workers),
            Health::Failing => Err(SourceError::failed("as told")),
            Health::Hanging => pending().await,
        }
    }

    /// The same for an operation on a worker, none of which this source carries out.
    async fn refuse<T>(&self, call: &str, id: &WorkerId) -> Result<T, SourceError> {
        let call = format!("{call} {id}");
        self.answer(call, |_| Err(SourceError::UnknownWorker)).await
    }
}

pub(super) fn record(number: usize, state: WorkerState) -> WorkerRecord {
    let id = format!("w{number}").parse().unwrap();
    WorkerRecord::new(id, "A worker".parse().unwrap(), state)
}

pub(super) fn available() -> SourceStatus {
    SourceStatus {
        status: RuntimeStatus::Available,
        profiles: Vec::new(),
        counts: RuntimeCounts::default(),
        diagnostics: Vec::new(),
    }
}

#[async_trait]
impl RuntimeSource for Memory {
    fn descriptor(&self) -> &RuntimeDescriptor {
        &self.descriptor
    }

    async fn status(&self) -> Result<SourceStatus, SourceError> {
        self.answer("status".to_owned(), |_| Ok(available())).await
    }

    fn catalog(&self) -> &dyn WorkerCatalog {
        self
    }

    fn lifecycle(&self) -> Option<&dyn WorkerLifecycle> {
        self.ports.lifecycle.then_some(self)
    }

    fn interaction(&self) -> Option<&dyn WorkerInteraction> {
        self.ports.interaction.then_some(self)
    }

    fn observation(&self) -> Option<&dyn WorkerObservation> {
        self.ports.observation.then_some(self)
    }
}

#[async_trait]
impl WorkerCatalog for Memory {
    async fn list(&self, query: &CatalogQuery) -> Result<CatalogPage, SourceError> {
        let before = match query.after.as_ref().map(Position::as_str) {
            None => usize::MAX,
            Some(text) => text.parse().map_err(|_| SourceError::InvalidPosition)?,
        };
        self.answer("list_workers".to_owned(), |workers| {
            let mut page = CatalogPage::default();
            let mut ahead = workers.range(..before).rev().peekable();
            let scan = query.state.map_or(usize::MAX, |_| SCAN);
            let mut last = None;
            for (number, state) in ahead.by_ref().take(scan) {
                last = Some(number);
                if query.state.is_none_or(|wanted| wanted == *state) {
                    page.workers.push(record(*number, *state));
                }
                if page.workers.len() == query.limit.get() {
                    break;
                }
            }
            let last = last.filter(|_| ahead.peek().is_some());
            page.next = last.map(|number| number.to_string().parse().unwrap());
            Ok(page)
        })
        .await
    }

    async fn get(&self, id: &WorkerId) -> Result<WorkerDetailRecord, SourceError> {
        self.refuse("get_worker", id).await
    }
}

#[async_trait]
impl WorkerLifecycle for Memory {
    async fn create(&self, _: CreateWorker) -> Result<CreatedWorkerRecord, SourceError> {
        let call = "create_worker".to_owned();
        self.answer(call, |_| Err(SourceError::ShuttingDown)).await
    }

    async fn stop(&self, id: &WorkerId) -> Result<WorkerDetailRecord, SourceError> {
        self.refuse("stop_worker", id).await
    }

    async fn cancel(&self, id: &WorkerId, _: CancelTarget) -> Result<CancelResult, SourceError> {
        self.refuse("cancel_run", id).await
    }

    async fn rename(
        &self,
        id: &WorkerId,
        _: DisplayName,
    ) -> Result<WorkerDetailRecord, SourceError> {
        self.refuse("rename_worker", id).await
    }

    async fn delete(&self, id: &WorkerId) -> Result<(), SourceError> {
        self.refuse("delete_worker", id).await
    }
}

#[async_trait]
impl WorkerInteraction for Memory {
    async fn send_input(&self, id: &WorkerId, _: Input) -> Result<InputReceipt, SourceError> {
        self.refuse("send_input", id).await
    }
}

#[async_trait]
impl WorkerObservation for Memory {
    async fn transcript(
        &self,
        id: &WorkerId,
        _: &TranscriptQuery,
    ) -> Result<TranscriptPage, SourceError> {
        self.refuse("read_transcript", id).await
    }

    async fn events(&self, id: &WorkerId, _: &EventsQuery) -> Result<EventBatch, SourceError> {
        self.refuse("read_events", id).await
    }
}
