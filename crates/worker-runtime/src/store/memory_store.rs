//! A store in memory: what a store has to do, in its plainest form. For tests; it keeps nothing
//! over the end of the process.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use super::{
    AcceptedInput, Change, FinishedRun, Index, IndexedWorker, KeyedInput, StoreError,
    StoreErrorKind, StoredConversation, StoredPage, StoredState, StoredWorker, UnfinishedRun,
    Window, WorkerStore,
};
use crate::command::Accepted;
use crate::id::{IdempotencyKey, RunId, WorkerId};
use crate::sync::Mutex;
use crate::transcript::{Entry, TranscriptPosition};

/// A [`WorkerStore`] in memory.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<Records>);

type Records = BTreeMap<WorkerId, Arc<Record>>;

/// Everything about one worker.
#[derive(Debug, Clone)]
struct Record {
    worker: StoredWorker,
    entries: Vec<Entry>,
    inputs: Vec<KeyedInput>,
    active_run: Option<ActiveRun>,
}

#[derive(Debug, Clone)]
struct ActiveRun {
    run_id: RunId,
    text: String,
}

impl MemoryStore {
    /// A store without workers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn read<T>(&self, id: WorkerId, read: impl FnOnce(&Record) -> T) -> Option<T> {
        let record = self.0.with(|records| records.get(&id).cloned());
        record.map(|record| read(&record))
    }
}

#[async_trait]
impl WorkerStore for MemoryStore {
    async fn commit(&self, changes: Vec<Change>) -> Result<(), StoreError> {
        self.0.with(|records| {
            // Only the map is copied: a record is shared until it changes.
            let mut next = records.clone();
            for change in changes {
                apply(&mut next, change).ok_or_else(|| StoreError::new(StoreErrorKind::Failed))?;
            }
            *records = next;
            Ok(())
        })
    }

    async fn index(&self) -> Result<Index, StoreError> {
        let records = self.0.with(|records| records.clone());
        let workers = records.values().map(|record| IndexedWorker {
            id: record.worker.id,
            state: record.worker.state,
            has_active_run: record.active_run.is_some(),
            create_key: record
                .worker
                .create_key
                .as_ref()
                .map(|(key, _)| key.clone()),
        });
        Ok(Index {
            workers: workers.collect(),
            unreadable: 0,
        })
    }

    async fn workers(&self, ids: &[WorkerId]) -> Result<Vec<StoredWorker>, StoreError> {
        let worker = |id: &WorkerId| self.read(*id, |record| record.worker.clone());
        Ok(ids.iter().filter_map(worker).collect())
    }

    async fn load(
        &self,
        id: WorkerId,
        window: Window,
        input_keys: usize,
    ) -> Result<Option<StoredConversation>, StoreError> {
        Ok(self.read(id, |record| StoredConversation {
            worker: record.worker.clone(),
            entries: slice(&record.entries, TranscriptPosition::Newest, window),
            inputs: record.inputs[record.inputs.len().saturating_sub(input_keys)..].to_vec(),
            active_run: record.active_run.as_ref().map(|run| UnfinishedRun {
                run_id: run.run_id,
                text: run.text.as_str().into(),
            }),
        }))
    }

    async fn transcript(
        &self,
        id: WorkerId,
        position: TranscriptPosition,
        window: Window,
    ) -> Result<Option<StoredPage>, StoreError> {
        Ok(self.read(id, |record| StoredPage {
            entries: slice(&record.entries, position, window),
            last_sequence: record.worker.last_sequence,
        }))
    }

