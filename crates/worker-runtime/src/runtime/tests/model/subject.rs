//! The runtime under test, with results in the types of the reference.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::Poll;

use jiff::Timestamp;

use super::command::{CommandResult, PROFILES, READERS};
use super::reader::Reader;
use super::scripted_engine::ScriptedEngines;
use super::*;
use crate::WorkerSnapshot;
use crate::error::{CancelError, CreateError, DeleteError, RenameError, StopError};
use crate::reference::{self, WorkerNumber};
use crate::reference::{
    Accepted, Create, Created, Initiated, Millis, Numbering, Profile, RunNumber, Step,
};
use crate::store::scripted_store::ScriptedStore;
use crate::sync;
use crate::{ActiveRun, Cancellation, CreateWorker, Epoch, History, ProfileSet, ShutdownReport};

/// How long the test sleeps to let everything settle. Time is paused, so a timer fires as soon as
/// no task can make progress.
const REST: Duration = Duration::from_millis(1);

/// The id of a worker that was never created, and of a run that was never started.
const UNKNOWN_ID: &str = "0198c0de-0000-7000-8000-ffffffffffff";

mod stored;

pub(super) struct Subject {
    executor: Option<tokio::runtime::Runtime>,
    pub(super) runtime: Runtime,
    reservation_step: usize,
    store: Option<Arc<ScriptedStore>>,
    /// How long everything takes to settle.
    pause: Duration,
    pub(super) numbering: Numbering,
    /// What each creation returned, by the worker's number.
    pub(super) first_answers: Vec<WorkerSnapshot>,
    engines: Arc<ScriptedEngines>,
    clock: Arc<AtomicI64>,
    /// Operations that have not ended yet.
    pending: Vec<Operation>,
    readers: [Option<Reader>; READERS],
}

/// An operation that waits for a run to end.
type Operation = Pin<Box<dyn Future<Output = End>>>;

/// The result of an operation.
#[derive(Debug)]
enum End {
    Cancel(RunNumber, Result<Cancellation, CancelError>),
    Stop(Result<Box<WorkerSnapshot>, StopError>),
    Delete(Result<(), DeleteError>),
    Shutdown(Vec<ActiveRun>, ShutdownReport),
}

impl Subject {
    /// A runtime of the same kind as the model's, without workers.
    pub(super) fn new(model: &reference::Runtime) -> Self {
        let (engines, clock) = (Arc::default(), Arc::default());
        let reservation_step = model.reservation_step;
        let runtime = builder(&engines, &clock, PROFILES).limits(model.limits.clone());
        let runtime = runtime.reservation_step(reservation_step).build();
        let in_memory = Self {
            reservation_step,
            executor: Some(executor()),
            runtime: runtime.unwrap(),
            store: None,
            pause: REST,
            numbering: Numbering::default(),
            first_answers: Vec::new(),
            engines,
            clock,
            pending: Vec::new(),
            readers: [const { None }; READERS],
        };
        if model.has_store() {
            in_memory.with_store()
        } else {
            in_memory
        }
    }

    pub(super) fn set_clock(&self, now: Millis) {
        self.clock.store(now, Ordering::Relaxed);
    }

    /// Shuts the executor down.
    pub(super) fn without_executor(mut self) -> Self {
        self.pending.clear();
        self.executor = None;
        self
    }

    pub(super) fn worker_id(&self, number: WorkerNumber) -> WorkerId {
        let known = self.numbering.workers.get(number).copied();
        known.unwrap_or_else(|| UNKNOWN_ID.parse().unwrap())
    }

