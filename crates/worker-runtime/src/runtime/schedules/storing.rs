//! Every pair of operations on a worker, with a store that refuses, delays or holds up one of
//! their commits: nothing is lost, done twice or seen before it is stored.

use std::sync::Mutex;

use super::*;
use crate::command::{Accepted, CreateWorker, Input};
use crate::error::{InputError, StoreUnavailable};
use crate::store::scripted_store::{Fault, Operation as StoreOperation, When};
use crate::store::{StoreErrorKind, WorkerStore};
use crate::{CancelError, CreateError, DeleteError, RenameError, StopError};

/// Commits of a scenario that may be disturbed: the longest pair has six.
const COMMITS: usize = 6;
/// Schedules of each pair and fault, as a share of those of a scenario: there are hundreds of them.
const SHARE: usize = 100;

/// What a task does to the worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Input,
    /// An input under a key that both tasks use.
    KeyedInput,
    Cancel,
    Stop,
    Rename,
    Delete,
    /// A worker is created under a key that both tasks use.
    Create,
    Read,
    Shutdown,
}

const OPERATIONS: [Operation; 9] = [
    Operation::Input,
    Operation::KeyedInput,
    Operation::Cancel,
    Operation::Stop,
    Operation::Rename,
    Operation::Delete,
    Operation::Create,
    Operation::Read,
    Operation::Shutdown,
];

/// What the tasks were answered.
#[derive(Default)]
struct Answers {
    accepted: Mutex<Vec<Accepted>>,
    created: Mutex<Vec<WorkerId>>,
    renamed: Mutex<Vec<String>>,
    refused: Mutex<Vec<String>>,
    stopped: Mutex<bool>,
    deleted: Mutex<bool>,
}

fn push<T>(list: &Mutex<Vec<T>>, value: T) {
    list.lock().expect("unpoisoned").push(value);
}

/// A store that is out of order is the only reason to refuse something here, besides what the
/// other task does.
fn only_unavailable(error: StoreUnavailable) {
    assert_eq!(error.kind, StoreErrorKind::Full);
}

impl Operation {
    async fn perform(self, fixture: &Fixture, worker: WorkerId, name: &str, answers: &Answers) {
        let runtime = &fixture.runtime;
        match self {
            Self::Input | Self::KeyedInput => {
                let keyed = self == Self::KeyedInput;
                let input = Input {
                    content: if keyed {
                        "keyed".into()
                    } else {
                        format!("{name} a")
                    },
                    idempotency_key: keyed.then(|| "input".parse().expect("it is one")),
                };
                match runtime.send_input(worker, input.clone()).await {
                    Ok(accepted) => push(&answers.accepted, accepted),
                    Err(InputError::Store(error)) => {
                        only_unavailable(error);
                        if !keyed {
                            push(&answers.refused, input.content);
                        }
                    }
                    Err(
                        InputError::Busy { .. }
                        | InputError::WorkerStopped { .. }
                        | InputError::UnknownWorker(_)
                        | InputError::Stopping(_),
                    ) => {}
                    Err(error) => panic!("{error}"),
                }
            }
            Self::Cancel => match runtime.cancel(worker, None).await {
                Ok(_) | Err(CancelError::UnknownWorker(_)) => {}
                Err(error) => panic!("{error}"),
            },
            Self::Stop => match runtime.stop(worker).await {
                Ok(_) => *answers.stopped.lock().expect("unpoisoned") = true,
                Err(StopError::Store(error)) => only_unavailable(error),
                Err(StopError::UnknownWorker(_)) => {}
                Err(error) => panic!("{error}"),
            },
            Self::Rename => match runtime.rename(worker, name).await {
                Ok(renamed) => push(&answers.renamed, renamed.display_name.to_string()),
                Err(RenameError::Store(error)) => only_unavailable(error),
                Err(RenameError::UnknownWorker(_)) => {}
                Err(error) => panic!("{error}"),
            },
            Self::Delete => match runtime.delete(worker).await {
                Ok(()) => *answers.deleted.lock().expect("unpoisoned") = true,
                Err(DeleteError::Store(error)) => only_unavailable(error),
                Err(DeleteError::UnknownWorker(_)) => {}
                Err(error) => panic!("{error}"),
            },
            Self::Create => {
                let request = CreateWorker {
                    idempotency_key: Some("create".parse().expect("it is one")),
                    ..CreateWorker::default()
                };
                match runtime.create(request).await {
                    Ok(created) => push(&answers.created, created.worker.id),
                    Err(CreateError::Store(error)) => only_unavailable(error),
                    Err(CreateError::Stopping(_)) => {}
                    Err(error) => panic!("{error}"),
                }
            }
            Self::Read => {
                if runtime.get(worker).await.is_ok() {
                    fixture.read(worker).await;
                }
            }
            Self::Shutdown => drop(runtime.shutdown(NEVER).await),
        }
    }
}

/// What goes wrong with one commit.
#[derive(Debug, Clone, Copy)]
enum Trouble {
    Refused,
    Delayed,
    /// Until a third task lets it go on.
    HeldUp,
}

impl Trouble {
    fn fault(self) -> Fault {
        match self {
            Self::Refused => Fault::Fail(StoreErrorKind::Full),
            Self::Delayed => Fault::Yield(3),
            Self::HeldUp => Fault::Hang,
        }
    }
}

