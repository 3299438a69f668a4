//! The pure domain of the workspace server: who a worker is, what may be asked of it, what
//! can go wrong, and what a client may see. Knows no HTTP, no runtime, no file system.
//!
//! Reading order: [`id`] (the only names there are), [`projection`] (what clients see),
//! [`port`] (what a runtime source must or may implement), [`error`] (every refusal),
//! [`registry`] (which source answers, and how long it may take). Ports and projections share
//! the plain types of the private modules below them.

pub mod cursor;
pub mod id;
pub mod page;
#[cfg(feature = "schema")]
mod schema;
pub mod text;

pub mod capability;
mod conversation;
mod diagnostic;
mod event;
mod implementation_kind;
mod limit;
mod run;
mod runtime;
mod worker;
mod worker_state;

pub mod error;
pub mod port;
pub mod projection;
pub mod registry;

#[cfg(feature = "conformance")]
pub mod conformance;
#[cfg(feature = "mock")]
pub mod mock;

pub use capability::{Capability, CapabilitySet};
pub use cursor::Cursor;
pub use error::{RegistryError, SourceError, UnavailableReason};
pub use id::{DisplayRef, IdempotencyKey, ProfileId, RunId, RuntimeId, WorkerId, WorkerRef};
pub use page::{PageLimit, PageToken};
pub use registry::{Deadlines, RuntimeRegistry};
pub use text::{DisplayName, FixedText};

#[cfg(test)]
mod schema_tests;
#[cfg(test)]
mod test_values;