    pub(super) fn create(&mut self, request: &Create) -> Result<Created, Refusal> {
        let created = self.finished(self.runtime.create(CreateWorker {
            display_name: request.name.clone(),
            profile: request.profile.clone(),
            model: request.model.clone(),
            idempotency_key: request.key.as_ref().map(|key| key.parse().unwrap()),
        }));
        match created {
            Ok(created) => {
                if !created.replayed {
                    self.numbering.workers.push(created.worker.id);
                    self.first_answers.push(created.worker.clone());
                }
                let worker = self.numbering.worker(created.worker.id);
                let mut first = self.first_answers[worker].clone();
                if first.cursor.epoch() != self.runtime.status().epoch {
                    first.cursor = Cursor::new(Epoch::PAST, 1);
                }
                assert_eq!(created.worker, first);
                Ok(Created {
                    worker,
                    replayed: created.replayed,
                })
            }
            Err(error) => Err(match error {
                CreateError::DisplayName(_) => Refusal::DisplayName,
                CreateError::UnknownProfile => Refusal::UnknownProfile,
                CreateError::UnknownModel => Refusal::UnknownModel,
                CreateError::IdempotencyConflict => Refusal::Conflict,
                CreateError::Stopping(_) => Refusal::Stopping,
                CreateError::Capacity(short) => Refusal::Capacity(short.limit),
                CreateError::Store(error) => Refusal::Store(error.kind),
            }),
        }
    }

    /// What the engine of a run sees of the conversation, if it was started.
    pub(super) fn seen_by_engine(&self, run: RunNumber) -> Option<History> {
        self.engines.seen(self.numbering.runs[run])
    }

    pub(super) fn set_profiles(&self, profiles: &[Profile]) -> CommandResult {
        self.runtime.set_profiles(profile_set(profiles));
        CommandResult::None
    }

    pub(super) fn send(
        &mut self,
        worker: WorkerNumber,
        content: String,
        key: Option<u8>,
    ) -> Result<Accepted, Refusal> {
        let input = Input {
            content,
            idempotency_key: key.map(|key| key.to_string().parse().unwrap()),
        };
        match self.finished(self.runtime.send_input(self.worker_id(worker), input)) {
            Ok(accepted) => {
                if !accepted.replayed {
                    self.numbering.runs.push(accepted.run_id);
                }
                Ok(self.numbering.accepted(&accepted))
            }
            Err(error) => Err(self.numbering.input_refusal(&error)),
        }
    }

    pub(super) fn engine(&mut self, worker: WorkerNumber, step: Step) -> CommandResult {
        if self.store.is_none() {
            self.settle();
        }
        let snapshot = at_once(self.runtime.get(self.worker_id(worker)));
        let started = snapshot
            .ok()
            .filter(|worker| worker.state != WorkerState::Queued);
        if let Some(run) = started.and_then(|worker| worker.active_run) {
            self.engines.send(run, step);
        }
        self.settle()
    }

    pub(super) fn cancel(&mut self, worker: WorkerNumber, run: Option<RunNumber>) -> CommandResult {
        let id = self.worker_id(worker);
        let unknown = UNKNOWN_ID.parse().unwrap();
        let expected = run.map(|run| *self.numbering.runs.get(run).unwrap_or(&unknown));
        let active = self.active_run(worker);
        let runtime = self.runtime.clone();
        let cancel =
            async move { End::Cancel(active.unwrap_or(0), runtime.cancel(id, expected).await) };
        let ended = self.begin(cancel);
        CommandResult::Initiated(match (ended, active) {
            (None, Some(run)) => Ok(Initiated::Ending(run)),
            (Some(End::Cancel(_, Ok(Cancellation::Cancelled { run_id }))), Some(run)) => {
                assert_eq!(self.numbering.run(run_id), run);
                Ok(Initiated::Ending(run))
            }
            (Some(End::Cancel(_, Ok(Cancellation::NotRunning))), None) => Ok(Initiated::Nothing),
            (Some(End::Cancel(_, Err(error))), _) => Err(self.numbering.cancel_refusal(&error)),
            other => panic!("{other:?}"),
        })
    }

    pub(super) fn stop(&mut self, worker: WorkerNumber) -> CommandResult {
        let (id, active) = (self.worker_id(worker), self.active_run(worker));
        let runtime = self.runtime.clone();
        let ended = self.begin(async move { End::Stop(runtime.stop(id).await.map(Box::new)) });
        CommandResult::Initiated(match (ended, active) {
            (None, Some(run)) => Ok(Initiated::Ending(run)),
            (Some(End::Stop(Ok(worker))), active) => {
                assert_eq!(worker.state, WorkerState::Stopped);
                Ok(active.map_or(Initiated::Nothing, Initiated::Ending))
            }
            (Some(End::Stop(Err(error))), _) => Err(match error {
                StopError::UnknownWorker(_) => Refusal::UnknownWorker,
                StopError::StillEnding(_) => Refusal::StillEnding,
                StopError::Capacity(short) => Refusal::Capacity(short.limit),
                StopError::Store(error) => Refusal::Store(error.kind),
            }),
            other => panic!("{other:?}"),
        })
    }

