//! The clients: they call the runtime at the same time, and write down what they saw.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::runtime::Handle;
use worker_runtime::{
    CancelError, Cancellation, CreateError, CreateWorker, Input, InputError, LimitName, Limits,
    ListQuery, RunId, Runtime, TranscriptQuery, WorkerId, WorkerState,
};

use super::checker::Action;
use super::engine::{Content, Obedient};
use super::observed::{Cancel, Observed, Refusal};
use super::plan::{Call, ListFilter, Plan};

/// Runs at once: fewer than there are workers, so that the bound is met.
pub(crate) const CONCURRENT_RUNS: usize = 2;
/// Workers that are there from the beginning.
const WORKERS: usize = 2;

/// A runtime and those who use it.
pub(crate) struct Stage {
    runtime: Runtime,
    /// Counts the moments at which something was called or returned.
    moments: AtomicU64,
    /// The workers that clients know of.
    known: Mutex<Vec<WorkerId>>,
    /// Clients that are ready to begin.
    ready: AtomicUsize,
}

struct Client {
    stage: Arc<Stage>,
    number: usize,
    /// The run that it started last.
    own: Option<RunId>,
    seen: Vec<Action<Observed>>,
}

impl Stage {
    pub(crate) fn new() -> Arc<Self> {
        let runtime = Runtime::builder().engine(Arc::new(Obedient));
        Arc::new(Self {
            runtime: runtime.limits(Self::limits()).build().unwrap(),
            moments: AtomicU64::new(0),
            known: Mutex::default(),
            ready: AtomicUsize::new(0),
        })
    }

    fn limits() -> Limits {
        Limits {
            concurrent_runs: CONCURRENT_RUNS,
            ..Limits::default()
        }
    }

    /// Lets all clients do what they plan to, and gathers what they saw.
    pub(crate) async fn play(self: Arc<Self>, plan: Plan) -> Vec<Action<Observed>> {
        let create = Call::Create {
            key: None,
            named: false,
        };
        let opening = self.client(plan.0.len()).follow(vec![create; WORKERS]);
        let mut history = opening.await;

        let everybody = plan.0.len();
        let clients = plan.0.into_iter().enumerate().map(|(number, calls)| {
            let client = self.client(number);
            let executor = Handle::current();
            // A thread each, so that the machine lets them meet within a call, too.
            tokio::task::spawn_blocking(move || {
                client.stage.ready.fetch_add(1, Ordering::SeqCst);
                // All at once: who is woken from a wait comes after the one who wakes.
                while client.stage.ready.load(Ordering::SeqCst) < everybody {
                    std::thread::yield_now();
                }
                executor.block_on(client.follow(calls))
            })
        });
        let clients: Vec<_> = clients.collect();
        for client in clients {
            let before = history.len();
            history.extend(client.await.unwrap().into_iter().map(|mut action| {
                action.follows = action.follows.map(|at| at + before);
                action
            }));
        }
        history
    }

    fn client(self: &Arc<Self>, number: usize) -> Client {
        Client {
            stage: Arc::clone(self),
            number,
            own: None,
            seen: Vec::new(),
        }
    }

    fn moment(&self) -> u64 {
        self.moments.fetch_add(1, Ordering::SeqCst)
    }

    fn worker(&self, place: usize) -> WorkerId {
        let known = self.known.lock().unwrap();
        known[place % known.len()]
    }
}

impl Client {
    async fn follow(mut self, calls: Vec<Call>) -> Vec<Action<Observed>> {
        for call in calls {
            let invoked = self.stage.moment();
            let steps = self.call(call, invoked).await;
            let returned = self.stage.moment();
            for (step, observed) in steps.into_iter().enumerate() {
                self.seen.push(Action {
                    client: self.number,
                    invoked,
                    returned,
                    follows: (step > 0).then(|| self.seen.len() - 1),
                    observed,
                });
            }
        }
        self.seen
    }

