//! Copying what one store has to another: read and written in parts, so that neither the number of
//! workers nor the length of a conversation matters.

use async_trait::async_trait;
use jiff::Timestamp;

use super::{StoreError, StoredWorker, UnfinishedRun, Window, WorkerStore};
use crate::cursor::Cursor;
use crate::fingerprint::Fingerprint;
use crate::id::{IdempotencyKey, RunId, WorkerId};
use crate::limits::ENTRY_OVERHEAD_BYTES;
use crate::run::{LastRun, RunDiagnostics, Usage};
use crate::transcript::{Entry, TranscriptPosition};

/// Workers, entries and runs that are read or written at a time, at most.
pub const PART_ROWS: usize = 500;
/// Bytes of texts that are read or written at a time, at most; a single one can be larger.
pub const PART_BYTES: usize = 1024 * 1024;

/// A run as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRun {
    /// The number of its input's entry.
    pub sequence: u64,
    /// Its id.
    pub run_id: RunId,
    /// When its input was accepted.
    pub accepted_at: Timestamp,
    /// The result that a replay of the input gets.
    pub cursor: Cursor,
    /// The idempotency key that the input came under, and its fingerprint.
    pub key: Option<(IdempotencyKey, Fingerprint)>,
    /// How it ended; none of an active run, of which the following isn't known either.
    pub end: Option<LastRun>,
    /// What it used, as far as its engine said.
    pub usage: Usage,
    /// What was reported about it.
    pub diagnostics: RunDiagnostics,
}

/// A part of what is stored about one worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// The worker itself.
    Worker(Box<StoredWorker>),
    /// Entries of its transcript.
    Entries(WorkerId, Vec<Entry>),
    /// Runs.
    Runs(WorkerId, Vec<StoredRun>),
    /// The text so far of its active run.
    Draft(WorkerId, UnfinishedRun),
}

impl Fact {
    fn rows(&self) -> usize {
        match self {
            Self::Worker(_) | Self::Draft(..) => 1,
            Self::Entries(_, entries) => entries.len(),
            Self::Runs(_, runs) => runs.len(),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            // Some stores are sent the profile with each worker.
            Self::Worker(worker) => worker.profile.instructions().len() + ENTRY_OVERHEAD_BYTES,
            Self::Entries(_, entries) => entries.iter().map(Entry::counted_bytes).sum(),
            Self::Runs(_, runs) => runs.len() * ENTRY_OVERHEAD_BYTES,
            Self::Draft(_, run) => run.text.len() + ENTRY_OVERHEAD_BYTES,
        }
    }
}

/// The ids of all workers of a store.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WorkerIds {
    /// Those that can be read, in ascending order.
    pub ids: Vec<WorkerId>,
    /// How many can't be read.
    pub nameless: u64,
}

/// A store that can be copied. Nobody writes to it meanwhile.
#[async_trait]
pub trait CopySource: WorkerStore {
    /// All workers, also those of which nothing but the id can be read.
    ///
    /// # Errors
    /// The store can't be read.
    async fn worker_ids(&self) -> Result<WorkerIds, StoreError>;

    /// At most `limit` runs of a worker whose inputs have higher numbers than `after`, in the order of
    /// these; none of a worker that isn't stored.
    ///
    /// # Errors
    /// The store, or one of the runs, can't be read.
    async fn runs(
        &self,
        id: WorkerId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<StoredRun>, StoreError>;
}

/// The place of a new store, where a copy is written. Until it is finished, nobody can take it for a
/// store with workers; dropping it before that leaves none.
///
/// # Ordering
/// A worker is added before all else about it, and a run before its draft.
///
/// # Cancellation
/// A call that is dropped leaves the copy unfinished for good.
#[async_trait]
pub trait CopyTarget: Send {
    /// Adds facts.
    ///
    /// # Errors
    /// The copy can't be finished any more.
    async fn add(&mut self, facts: Vec<Fact>) -> Result<(), StoreError>;

    /// Takes back a worker, and what was added about it.
    ///
    /// # Errors
    /// As for [`add`](Self::add).
    async fn remove(&mut self, id: WorkerId) -> Result<(), StoreError>;

    /// Makes the copy a store, as a whole and durably. Nothing is added afterwards.
    ///
    /// # Errors
    /// There is no copy then, unless the answer of a database was lost: the copy is there as a whole
    /// or not at all.
    async fn finish(&mut self) -> Result<(), StoreError>;
}

/// What was copied, and what was not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Copied {
    /// Workers in the copy.
    pub workers: u64,
    /// Entries of their transcripts.
    pub entries: u64,
    /// Their runs.
    pub runs: u64,
    /// Workers that are not in the copy, because they, or something about them, can't be read.
    pub unreadable: Vec<WorkerId>,
    /// Workers that are not in the copy, and whose ids can't be read either.
    pub nameless_workers: u64,
}

