//! The registry: which source answers for a runtime, and how long it may take.
//!
//! It is built once, then immutable and shared. It runs nothing and stores no worker: every
//! worker operation is one call to exactly one source, or a typed error.

mod audit;
mod error_context;
mod listing;
mod operation;
mod subscription;

pub use listing::{WorkerFilter, WorkerListQuery};
pub use operation::CreatedWorker;
pub use subscription::EventStream;

use std::error::Error as _;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use jiff::Timestamp;

use crate::capability::{Capability, CapabilitySet};
use crate::error::{RegistryError, SourceError, UnavailableReason};
use crate::id::RuntimeId;
use crate::port::{RuntimeDescriptor, RuntimeSource};
use crate::projection::{Diagnostic, RuntimeSummary, Severity};

/// How long a source may take to answer a read. People wait for lists; two seconds is where
/// they begin to doubt that anything happens.
pub const READ_DEADLINE_DEFAULT: Duration = Duration::from_secs(2);
/// How long a source may take for a mutation. Longer than the time for which a runtime waits
/// for a cancelled run to end, so that its own, more precise answer arrives first.
pub const MUTATION_DEADLINE_DEFAULT: Duration = Duration::from_secs(10);

/// How long sources may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// For reads; an events query gets its wait on top.
    pub read: Duration,
    /// For mutations.
    pub mutation: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            read: READ_DEADLINE_DEFAULT,
            mutation: MUTATION_DEADLINE_DEFAULT,
        }
    }
}

/// The runtime id is registered already.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("runtime {runtime_id} is registered already")]
pub struct DuplicateRuntime {
    /// The id.
    pub runtime_id: RuntimeId,
}

/// All runtimes of the server.
pub struct RuntimeRegistry {
    sources: Vec<Registered>,
    deadlines: Deadlines,
}

/// A source and its capabilities, read once at registration.
struct Registered {
    source: Arc<dyn RuntimeSource>,
    capabilities: CapabilitySet,
}

/// Collects sources for a [`RuntimeRegistry`].
#[derive(Default)]
pub struct RegistryBuilder {
    sources: Vec<Registered>,
    deadlines: Deadlines,
}

impl RegistryBuilder {
    /// Sets how long sources may take.
    pub fn deadlines(self, deadlines: Deadlines) -> Self {
        Self { deadlines, ..self }
    }

    /// Adds a source; lists show runtimes in the order of these calls.
    ///
    /// # Errors
    /// [`DuplicateRuntime`] when a source with this runtime id was added before.
    pub fn register(mut self, source: Arc<dyn RuntimeSource>) -> Result<Self, DuplicateRuntime> {
        let runtime_id = &source.descriptor().runtime_id;
        if self
            .sources
            .iter()
            .any(|other| other.runtime_id() == runtime_id)
        {
            return Err(DuplicateRuntime {
                runtime_id: runtime_id.clone(),
            });
        }
        let capabilities = source.capabilities();
        self.sources.push(Registered {
            source,
            capabilities,
        });
        Ok(self)
    }

    /// Builds the registry; sources can't be added afterwards.
    pub fn build(self) -> RuntimeRegistry {
        RuntimeRegistry {
            sources: self.sources,
            deadlines: self.deadlines,
        }
    }
}

impl RuntimeRegistry {
    /// Starts a registry without sources.
    pub fn builder() -> RegistryBuilder {
        RegistryBuilder::default()
    }

    /// What never changes about each runtime, in registration order. Asks no source.
    pub fn descriptors(&self) -> impl Iterator<Item = &RuntimeDescriptor> {
        self.sources.iter().map(Registered::descriptor)
    }

    /// All runtimes in registration order. One that fails or is late shows as unavailable.
    pub async fn runtimes(&self) -> Vec<RuntimeSummary> {
        join_all(
            self.sources
                .iter()
                .map(|registered| self.summarize(registered)),
        )
        .await
    }

    /// One runtime.
    ///
    /// # Errors
    /// [`RegistryError::UnknownRuntime`] alone: a runtime that fails shows as unavailable.
    pub async fn runtime(&self, runtime_id: &RuntimeId) -> Result<RuntimeSummary, RegistryError> {
        Ok(self.summarize(self.registered(runtime_id)?).await)
    }

