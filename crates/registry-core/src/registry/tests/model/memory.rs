//! A runtime in memory that can be made to fail, and that notes who was asked for what.

use std::collections::BTreeMap;
use std::sync::Mutex;

use futures_util::stream;

use super::*;
use crate::cursor::Cursor;
use crate::port::{
    CancelTarget, CreateWorker, CreatedWorkerRecord, EventStream, EventsQuery, Input, InputReceipt,
    Replay, TranscriptQuery, WorkerInteraction, WorkerObservation,
};
use crate::projection::{AcceptedInput, CancelAnswer, EventBatch, TranscriptPage};

/// Workers that one filtered call looks at: a source bounds its work.
const SCAN: usize = 3;

/// Which optional ports a source has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ports {
    pub(super) lifecycle: bool,
    pub(super) interaction: bool,
    pub(super) observation: bool,
}

/// How well a source answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Health {
    Sound,
    Failing,
    Hanging,
}

/// A worker: how many inputs it got, and whether it is stopped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Worker {
    pub(super) inputs: u64,
    pub(super) stopped: bool,
}

/// A source, its workers by number, and the calls since they were taken.
pub(super) struct Memory {
    descriptor: RuntimeDescriptor,
    ports: Ports,
    inside: Mutex<Inside>,
}

struct Inside {
    health: Health,
    workers: BTreeMap<usize, Worker>,
    calls: Vec<String>,
}

impl Memory {
    pub(super) fn new(place: usize, kind: ImplementationKind, ports: Ports) -> Arc<Self> {
        let mut descriptor = descriptor(runtime_id(place).as_str());
        descriptor.implementation_kind = kind;
        Arc::new(Self {
            descriptor,
            ports,
            inside: Mutex::new(Inside {
                health: Health::Sound,
                workers: BTreeMap::new(),
                calls: Vec::new(),
            }),
        })
    }

    pub(super) fn set_health(&self, health: Health) {
        self.inside.lock().unwrap().health = health;
    }

    pub(super) fn set_workers(&self, workers: BTreeMap<usize, Worker>) {
        self.inside.lock().unwrap().workers = workers;
    }

    pub(super) fn workers(&self) -> BTreeMap<usize, Worker> {
        self.inside.lock().unwrap().workers.clone()
    }

    pub(super) fn take_calls(&self) -> Vec<String> {
        std::mem::take(&mut self.inside.lock().unwrap().calls)
    }

    /// Notes the call, and answers it if the source is sound.
    async fn answer<T>(
        &self,
        call: &str,
        answer: impl FnOnce(&mut BTreeMap<usize, Worker>) -> Result<T, SourceError>,
    ) -> Result<T, SourceError> {
        let health = {
            let mut inside = self.inside.lock().unwrap();
            inside.calls.push(call.to_owned());
            inside.health
        };
        match health {
            Health::Sound => answer(&mut self.inside.lock().unwrap().workers),
            Health::Failing => Err(SourceError::failed("as told")),
            Health::Hanging => pending().await,
        }
    }

    /// The same about one worker.
    async fn about<T>(
        &self,
        call: &str,
        worker_id: &WorkerId,
        answer: impl FnOnce(&mut Worker) -> Result<T, SourceError>,
    ) -> Result<T, SourceError> {
        self.answer(&format!("{call} {worker_id}"), |workers| {
            let mut numbered = workers.iter_mut();
            let named = numbered.find(|(number, _)| super::worker_id(**number) == *worker_id);
            answer(named.ok_or(SourceError::UnknownWorker)?.1)
        })
        .await
    }

    /// The worker, under a name that tells whose it is.
    fn record(&self, id: &WorkerId, worker: Worker) -> WorkerRecord {
        let name = format!(
            "{id} of {} after {}",
            self.descriptor.runtime_id, worker.inputs
        );
        let state = state(worker);
        WorkerRecord {
            display_name: name.parse().unwrap(),
            ..record(id.as_str(), state)
        }
    }

    fn detail(&self, id: &WorkerId, worker: Worker) -> WorkerDetailRecord {
        WorkerDetailRecord {
            worker: self.record(id, worker),
            conversation: None,
        }
    }

    /// A run's id, which tells whose it is.
    fn run(&self, worker_id: &WorkerId, input: u64) -> crate::id::RunId {
        let text = format!("{worker_id}-{}-{input}", self.descriptor.runtime_id);
        text.parse().unwrap()
    }
}