    pub(super) fn rename(&mut self, worker: WorkerNumber, name: &str) -> Result<(), Refusal> {
        match self.finished(self.runtime.rename(self.worker_id(worker), name)) {
            Ok(worker) => {
                assert_eq!(worker.display_name.as_str(), name);
                Ok(())
            }
            Err(error) => Err(match error {
                RenameError::UnknownWorker(_) => Refusal::UnknownWorker,
                RenameError::DisplayName(_) => Refusal::DisplayName,
                RenameError::Capacity(short) => Refusal::Capacity(short.limit),
                RenameError::Store(error) => Refusal::Store(error.kind),
            }),
        }
    }

    pub(super) fn delete(&mut self, worker: WorkerNumber) -> CommandResult {
        let (id, active) = (self.worker_id(worker), self.active_run(worker));
        let runtime = self.runtime.clone();
        let ended = self.begin(async move { End::Delete(runtime.delete(id).await) });
        CommandResult::Initiated(match (ended, active) {
            (None, Some(run)) => Ok(Initiated::Ending(run)),
            (Some(End::Delete(Ok(()))), active) => {
                Ok(active.map_or(Initiated::Nothing, Initiated::Ending))
            }
            (Some(End::Delete(Err(error))), _) => Err(match error {
                DeleteError::UnknownWorker(_) => Refusal::UnknownWorker,
                DeleteError::StillEnding(_) => Refusal::StillEnding,
                DeleteError::Capacity(short) => Refusal::Capacity(short.limit),
                DeleteError::Store(error) => Refusal::Store(error.kind),
            }),
            other => panic!("{other:?}"),
        })
    }

    pub(super) fn shut_down(&mut self) -> CommandResult {
        let newest_first = self.numbering.workers.iter().enumerate().rev();
        let active = newest_first.filter_map(|(number, id)| {
            let run_id = at_once(self.runtime.get(*id)).ok()?.active_run?;
            let worker_id = *id;
            Some((number, ActiveRun { worker_id, run_id }))
        });
        let active: Vec<_> = active.collect();
        // The report lists the oldest worker first.
        let runs = active.iter().rev().map(|(_, run)| *run).collect();
        let runtime = self.runtime.clone();
        let ended = self.begin(async move { End::Shutdown(runs, runtime.shutdown(SECOND).await) });
        let at_once = active.is_empty() || self.store.is_some();
        assert_eq!(ended.is_some(), at_once, "{ended:?}");
        if let Some(ended) = ended {
            self.check_end(ended);
        }
        let numbers = active
            .iter()
            .map(|(number, run)| (*number, self.numbering.run(run.run_id)));
        CommandResult::Ending(numbers.collect())
    }

    /// Lets every task make progress; pending operations must have ended then.
    pub(super) fn settle(&mut self) -> CommandResult {
        self.rest(self.pause);
        for mut operation in std::mem::take(&mut self.pending) {
            let ended = self.poll(&mut operation).expect("it has ended");
            self.check_end(ended);
        }
        CommandResult::None
    }

    /// Checks the result of an operation that ended a run.
    fn check_end(&self, ended: End) {
        match ended {
            End::Cancel(run, result) => {
                let run_id = self.numbering.runs[run];
                assert_eq!(result, Ok(Cancellation::Cancelled { run_id }));
            }
            End::Stop(result) => assert_eq!(result.unwrap().state, WorkerState::Stopped),
            End::Delete(result) => assert_eq!(result, Ok(())),
            End::Shutdown(cancelled, report) => {
                let abandoned = Vec::new();
                let wanted = ShutdownReport {
                    cancelled,
                    abandoned,
                };
                assert_eq!(report, wanted);
            }
        }
    }

