//! The query parameters of each read operation.

use registry_core::{Cursor, PageToken, RuntimeId};
use serde::Serialize;

use crate::args::{KindFilter, StateFilter};

#[derive(Debug, Default, Clone, Serialize)]
pub(crate) struct WorkersQuery {
    pub(crate) runtime_id: Option<RuntimeId>,
    pub(crate) implementation_kind: Option<KindFilter>,
    pub(crate) state: Option<StateFilter>,
    pub(crate) limit: Option<u32>,
    pub(crate) page_token: Option<PageToken>,
}

/// At most one of `before` and `after`; without either the newest entries.
#[derive(Debug, Default, Clone, Copy, Serialize)]
pub(crate) struct TranscriptQuery {
    pub(crate) limit: Option<u32>,
    pub(crate) before: Option<u64>,
    pub(crate) after: Option<u64>,
}

impl TranscriptQuery {
    /// The newest entry alone.
    pub(crate) const NEWEST: Self = Self {
        limit: Some(1),
        before: None,
        after: None,
    };
}

/// Without `after` from the oldest retained event; without `wait_ms` no waiting.
#[derive(Debug, Default, Clone, Copy, Serialize)]
pub(crate) struct EventsQuery {
    pub(crate) after: Option<Cursor>,
    pub(crate) limit: Option<u32>,
    pub(crate) wait_ms: Option<u64>,
}