fn state(worker: Worker) -> WorkerState {
    if worker.stopped {
        WorkerState::Stopped
    } else {
        WorkerState::Idle
    }
}

#[async_trait]
impl RuntimeSource for Memory {
    fn descriptor(&self) -> &RuntimeDescriptor {
        &self.descriptor
    }

    async fn status(&self) -> Result<SourceStatus, SourceError> {
        self.answer("status", |_| Ok(available())).await
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
        self.answer("list", |workers| {
            let mut page = CatalogPage::default();
            let mut ahead = workers.range(..before).rev().peekable();
            let look_at = query.state.map_or(usize::MAX, |_| SCAN);
            let mut last = None;
            for (number, worker) in ahead.by_ref().take(look_at) {
                last = Some(number);
                if query.state.is_none_or(|wanted| wanted == state(*worker)) {
                    page.workers
                        .push(self.record(&super::worker_id(*number), *worker));
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

    async fn get(&self, worker_id: &WorkerId) -> Result<WorkerDetailRecord, SourceError> {
        let found = |worker: &mut Worker| Ok(self.detail(worker_id, *worker));
        self.about("get_worker", worker_id, found).await
    }
}

#[async_trait]
impl WorkerLifecycle for Memory {
    async fn create(&self, _: CreateWorker) -> Result<CreatedWorkerRecord, SourceError> {
        self.answer("create_worker", |workers| {
            let number = workers.last_key_value().map_or(0, |(number, _)| number + 1);
            workers.insert(number, Worker::default());
            Ok(CreatedWorkerRecord {
                worker: self.detail(&super::worker_id(number), Worker::default()),
                replay: Replay::First,
            })
        })
        .await
    }

    async fn stop(&self, worker_id: &WorkerId) -> Result<WorkerDetailRecord, SourceError> {
        self.about("stop_worker", worker_id, |worker| {
            worker.stopped = true;
            Ok(self.detail(worker_id, *worker))
        })
        .await
    }

    async fn cancel(&self, id: &WorkerId, _: CancelTarget) -> Result<CancelAnswer, SourceError> {
        self.about("cancel_run", id, |worker| match worker.inputs {
            0 => Ok(CancelAnswer::NotRunning),
            inputs => Ok(CancelAnswer::Cancelled {
                run_id: self.run(id, inputs),
            }),
        })
        .await
    }
}

#[async_trait]
impl WorkerInteraction for Memory {
    async fn send_input(&self, id: &WorkerId, _: Input) -> Result<InputReceipt, SourceError> {
        self.about("send_input", id, |worker| {
            if worker.stopped {
                return Err(SourceError::WorkerStopped);
            }
            worker.inputs += 1;
            Ok(InputReceipt {
                accepted: AcceptedInput {
                    run_id: self.run(id, worker.inputs),
                    sequence: worker.inputs,
                    cursor: Cursor::new(0, worker.inputs),
                },
                replay: Replay::First,
            })
        })
        .await
    }
}

#[async_trait]
impl WorkerObservation for Memory {
    async fn transcript(
        &self,
        worker_id: &WorkerId,
        _: &TranscriptQuery,
    ) -> Result<TranscriptPage, SourceError> {
        let page = |worker: &mut Worker| {
            Ok(TranscriptPage {
                entries: Vec::new(),
                first_sequence: None,
                last_sequence: None,
                has_earlier: false,
                has_later: false,
                pruned_before: None,
                in_flight: None,
                cursor: Cursor::new(0, worker.inputs),
            })
        };
        self.about("read_transcript", worker_id, page).await
    }

    async fn events(
        &self,
        worker_id: &WorkerId,
        _: &EventsQuery,
    ) -> Result<EventBatch, SourceError> {
        let batch = |worker: &mut Worker| {
            Ok(EventBatch {
                events: Vec::new(),
                next_cursor: Cursor::new(0, worker.inputs),
                caught_up: true,
            })
        };
        self.about("read_events", worker_id, batch).await
    }

    fn subscribe(&self, worker_id: &WorkerId, _: Cursor) -> EventStream {
        let mut inside = self.inside.lock().unwrap();
        inside.calls.push(format!("read_events {worker_id}"));
        Box::pin(stream::empty())
    }
}
