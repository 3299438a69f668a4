//! Projections: plain public data about runtimes and workers, safe for a browser by
//! construction, serialised as the API shows it.
//!
//! A field here is an id, an enum, a number, a timestamp (RFC 3339, UTC) or text that was
//! written to be shown. None is a path, a socket, a provider's address, a secret or
//! arbitrary JSON; the OpenAPI test and the canary tests hold that.

mod diagnostic;
mod event;
mod limit;
mod runtime;
mod transcript;
mod worker;

pub use diagnostic::{Diagnostic, Severity};
pub use event::{EventBatch, EventKind, WorkerEvent};
pub use limit::{Limit, LimitUnit};
pub use runtime::{
    Facilities, ImplementationKind, ModelSummary, ProfileSummary, RuntimeCounts, RuntimeStatus,
    RuntimeSummary, WorkersByState,
};
pub use transcript::{EntryRole, InFlightText, TranscriptEntry, TranscriptPage};
pub use worker::{
    AcceptedInput, CancelAnswer, ConversationSummary, LastRun, RunErrorCode, RunOutcome,
    TranscriptBounds, Usage, WorkerDetail, WorkerPage, WorkerState, WorkerSummary,
};

#[cfg(test)]
pub(crate) mod tests;
