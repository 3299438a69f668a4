//! The embedded runtime: workers that hold conversations inside the host's own process.
//!
//! It knows workers, their runs, transcripts and events, and the engine that produces
//! their text. It knows no registry, no HTTP and no files. Everything is bounded by [`Limits`]. It
//! keeps its workers in memory, or, over restarts, in a [`store`] that the host gives it.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//! use worker_runtime::{CreateWorker, Input, OfflineEngine, Runtime};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let engine = Arc::new(OfflineEngine::new(Duration::ZERO));
//! let runtime = Runtime::builder().engine(engine).build()?;
//! let worker = runtime.create(CreateWorker::default()).await?.worker;
//! let run = runtime.send_input(worker.id, Input::new("hello")).await?;
//! let reply = runtime.reply(worker.id, &run, Duration::from_secs(10)).await?;
//! assert!(reply.text.ends_with("“hello”"));
//! runtime.shutdown(Duration::from_secs(5)).await;
//! # Ok(())
//! # }
//! ```
//!
//! `examples/embedding.rs` is a whole program with an engine of its own.

// Ids, names and limits.
mod cursor;
mod display_name;
mod fingerprint;
mod id;
pub mod limits;
mod profile;

// Requests, and what they return.
mod command;
mod error;
mod event;
mod run;
mod status;
mod transcript;

// What produces the text, and what keeps it.
mod engine;
pub mod store;

// The rules of one worker, and the shell of locks and tasks around them.
mod core;
#[cfg(test)]
#[cfg(not(feature = "shuttle"))]
mod reference;
mod runtime;
mod sync;

pub use self::core::WorkerSnapshot;
pub use command::{Accepted, ActiveRun, Cancellation, CreateWorker, Input, ShutdownReport};
pub use cursor::{Cursor, Epoch};
pub use display_name::{DisplayName, DisplayNameError};
pub use engine::{
    EngineError, History, ModelInfo, OfflineEngine, Output, OutputClosed, Turn, TurnEngine,
};
pub use error::{
    AccessError, BuildError, CancelError, CapacityExhausted, CreateError, CursorExpired,
    DeleteError, EventsError, InputError, OpenError, ReadError, RenameError, StillEnding,
    StopError, Stopping, StoreUnavailable, UnknownWorker,
};
pub use event::{Event, EventBatch, EventKind, EventsQuery, RunFinished};
pub use fingerprint::Fingerprint;
pub use id::{IdempotencyKey, ParseIdError, ParseKeyError, RunId, WorkerId};
pub use limits::{Limit, LimitName, LimitUnit, Limits, LimitsError};
pub use profile::{Profile, ProfileError, ProfileId, ProfileSet, Sampling, Temperature};
pub use run::{
    EngineErrorKind, ErrorDetail, LastRun, Report, RunDiagnostic, RunDiagnostics, RunError,
    RunErrorCode, RunOutcome, Usage, UsageTotals,
};
pub use runtime::{
    Clock, Created, ListQuery, Reply, ReplyError, Runtime, RuntimeBuilder, SystemClock, WorkerPage,
};
pub use status::{Phase, RuntimeStatus, StoreStatus, WorkerCounts, WorkerState};
pub use transcript::{
    Entry, InFlight, Role, RunPhase, TranscriptBounds, TranscriptPage, TranscriptPosition,
    TranscriptQuery,
};