    fn registered(&self, runtime_id: &RuntimeId) -> Result<&Registered, RegistryError> {
        self.sources
            .iter()
            .find(|registered| registered.runtime_id() == runtime_id)
            .ok_or_else(|| RegistryError::UnknownRuntime {
                runtime_id: runtime_id.clone(),
            })
    }

    async fn summarize(&self, registered: &Registered) -> RuntimeSummary {
        let status = catch_panic(async { registered.source.status().await });
        let answer = with_deadline(self.deadlines.read, status).await;
        RuntimeSummary::project(
            registered.descriptor(),
            registered.capabilities,
            answer.map_err(|error| unavailable_diagnostic(registered, &error)),
            now(),
        )
    }
}

impl std::fmt::Debug for RuntimeRegistry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let runtimes: Vec<_> = self.sources.iter().map(Registered::runtime_id).collect();
        f.debug_struct("RuntimeRegistry")
            .field("runtimes", &runtimes)
            .field("deadlines", &self.deadlines)
            .finish()
    }
}

impl Registered {
    fn descriptor(&self) -> &RuntimeDescriptor {
        self.source.descriptor()
    }

    fn runtime_id(&self) -> &RuntimeId {
        &self.descriptor().runtime_id
    }

    /// The port, or the error for an operation that the source has no port for.
    fn port<'a, P: ?Sized>(
        &'a self,
        capability: Capability,
        port: impl FnOnce(&'a dyn RuntimeSource) -> Option<&'a P>,
    ) -> Result<&'a P, RegistryError> {
        port(self.source.as_ref()).ok_or_else(|| RegistryError::OperationUnsupported {
            runtime_id: self.runtime_id().clone(),
            capability,
        })
    }
}

/// Waits for a source no longer than `deadline`.
///
/// # Cancellation
/// Past the deadline the source's future is dropped; the ports say what that leaves behind.
async fn with_deadline<T>(
    deadline: Duration,
    answer: impl Future<Output = Result<T, SourceError>>,
) -> Result<T, SourceError> {
    let mut answer = pin!(answer);
    // Most sources answer without waiting, and then no timer is needed.
    if let Poll::Ready(answer) = futures_util::poll!(answer.as_mut()) {
        return answer;
    }
    tokio::time::timeout(deadline, answer)
        .await
        .unwrap_or(Err(SourceError::Unavailable {
            reason: UnavailableReason::DeadlineExceeded,
            cause: None,
        }))
}

/// Turns a panic of a source into an error. Used where several sources are asked, because a defect
/// of one must not hide the others.
async fn catch_panic<T>(
    answer: impl Future<Output = Result<T, SourceError>>,
) -> Result<T, SourceError> {
    // Unwind safe, because the future is dropped with the panic.
    let answer = AssertUnwindSafe(answer).catch_unwind().await;
    answer.unwrap_or_else(|_| Err(SourceError::failed("the source panicked")))
}

/// Stands in a list or a summary for a source that did not answer. The cause is logged here,
/// because here it is handled.
fn unavailable_diagnostic(registered: &Registered, error: &SourceError) -> Diagnostic {
    let runtime_id = registered.runtime_id();
    // Log lines in JSON show no causes of an error by themselves.
    let cause = error.source().map(tracing::field::display);
    tracing::warn!(%runtime_id, %error, cause, "runtime source failed");
    let late = matches!(
        error,
        SourceError::Unavailable {
            reason: UnavailableReason::DeadlineExceeded,
            ..
        }
    );
    let diagnostic = if late {
        Diagnostic::new(
            "runtime_deadline_exceeded",
            Severity::Error,
            "The runtime did not answer in time.",
        )
    } else {
        Diagnostic::new(
            "runtime_unavailable",
            Severity::Error,
            "The runtime failed to answer.",
        )
    };
    diagnostic.with_runtime(runtime_id.clone())
}

/// The present time, cut to the millisecond as all times in answers are.
fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

#[cfg(test)]
mod tests;
