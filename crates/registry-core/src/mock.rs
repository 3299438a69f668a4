//! Mocks of every port, for tests that prove branching: which port is called, with what, how
//! often. What a source *does* is proven by the conformance and end-to-end suites.

use async_trait::async_trait;

use crate::error::SourceError;
use crate::id::WorkerId;
use crate::port::{
    CancelTarget, CatalogPage, CatalogQuery, CreateWorker, CreatedWorkerRecord, EventsQuery, Input,
    InputReceipt, RuntimeDescriptor, RuntimeSource, SourceStatus, TranscriptQuery, WorkerCatalog,
    WorkerDetailRecord, WorkerInteraction, WorkerLifecycle, WorkerObservation,
};
use crate::projection::{CancelResult, EventBatch, TranscriptPage};
use crate::text::DisplayName;

mockall::mock! {
    /// A mock of [`WorkerCatalog`].
    pub Catalog {}

    #[async_trait]
    impl WorkerCatalog for Catalog {
        async fn list(&self, query: &CatalogQuery) -> Result<CatalogPage, SourceError>;
        async fn get(&self, worker_id: &WorkerId) -> Result<WorkerDetailRecord, SourceError>;
    }
}

mockall::mock! {
    /// A mock of [`WorkerLifecycle`].
    pub Lifecycle {}

    #[async_trait]
    impl WorkerLifecycle for Lifecycle {
        async fn create(&self, request: CreateWorker) -> Result<CreatedWorkerRecord, SourceError>;
        async fn stop(&self, worker_id: &WorkerId) -> Result<WorkerDetailRecord, SourceError>;
        async fn cancel(
            &self,
            worker_id: &WorkerId,
            target: CancelTarget,
        ) -> Result<CancelResult, SourceError>;
        async fn rename(
            &self,
            worker_id: &WorkerId,
            name: DisplayName,
        ) -> Result<WorkerDetailRecord, SourceError>;
        async fn delete(&self, worker_id: &WorkerId) -> Result<(), SourceError>;
    }
}

mockall::mock! {
    /// A mock of [`WorkerInteraction`].
    pub Interaction {}

    #[async_trait]
    impl WorkerInteraction for Interaction {
        async fn send_input(
            &self,
            worker_id: &WorkerId,
            input: Input,
        ) -> Result<InputReceipt, SourceError>;
    }
}

mockall::mock! {
    /// A mock of [`WorkerObservation`].
    pub Observation {}

    #[async_trait]
    impl WorkerObservation for Observation {
        async fn transcript(
            &self,
            worker_id: &WorkerId,
            query: &TranscriptQuery,
        ) -> Result<TranscriptPage, SourceError>;
        async fn events(
            &self,
            worker_id: &WorkerId,
            query: &EventsQuery,
        ) -> Result<EventBatch, SourceError>;
    }
}

mockall::mock! {
    /// Answers [`RuntimeSource::status`] of a [`MockSource`].
    pub Status {
        /// The answer.
        pub fn status(&self) -> Result<SourceStatus, SourceError>;
    }
}

/// A source made of mocked ports: the ones that are `None` are absent.
pub struct MockSource {
    /// What never changes about it.
    pub descriptor: RuntimeDescriptor,
    /// Its status.
    pub status: MockStatus,
    /// Its catalog.
    pub catalog: MockCatalog,
    /// Its lifecycle port.
    pub lifecycle: Option<MockLifecycle>,
    /// Its interaction port.
    pub interaction: Option<MockInteraction>,
    /// Its observation port.
    pub observation: Option<MockObservation>,
}

impl MockSource {
    /// A source whose ports are all there, and expect no call yet.
    pub fn with_all_ports(descriptor: RuntimeDescriptor) -> Self {
        Self {
            lifecycle: Some(MockLifecycle::new()),
            interaction: Some(MockInteraction::new()),
            observation: Some(MockObservation::new()),
            ..Self::with_catalog_only(descriptor)
        }
    }

    /// A source that has a catalog and nothing else, and expects no call yet.
    pub fn with_catalog_only(descriptor: RuntimeDescriptor) -> Self {
        Self {
            descriptor,
            status: MockStatus::new(),
            catalog: MockCatalog::new(),
            lifecycle: None,
            interaction: None,
            observation: None,
        }
    }
}

#[async_trait]
impl RuntimeSource for MockSource {
    fn descriptor(&self) -> &RuntimeDescriptor {
        &self.descriptor
    }

    async fn status(&self) -> Result<SourceStatus, SourceError> {
        self.status.status()
    }

    fn catalog(&self) -> &dyn WorkerCatalog {
        &self.catalog
    }

    fn lifecycle(&self) -> Option<&dyn WorkerLifecycle> {
        self.lifecycle.as_ref().map(|port| port as _)
    }

    fn interaction(&self) -> Option<&dyn WorkerInteraction> {
        self.interaction.as_ref().map(|port| port as _)
    }

    fn observation(&self) -> Option<&dyn WorkerObservation> {
        self.observation.as_ref().map(|port| port as _)
    }
}