impl Copied {
    /// Whether every worker is in the copy.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.unreadable.is_empty() && self.nameless_workers == 0
    }
}

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The store to copy can't be read.
    #[error("the store to copy can't be read")]
    Source(#[source] StoreError),
    /// The copy can't be written.
    #[error("the copy can't be written")]
    Target(#[source] StoreError),
}

/// Copies every worker that can be read, with all that is stored about it. `progress` is told how many
/// workers of how many are done.
///
/// # Errors
/// The target isn't finished then.
pub async fn copy(
    source: &dyn CopySource,
    target: &mut dyn CopyTarget,
    mut progress: impl FnMut(usize, usize),
) -> Result<Copied, CopyError> {
    let WorkerIds { ids, nameless } = source.worker_ids().await.map_err(CopyError::Source)?;
    let mut copy = Copy {
        source,
        target,
        part: Part::default(),
    };
    let mut copied = Copied {
        nameless_workers: nameless,
        ..Copied::default()
    };
    for (done, id) in ids.iter().enumerate() {
        progress(done, ids.len());
        match copy.worker(*id).await? {
            Some(Counted { entries, runs }) => {
                copied.workers += 1;
                copied.entries += entries;
                copied.runs += runs;
            }
            None => copied.unreadable.push(*id),
        }
    }
    copy.flush().await?;
    target.finish().await.map_err(CopyError::Target)?;
    Ok(copied)
}

struct Copy<'a> {
    source: &'a dyn CopySource,
    target: &'a mut dyn CopyTarget,
    part: Part,
}

/// Facts that are written together.
#[derive(Default)]
struct Part {
    facts: Vec<Fact>,
    rows: usize,
    bytes: usize,
}

/// What is copied of one worker.
#[derive(Default)]
struct Counted {
    entries: u64,
    runs: u64,
}

impl Copy<'_> {
    /// Copies a worker; none if it can't be read.
    async fn worker(&mut self, id: WorkerId) -> Result<Option<Counted>, CopyError> {
        let found = readable(self.source.workers(&[id]).await)?;
        let Some(worker) = found.and_then(|mut found| found.pop()) else {
            return Ok(None);
        };
        self.add(Fact::Worker(Box::new(worker))).await?;
        let counted = self.conversation(id).await?;
        if counted.is_none() {
            self.flush().await?;
            self.target.remove(id).await.map_err(CopyError::Target)?;
        }
        Ok(counted)
    }

    /// Copies what a worker has; none if something of it can't be read.
    async fn conversation(&mut self, id: WorkerId) -> Result<Option<Counted>, CopyError> {
        let mut counted = Counted::default();
        let window = Window {
            entries: PART_ROWS,
            bytes: PART_BYTES,
        };
        let mut position = 0;
        loop {
            let after = TranscriptPosition::After(position);
            let page = readable(self.source.transcript(id, after, window).await)?;
            let Some(page) = page.flatten() else {
                return Ok(None);
            };
            let Some(last) = page.entries.last() else {
                break;
            };
            position = last.sequence;
            counted.entries += page.entries.len() as u64;
            self.add(Fact::Entries(id, page.entries)).await?;
            if position >= page.last_sequence {
                break;
            }
        }
        let mut is_active = false;
        let mut after = 0;
        loop {
            let Some(runs) = readable(self.source.runs(id, after, PART_ROWS).await)? else {
                return Ok(None);
            };
            let Some(last) = runs.last() else {
                break;
            };
            after = last.sequence;
            let is_end = runs.len() < PART_ROWS;
            is_active |= runs.iter().any(|run| run.end.is_none());
            counted.runs += runs.len() as u64;
            self.add(Fact::Runs(id, runs)).await?;
            if is_end {
                break;
            }
        }
        if is_active && !self.draft(id).await? {
            return Ok(None);
        }
        Ok(Some(counted))
    }

    /// Copies the text so far of the active run; returns false if it can't be read.
    async fn draft(&mut self, id: WorkerId) -> Result<bool, CopyError> {
        let nothing_else = Window {
            entries: 0,
            bytes: 0,
        };
        let loaded = readable(self.source.load(id, nothing_else, 0).await)?;
        let Some(loaded) = loaded.flatten() else {
            return Ok(false);
        };
        if let Some(run) = loaded.active_run.filter(|run| !run.text.is_empty()) {
            self.add(Fact::Draft(id, run)).await?;
        }
        Ok(true)
    }

    async fn add(&mut self, fact: Fact) -> Result<(), CopyError> {
        let (rows, bytes) = (fact.rows(), fact.bytes());
        if self.part.rows + rows > PART_ROWS || self.part.bytes + bytes > PART_BYTES {
            self.flush().await?;
        }
        self.part.rows += rows;
        self.part.bytes += bytes;
        self.part.facts.push(fact);
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), CopyError> {
        let facts = std::mem::take(&mut self.part).facts;
        if facts.is_empty() {
            return Ok(());
        }
        self.target.add(facts).await.map_err(CopyError::Target)
    }
}

/// What was read; none if the rows can't be read, and the rest of the store can.
fn readable<T>(read: Result<T, StoreError>) -> Result<Option<T>, CopyError> {
    match read {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.is_of_rows() => Ok(None),
        Err(error) => Err(CopyError::Source(error)),
    }
}
