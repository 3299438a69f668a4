//! Projections: plain public data about runtimes and workers, safe for a browser by
//! construction, serialised as the API shows it.
//!
//! A field here is an id, an enum, a number, a timestamp (RFC 3339, UTC) or text that was
//! written to be shown. None is a path, a socket, a provider's address, a secret or
//! arbitrary JSON; the OpenAPI test and the canary tests hold that.

pub use crate::conversation::{
    ConversationSummary, EntryRole, InFlightText, RunPhase, TranscriptBounds, TranscriptEntry,
    TranscriptPage,
};
pub use crate::diagnostic::{Diagnostic, Severity};
pub use crate::event::{EventBatch, EventKind, WorkerEvent};
pub use crate::implementation_kind::ImplementationKind;
pub use crate::limit::{Limit, LimitUnit};
pub use crate::run::{
    AcceptedInput, CancelResult, LastRun, RunErrorCode, RunErrorDetail, RunOutcome, Usage,
    UsageTotals,
};
pub use crate::runtime::{
    Facilities, ModelSummary, ProfileSummary, RuntimeCounts, RuntimeStatus, RuntimeSummary,
};
pub use crate::worker::{WorkerDetail, WorkerPage, WorkerSummary};
pub use crate::worker_state::{WorkerState, WorkersByState};