    async fn stopped_before(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<WorkerId>, StoreError> {
        let records = self.0.with(|records| records.clone());
        let workers = records.values().map(|record| &record.worker);
        let old = workers.filter(|worker| {
            worker.state == StoredState::Stopped && worker.last_activity_at < before
        });
        Ok(old.map(|worker| worker.id).take(limit).collect())
    }
}

/// Makes a change, unless it doesn't fit what is stored.
fn apply(records: &mut Records, change: Change) -> Option<()> {
    match change {
        Change::Create(worker) => create(records, *worker),
        Change::Accept(input) => accept(existing(records, input.worker_id)?, *input),
        Change::Draft {
            worker_id,
            run_id,
            text,
        } => {
            let run = existing(records, worker_id)?.active_run.as_mut()?;
            (run.run_id == run_id).then(|| run.text.push_str(&text))
        }
        Change::Finish(run) => finish(existing(records, run.worker_id)?, *run),
        Change::Stop { worker_id, at } => {
            let record = existing(records, worker_id)?;
            if record.active_run.is_some() {
                return None;
            }
            record.worker.state = StoredState::Stopped;
            record.worker.last_activity_at = at;
            Some(())
        }
        Change::Rename {
            worker_id,
            display_name,
        } => {
            existing(records, worker_id)?.worker.display_name = display_name;
            Some(())
        }
        Change::Delete { worker_id } => records.remove(&worker_id).map(drop),
    }
}

fn existing(records: &mut Records, id: WorkerId) -> Option<&mut Record> {
    records.get_mut(&id).map(Arc::make_mut)
}

fn create(records: &mut Records, worker: StoredWorker) -> Option<()> {
    let key_of = |worker: &StoredWorker| -> Option<IdempotencyKey> {
        worker.create_key.as_ref().map(|(key, _)| key.clone())
    };
    let key = key_of(&worker);
    let is_taken = |record: &Arc<Record>| key.is_some() && key_of(&record.worker) == key;
    if records.contains_key(&worker.id) || records.values().any(is_taken) {
        return None;
    }
    let record = Record {
        worker,
        entries: Vec::new(),
        inputs: Vec::new(),
        active_run: None,
    };
    records.insert(record.worker.id, Arc::new(record));
    Some(())
}

fn accept(record: &mut Record, input: AcceptedInput) -> Option<()> {
    let AcceptedInput {
        worker_id: _,
        entry,
        cursor,
        key,
    } = input;
    if record.active_run.is_some() || record.worker.state != StoredState::Idle {
        return None;
    }
    record.active_run = Some(ActiveRun {
        run_id: entry.run_id,
        text: String::new(),
    });
    record.worker.last_activity_at = entry.at;
    record
        .inputs
        .extend(key.map(|(key, fingerprint)| KeyedInput {
            key,
            fingerprint,
            accepted: Accepted {
                run_id: entry.run_id,
                sequence: entry.sequence,
                cursor,
                replayed: false,
            },
        }));
    append(record, entry)
}

fn finish(record: &mut Record, finished: FinishedRun) -> Option<()> {
    let active = record.active_run.take()?;
    if active.run_id != finished.run.run_id {
        return None;
    }
    let worker = &mut record.worker;
    worker.state = finished.state;
    worker.last_activity_at = finished.run.finished_at;
    worker.usage = finished.usage_totals;
    worker.last_run = Some(finished.run);
    worker.diagnostics = finished.diagnostics;
    match finished.reply {
        Some(reply) => append(record, reply),
        None => {
            record.entries.last_mut()?.unanswered = true;
            Some(())
        }
    }
}

/// Entries have consecutive numbers.
fn append(record: &mut Record, entry: Entry) -> Option<()> {
    if entry.sequence != record.worker.last_sequence + 1 {
        return None;
    }
    record.worker.last_sequence = entry.sequence;
    record.entries.push(entry);
    Some(())
}

fn slice(entries: &[Entry], position: TranscriptPosition, window: Window) -> Vec<Entry> {
    match position {
        TranscriptPosition::Newest => newest_first(entries.iter().rev(), window),
        TranscriptPosition::Before(sequence) => {
            let earlier = entries.iter().rev();
            newest_first(earlier.filter(|entry| entry.sequence < sequence), window)
        }
        TranscriptPosition::After(sequence) => {
            let later = entries.iter();
            fitting(later.filter(|entry| entry.sequence > sequence), window)
        }
    }
}

fn newest_first<'a>(entries: impl Iterator<Item = &'a Entry>, window: Window) -> Vec<Entry> {
    let mut entries = fitting(entries, window);
    entries.reverse();
    entries
}

fn fitting<'a>(entries: impl Iterator<Item = &'a Entry>, window: Window) -> Vec<Entry> {
    let mut room = window.room();
    entries.take_while(|it| room.take(it)).cloned().collect()
}