#[test]
fn every_pair_of_operations_with_a_commit_in_trouble() {
    for (index, one) in OPERATIONS.into_iter().enumerate() {
        for two in OPERATIONS.into_iter().skip(index) {
            for trouble in [Trouble::Refused, Trouble::Delayed, Trouble::HeldUp] {
                for number in 1..=COMMITS {
                    let pair = move |fixture| pair(fixture, one, two, trouble, number);
                    run_schedules(SHARE, Persistence::Store, timeless(), boxed(pair));
                }
            }
        }
    }
}

/// Two tasks do one thing each, and the commit with this number gets into trouble.
async fn pair(fixture: Fixture, one: Operation, two: Operation, trouble: Trouble, number: usize) {
    let worker = fixture.worker().await;
    let store = Arc::clone(&fixture.store);
    store.disturb(StoreOperation::Commit, When::Nth(number), trouble.fault());
    let answers = Arc::new(Answers::default());
    let task = |operation: Operation, name: &'static str| {
        let (fixture, answers) = (fixture.clone(), Arc::clone(&answers));
        async move { operation.perform(&fixture, worker, name, &answers).await }
    };
    if let Trouble::HeldUp = trouble {
        let store = Arc::clone(&store);
        drop(shuttle::future::spawn(async move {
            store.hanging(1).await;
            store.release();
        }));
    }
    both(task(one, "one"), task(two, "two")).await;

    fixture.runtime.shutdown(NEVER).await;
    fixture.check_answers(worker, &answers).await;
    fixture.check().await;
}

impl Fixture {
    /// Reads everything about a worker that may be deleted at any moment.
    async fn read(&self, worker: WorkerId) {
        let page = self.runtime.transcript(worker, Default::default()).await;
        if let Ok(page) = page {
            self.assert_entries_are_stored(worker, &page.entries);
        }
    }

    /// Holds what the tasks were answered against what there is.
    async fn check_answers(&self, worker: WorkerId, answers: &Answers) {
        let list = |answers: &Mutex<Vec<String>>| answers.lock().expect("unpoisoned").clone();
        let created = answers.created.lock().expect("unpoisoned").clone();
        for id in &created {
            assert_eq!(*id, created[0], "one key makes one worker");
            self.snapshot(*id).await;
        }
        let found = self.runtime.get(worker).await;
        if *answers.deleted.lock().expect("unpoisoned") {
            assert!(found.is_err(), "it was deleted");
            return;
        }
        let Ok(found) = found else {
            // Only a deletion takes a worker away, and its answer may have been a refusal of the
            // second attempt.
            panic!("the worker is gone");
        };
        if *answers.stopped.lock().expect("unpoisoned") {
            assert_eq!(found.state, WorkerState::Stopped);
        }
        let renamed = list(&answers.renamed);
        let name = found.display_name.to_string();
        assert!(
            renamed.is_empty() || renamed.contains(&name),
            "{name} of {renamed:?}"
        );
        let entries = self.page(worker).await.entries;
        for accepted in &*answers.accepted.lock().expect("unpoisoned") {
            let of_run = entries
                .iter()
                .filter(|entry| entry.run_id == accepted.run_id);
            let inputs = of_run.filter(|entry| entry.role == crate::Role::User);
            assert!(inputs.map(|entry| entry.sequence).eq([accepted.sequence]));
        }
        for content in list(&answers.refused) {
            assert!(
                entries.iter().all(|entry| *entry.content != *content),
                "{content}"
            );
        }
    }
}

#[test]
fn two_who_need_a_worker_that_is_not_in_memory() {
    let limits = Limits {
        workers: 2,
        ..timeless()
    };
    explore_with(Persistence::Store, limits, |fixture| async move {
        let mut workers = Vec::new();
        for _ in 0..3 {
            workers.push(fixture.worker().await);
        }
        let send = |worker: WorkerId, words: &'static str| {
            let fixture = fixture.clone();
            async move { fixture.runtime.send_input(worker, Input::new(words)).await }
        };
        // At most one of these is in memory, and the three don't fit together.
        let (first, second) = both(send(workers[0], "a"), send(workers[1], "b")).await;
        let third = send(workers[2], "c").await;
        fixture.runtime.shutdown(NEVER).await;
        for (worker, sent) in workers.iter().zip([first, second, third]) {
            let page = fixture.page(*worker).await;
            match sent {
                Ok(accepted) => assert_eq!(page.entries[0].run_id, accepted.run_id),
                Err(InputError::Capacity(_)) => assert!(page.entries.is_empty()),
                Err(error) => panic!("{error}"),
            }
        }
        let status = fixture.runtime.status();
        assert!(status.resident_workers <= 2, "{status:?}");
        assert_eq!(status.workers.total(), 3);
    });
}

#[test]
fn two_who_load_a_worker_with_a_run_that_was_cut_off() {
    explore_with(Persistence::Store, timeless(), |before| async move {
        let worker = before.worker().await;
        before.store_unfinished_run(worker, &[]).await;
        // The end of the run is refused at the start, so that whoever comes first has to store it.
        let refusal = Fault::Fail(StoreErrorKind::Full);
        before
            .store
            .disturb(StoreOperation::Commit, When::Nth(1), refusal);
        let after = before.reopened().await;
        let rename = |name: &'static str| {
            let after = after.clone();
            async move { after.rename(worker, name).await }
        };
        let (one, two) = both(rename("one"), rename("two")).await;
        let (one, two) = (one.expect("it is stored"), two.expect("it is stored"));
        assert_eq!(one.last_run, two.last_run);
        assert_eq!(
            one.last_run.map(|run| run.outcome),
            Some(crate::RunOutcome::Failed)
        );
        let index = before.store.index().await.expect("it can be read");
        assert!(index.workers.iter().all(|worker| !worker.has_active_run));
    });
}