    /// Calls the runtime, and returns the steps in which that took effect.
    async fn call(&mut self, call: Call, invoked: u64) -> Vec<Observed> {
        let stage = Arc::clone(&self.stage);
        match call {
            Call::Create { key, named } => self.create(key, named),
            Call::Send {
                worker,
                content,
                key,
            } => vec![self.send(stage.worker(worker), content, key)],
            Call::Cancel { worker, own } => {
                let expected = self.own.filter(|_| own);
                self.cancel(stage.worker(worker), expected).await
            }
            Call::Stop { worker } => {
                let worker = stage.worker(worker);
                let stopped = stage.runtime.stop(worker).await.unwrap();
                assert_eq!(stopped.state, WorkerState::Stopped);
                let seen = stopped.into();
                vec![
                    Observed::StopBegan { worker },
                    Observed::Saw { worker, seen },
                ]
            }
            Call::List { after, filter } => {
                let after = after.map(|place| stage.worker(place));
                self.list(invoked, after, filter)
            }
            Call::Get { worker } => {
                let worker = stage.worker(worker);
                let seen = stage.runtime.get(worker).unwrap().into();
                vec![Observed::Saw { worker, seen }]
            }
            Call::Read { worker } => {
                let worker = stage.worker(worker);
                let page = stage.runtime.transcript(worker, TranscriptQuery::default());
                let page = page.unwrap().into();
                vec![Observed::Read { worker, page }]
            }
        }
    }

    fn create(&self, key: Option<u8>, named: bool) -> Vec<Observed> {
        let created = self.stage.runtime.create(CreateWorker {
            display_name: named.then(|| "Ada".to_owned()),
            profile: None,
            idempotency_key: key.map(|key| key.to_string().parse().unwrap()),
        });
        let (answer, shown) = match created {
            Ok(created) => {
                let worker = created.worker.id;
                let mut known = self.stage.known.lock().unwrap();
                if !known.contains(&worker) {
                    known.push(worker);
                }
                let seen = created.worker.into();
                let shown = Observed::Saw { worker, seen };
                (Some((worker, created.replayed)), Some(shown))
            }
            Err(CreateError::IdempotencyConflict) => (None, None),
            Err(error) => panic!("{error}"),
        };
        let created = Observed::Created { key, named, answer };
        [created].into_iter().chain(shown).collect()
    }

    fn send(&mut self, worker: WorkerId, content: Content, key: Option<u8>) -> Observed {
        let input = Input {
            content: content.text().to_owned(),
            idempotency_key: key.map(|key| key.to_string().parse().unwrap()),
        };
        let answer = match self.stage.runtime.send_input(worker, input) {
            Ok(accepted) => {
                self.own = Some(accepted.run_id);
                Ok(accepted.into())
            }
            Err(InputError::IdempotencyConflict { .. }) => Err(Refusal::Conflict),
            Err(InputError::WorkerStopped { .. }) => Err(Refusal::Stopped),
            Err(InputError::Busy { run_id, .. }) => Err(Refusal::Busy(run_id)),
            Err(InputError::Capacity(short)) => {
                assert_eq!(short.limit, LimitName::ConcurrentRuns);
                Err(Refusal::TooManyRuns)
            }
            Err(error) => panic!("{error}"),
        };
        Observed::Sent {
            worker,
            content,
            key,
            answer,
        }
    }

    async fn cancel(&self, worker: WorkerId, expected: Option<RunId>) -> Vec<Observed> {
        let answer = match self.stage.runtime.cancel(worker, expected).await {
            Ok(Cancellation::Cancelled { run_id }) => Cancel::Run(run_id),
            Ok(Cancellation::NotRunning) => Cancel::Nothing,
            Err(CancelError::RunMismatch { active, .. }) => Cancel::OtherRun(active),
            Err(error) => panic!("{error}"),
        };
        let began = Observed::CancelBegan {
            worker,
            expected,
            answer,
        };
        let ended = match answer {
            Cancel::Run(run) => Some(Observed::Ended { worker, run }),
            Cancel::Nothing | Cancel::OtherRun(_) => None,
        };
        [began].into_iter().chain(ended).collect()
    }

    fn list(&self, list: u64, after: Option<WorkerId>, filter: ListFilter) -> Vec<Observed> {
        let query = match filter {
            ListFilter::Newest(limit) => ListQuery {
                after,
                limit: Some(limit),
                state: None,
            },
            ListFilter::In(state) => ListQuery {
                after,
                limit: None,
                state: Some(state),
            },
        };
        let page = self.stage.runtime.list(query);
        let began = Observed::ListBegan {
            list,
            after,
            filter,
            more: page.next.is_some(),
        };
        let shown = page.workers.into_iter().map(|worker| Observed::ListSaw {
            list,
            worker: worker.id,
            seen: worker.into(),
        });
        let ended = [Observed::ListEnded { list }];
        [began].into_iter().chain(shown).chain(ended).collect()
    }
}
