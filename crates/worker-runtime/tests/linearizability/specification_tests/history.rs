//! Histories put together by hand.

use worker_runtime::{RunId, RunOutcome, WorkerId, WorkerState};

use crate::linearizability::checker::{Action, Verdict, check};
use crate::linearizability::engine::Content;
use crate::linearizability::observed::{Cancel, Observed, Page, Receipt, Refusal, Snapshot};
use crate::linearizability::specification::World;

fn id(number: u32) -> String {
    format!("0198c0de-0000-7000-8000-0000{number:08x}")
}

pub(super) fn worker(number: u32) -> WorkerId {
    id(number).parse().unwrap()
}

pub(super) fn run(number: u32) -> RunId {
    id(number).parse().unwrap()
}

/// Calls of two workers, one after the other unless they are said to overlap.
pub(super) struct History(Vec<Action<Observed>>);

impl History {
    /// Workers 1 and 2 exist.
    pub(super) fn new() -> Self {
        let created = |number| Observed::Created {
            key: None,
            named: false,
            answer: Some((worker(number), false)),
        };
        Self(Vec::new()).then(created(1)).then(created(2))
    }

    /// After everything before it.
    pub(super) fn then(self, observed: Observed) -> Self {
        let at = 10 * self.0.len() as u64;
        self.at(at, at + 1, observed)
    }

    /// At the same time as the call before it.
    pub(super) fn meanwhile(self, observed: Observed) -> Self {
        let at = 10 * (self.0.len() as u64 - 1);
        self.at(at, at + 1, observed)
    }

    fn at(mut self, invoked: u64, returned: u64, observed: Observed) -> Self {
        self.0.push(Action {
            client: 0,
            invoked,
            returned,
            follows: None,
            observed,
        });
        self
    }

    fn verdict(&self) -> Verdict {
        check(World::new(1), &self.0)
    }

    pub(super) fn could_be(&self) {
        assert_eq!(self.verdict(), Verdict::Linearizable);
    }

    pub(super) fn could_not_be(&self) {
        assert_eq!(self.verdict(), Verdict::Anomaly);
    }
}

/// Worker 1 was told to linger, or something else.
pub(super) fn sent(content: Content, answer: Result<Receipt, Refusal>) -> Observed {
    Observed::Sent {
        worker: worker(1),
        content,
        key: Some(0),
        answer,
    }
}

pub(super) fn receipt(number: u32, entry: u64, event: u64) -> Receipt {
    Receipt {
        run: run(number),
        entry,
        event,
        replayed: false,
    }
}

/// The same without a key.
pub(super) fn told(content: Content, answer: Result<Receipt, Refusal>) -> Observed {
    Observed::Sent {
        worker: worker(1),
        content,
        key: None,
        answer,
    }
}

pub(super) fn cancel(answer: Cancel) -> Observed {
    Observed::CancelBegan {
        worker: worker(1),
        expected: None,
        answer,
    }
}

pub(super) fn ended(number: u32) -> Observed {
    Observed::Ended {
        worker: worker(1),
        run: run(number),
    }
}

pub(super) fn saw(
    state: WorkerState,
    entries: u64,
    events: u64,
    last: Option<RunOutcome>,
) -> Observed {
    let active = matches!(state, WorkerState::Running | WorkerState::Cancelling);
    Observed::Saw {
        worker: worker(1),
        seen: Snapshot {
            state,
            active: active.then(|| run(1)),
            entries,
            events,
            last: last.map(|outcome| (run(1), outcome)),
        },
    }
}

pub(super) fn page(entries: u64, events: u64, text: Option<&str>) -> Observed {
    Observed::Read {
        worker: worker(1),
        page: Page {
            entries,
            events,
            in_flight: text.map(|text| (run(1), text.to_owned())),
        },
    }
}

/// Worker 1 lingers.
pub(super) fn lingering() -> History {
    History::new().then(sent(Content::Linger, Ok(receipt(1, 1, 2))))
}
