//! The embedded runtime: workers that hold conversations inside the host's own process.
//!
//! It knows workers, their runs, transcripts and events, and the engine that produces
//! their text. It knows no registry, no HTTP and no files, and keeps everything in
//! memory, bounded by [`Limits`].
//!
//! ```
//! use std::time::Duration;
//! use worker_runtime::{CreateWorker, EventKind, EventsQuery, Input, OfflineEngine, Runtime};
//! # use std::sync::Arc;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let engine = Arc::new(OfflineEngine::new(Duration::ZERO));
//! let runtime = Runtime::builder().engine(engine).build()?;
//! let worker = runtime.create(CreateWorker::default())?.worker;
//! let accepted = runtime.send_input(worker.id, Input::new("hello"))?;
//!
//! let mut after = accepted.cursor;
//! let mut reply = String::new();
//! 'reply: loop {
//!     let query = EventsQuery { after: Some(after), wait: Duration::from_secs(10), limit: None };
//!     let batch = runtime.events(worker.id, query).await?;
//!     after = batch.next_cursor;
//!     for event in batch.events {
//!         match event.kind {
//!             EventKind::OutputDelta { text, .. } => reply.push_str(&text),
//!             EventKind::RunFinished { .. } => break 'reply,
//!             _ => {}
//!         }
//!     }
//! }
//! assert!(reply.ends_with("“hello”"));
//! runtime.shutdown(Duration::from_secs(5)).await;
//! # Ok(())
//! # }
//! ```

// The names and numbers of things.
mod cursor;
mod display_name;
mod id;
pub mod limits;
mod profile;

// What callers say, and what they get to see.
mod command;
mod error;
mod event;
mod query;
mod snapshot;

// Where the text comes from.
mod engine;

// The rules of one worker, and the shell of locks and tasks around them.
mod core;
#[cfg(test)]
#[cfg(not(feature = "shuttle"))]
mod reference;
mod runtime;
mod sync;

pub use arcstr::Substr;
pub use command::{
    Accepted, ActiveRun, Cancellation, CreateWorker, Created, Input, ShutdownReport,
};
pub use cursor::{Cursor, Epoch};
pub use display_name::{DisplayName, DisplayNameError};
pub use engine::{
    EngineError, EngineErrorKind, History, ModelInfo, OfflineEngine, Output, OutputClosed, Remark,
    RunRemarks, Turn, TurnEngine, Usage,
};
pub use error::{
    BuildError, CancelError, CapacityExhausted, CreateError, CursorExpired, EventsError,
    InputError, StillEnding, StopError, Stopping, UnknownWorker,
};
pub use event::{Entry, Event, EventKind, Role, RunErrorCode, RunOutcome};
pub use id::{IdempotencyKey, ParseIdError, ParseKeyError, RunId, WorkerId};
pub use limits::{Limit, LimitName, LimitUnit, Limits, LimitsError};
pub use profile::{Profile, ProfileError, ProfileId, ProfileSet};
pub use query::{
    EventBatch, EventsQuery, InFlight, ListQuery, TranscriptPage, TranscriptPosition,
    TranscriptQuery, WorkerPage,
};
pub use runtime::{Clock, Runtime, RuntimeBuilder, SystemClock};
pub use smol_str::SmolStr;
pub use snapshot::{
    LastRun, ListedWorker, Phase, RuntimeStatus, TranscriptBounds, WorkerCounts, WorkerSnapshot,
    WorkerState,
};