    pub(super) fn time_out(&mut self, limits: &Limits) -> CommandResult {
        self.settle();
        self.rest(limits.run_time);
        self.settle()
    }

    pub(super) fn open(
        &mut self,
        reader: usize,
        worker: WorkerNumber,
        model: &reference::Runtime,
    ) -> CommandResult {
        if model.get(worker).is_ok() {
            let reader = &mut self.readers[reader];
            let reader = reader.insert(Reader::open(&self.runtime, &self.numbering, worker));
            reader.check(model);
        }
        CommandResult::None
    }

    pub(super) fn follow(
        &mut self,
        reader: usize,
        limit: Option<usize>,
        model: &reference::Runtime,
    ) -> CommandResult {
        let Some(mut current) = self.readers[reader].take() else {
            return CommandResult::None;
        };
        let read = current.follow(&self.runtime, &self.numbering, limit);
        let continued = self.executor().block_on(read);
        assert_eq!(continued, current.can_continue(model), "an expired cursor");
        if continued {
            current.check(model);
            self.readers[reader] = Some(current);
            return CommandResult::None;
        }
        // The client starts over with a new page.
        self.open(reader, current.worker, model)
    }

    pub(super) fn executor(&self) -> &tokio::runtime::Runtime {
        self.executor.as_ref().expect("it is there until the end")
    }

    /// Lets time pass as soon as no task can make progress.
    fn rest(&self, time: Duration) {
        self.executor().block_on(async { sync::sleep(time).await });
    }

    fn active_run(&self, worker: WorkerNumber) -> Option<RunNumber> {
        let snapshot = at_once(self.runtime.get(self.worker_id(worker))).ok()?;
        Some(self.numbering.run(snapshot.active_run?))
    }

    /// The output of an operation that only waits for the store, if there is one.
    fn finished<T>(&self, operation: impl Future<Output = T>) -> T {
        if self.store.is_none() {
            let _context = self.executor().enter();
            return at_once(operation);
        }
        let settled = sync::sleep(self.pause);
        let both = futures_util::future::join(operation, settled);
        self.executor().block_on(both).0
    }

    /// Starts an operation, and returns its result if it ends at once; with a store, waits for it.
    fn begin(&mut self, operation: impl Future<Output = End> + 'static) -> Option<End> {
        if self.store.is_some() {
            return Some(self.finished(operation));
        }
        let mut operation: Operation = Box::pin(operation);
        let end = self.poll(&mut operation);
        if end.is_none() {
            self.pending.push(operation);
        }
        end
    }

    fn poll(&self, operation: &mut Operation) -> Option<End> {
        let once = std::future::poll_fn(|cx| Poll::Ready(operation.as_mut().poll(cx)));
        match self.executor().block_on(once) {
            Poll::Ready(end) => Some(end),
            Poll::Pending => None,
        }
    }
}

fn executor() -> tokio::runtime::Runtime {
    let mut executor = tokio::runtime::Builder::new_current_thread();
    executor.enable_time().start_paused(true).build().unwrap()
}

fn builder(
    engines: &Arc<ScriptedEngines>,
    clock: &Arc<AtomicI64>,
    profiles: &[Profile],
) -> RuntimeBuilder {
    let engine: Arc<dyn TurnEngine> = Arc::clone(engines) as _;
    let hand = Arc::clone(clock);
    let now = move || Timestamp::from_millisecond(hand.load(Ordering::Relaxed)).unwrap();
    let builder = Runtime::builder().engine(engine).clock(Arc::new(now));
    builder.profiles(profile_set(profiles))
}

/// The profiles as the product reads them, without instructions.
fn profile_set(profiles: &[Profile]) -> ProfileSet {
    let mut profiles = profiles.iter().map(|(id, model)| {
        let model = model.map(|model| format!("model: {model}\n"));
        let text = format!("id: {id}\ndescription: d\n{}", model.unwrap_or_default());
        text.parse().unwrap()
    });
    ProfileSet::new(profiles.next().unwrap(), profiles).unwrap()
}
