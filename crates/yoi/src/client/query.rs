//! Query parameters: what each read operation takes, under the names that the API gives it.

use std::time::Duration;

use registry_core::projection::{ImplementationKind, WorkerState};
use registry_core::{Cursor, PageToken, RuntimeId};

type Pairs = Vec<(&'static str, String)>;

/// Which page of which workers.
#[derive(Debug, Default, Clone)]
pub(crate) struct WorkersQuery {
    pub(crate) runtime_id: Option<RuntimeId>,
    pub(crate) implementation_kind: Option<ImplementationKind>,
    pub(crate) state: Option<WorkerState>,
    pub(crate) limit: Option<u32>,
    pub(crate) page_token: Option<PageToken>,
}

/// Which part of a transcript.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct TranscriptQuery {
    pub(crate) limit: Option<u32>,
    pub(crate) bound: TranscriptBound,
}

/// Which end of a transcript a page hangs on.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) enum TranscriptBound {
    /// The newest entries.
    #[default]
    Newest,
    /// Those right before an entry.
    Before(u64),
    /// Those right after an entry.
    After(u64),
}

/// Which events, and how long to wait for the first.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct EventsQuery {
    /// `None` reads from the oldest retained.
    pub(crate) after: Option<Cursor>,
    pub(crate) limit: Option<u32>,
    pub(crate) wait: Duration,
}

impl WorkersQuery {
    pub(super) fn pairs(&self) -> Pairs {
        let mut pairs = Pairs::new();
        pairs.extend(
            self.runtime_id
                .as_ref()
                .map(|id| ("runtime_id", id.to_string())),
        );
        let kind = self.implementation_kind.as_ref();
        pairs.extend(kind.map(|kind| ("implementation_kind", kind.as_str().to_owned())));
        pairs.extend(self.state.map(|state| ("state", state.as_str().to_owned())));
        pairs.extend(self.limit.map(|limit| ("limit", limit.to_string())));
        pairs.extend(
            self.page_token
                .as_ref()
                .map(|token| ("page_token", token.to_string())),
        );
        pairs
    }
}

impl TranscriptQuery {
    pub(super) fn pairs(&self) -> Pairs {
        let mut pairs = Pairs::new();
        pairs.extend(self.limit.map(|limit| ("limit", limit.to_string())));
        match self.bound {
            TranscriptBound::Newest => {}
            TranscriptBound::Before(sequence) => pairs.push(("before", sequence.to_string())),
            TranscriptBound::After(sequence) => pairs.push(("after", sequence.to_string())),
        }
        pairs
    }
}

impl EventsQuery {
    pub(super) fn pairs(&self) -> Pairs {
        let mut pairs = Pairs::new();
        pairs.extend(self.after.map(|cursor| ("after", cursor.to_string())));
        pairs.extend(self.limit.map(|limit| ("limit", limit.to_string())));
        if !self.wait.is_zero() {
            pairs.push(("wait_ms", self.wait.as_millis().to_string()));
        }
        pairs
    }
}
