//! Facts to be stored, for tests of stores.

use jiff::Timestamp;

use crate::cursor::{Cursor, Epoch};
use crate::fingerprint::Fingerprint;
use crate::id::{IdempotencyKey, RunId, WorkerId};
use crate::profile::ProfileSet;
use crate::run::{LastRun, RunDiagnostics, RunOutcome, UsageTotals};
use crate::store::{AcceptedInput, Change, FinishedRun, StoredState, StoredWorker, Window};
use crate::transcript::{Entry, Role};

/// Everything that there is.
pub const ALL: Window = Window {
    entries: usize::MAX,
    bytes: usize::MAX,
};

/// The id of a new worker.
#[must_use]
pub fn worker_id() -> WorkerId {
    WorkerId::generate()
}

/// A time so many milliseconds after 1970.
#[must_use]
pub fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).expect("a time in range")
}

/// An idempotency key, and the fingerprint of what came under it.
#[must_use]
pub fn keyed(key: &str) -> Option<(IdempotencyKey, Fingerprint)> {
    let key = key.parse().expect("a key");
    Some((key, Fingerprint::new(&[Some("content")])))
}

/// An idle worker without a conversation.
#[must_use]
pub fn worker(id: WorkerId) -> StoredWorker {
    StoredWorker {
        id,
        display_name: "Ada".parse().expect("a name"),
        profile: ProfileSet::builtin().default_profile().clone(),
        model: None,
        state: StoredState::Idle,
        created_at: at(1_000),
        last_activity_at: at(1_000),
        create_key: None,
        last_sequence: 0,
        usage: UsageTotals::default(),
        last_run: None,
        diagnostics: RunDiagnostics::default(),
    }
}

/// An input with this number.
#[must_use]
pub fn input(worker_id: WorkerId, sequence: u64) -> AcceptedInput {
    AcceptedInput {
        worker_id,
        entry: Entry {
            sequence,
            at: at(1_000 + sequence.cast_signed()),
            role: Role::User,
            run_id: RunId::generate(),
            content: format!("input {sequence}").into(),
            partial: false,
            unanswered: false,
            reasoning: None,
            diagnostics: RunDiagnostics::default(),
        },
        cursor: Cursor::new(Epoch::new(u64::MAX - 7), sequence),
        key: None,
    }
}

/// The end of the run of `input`, without a reply.
#[must_use]
pub fn ended(input: &AcceptedInput) -> FinishedRun {
    FinishedRun {
        worker_id: input.worker_id,
        run: LastRun {
            run_id: input.entry.run_id,
            outcome: RunOutcome::Cancelled,
            error: None,
            finished_at: at(input.entry.at.as_millisecond() + 1),
        },
        usage: None,
        usage_totals: UsageTotals::default(),
        diagnostics: RunDiagnostics::default(),
        reply: None,
        state: StoredState::Idle,
    }
}

/// The end of the run of `input` with a reply.
#[must_use]
pub fn replied(input: &AcceptedInput, content: &str) -> FinishedRun {
    let mut finished = ended(input);
    finished.run.outcome = RunOutcome::Completed;
    finished.reply = Some(Entry {
        sequence: input.entry.sequence + 1,
        at: finished.run.finished_at,
        role: Role::Assistant,
        content: content.into(),
        ..input.entry.clone()
    });
    finished
}

/// The change that creates a worker.
#[must_use]
pub fn create(worker: StoredWorker) -> Change {
    Change::Create(Box::new(worker))
}

/// The change that accepts an input.
#[must_use]
pub fn accept(input: AcceptedInput) -> Change {
    Change::Accept(Box::new(input))
}

/// The change that ends a run.
#[must_use]
pub fn finish(run: FinishedRun) -> Change {
    Change::Finish(Box::new(run))
}

/// The change by which the reply to an input grows.
#[must_use]
pub fn draft(input: &AcceptedInput, text: &str) -> Change {
    Change::Draft {
        worker_id: input.worker_id,
        run_id: input.entry.run_id,
        text: text.into(),
    }
}
