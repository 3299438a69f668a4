//! A runtime source with the faults that the built-in ones don't have.

use std::future::pending;

use async_trait::async_trait;
use registry_core::port::{
    CatalogPage, CatalogQuery, RuntimeDescriptor, RuntimeSource, SourceStatus, WorkerCatalog,
    WorkerDetailRecord,
};
use registry_core::projection::{Facilities, ImplementationKind};
use registry_core::{SourceError, WorkerId};

/// What every call of a source does.
#[derive(Clone, Copy)]
pub(crate) enum Fault {
    /// It never ends.
    Hangs,
    /// It fails with this cause.
    Fails(&'static str),
}

/// A source without a call that succeeds.
pub(crate) struct FaultySource {
    descriptor: RuntimeDescriptor,
    fault: Fault,
}

impl FaultySource {
    pub(crate) fn new(runtime_id: &str, fault: Fault) -> Self {
        let descriptor = RuntimeDescriptor {
            runtime_id: runtime_id.parse().expect("a runtime id"),
            display_name: "Faulty".parse().expect("a display name"),
            implementation_kind: ImplementationKind::LOCAL_COMPAT,
            facilities: Facilities::default(),
            models: Vec::new(),
            limits: Vec::new(),
        };
        Self { descriptor, fault }
    }

    async fn fail<T>(&self) -> Result<T, SourceError> {
        match self.fault {
            Fault::Hangs => pending().await,
            Fault::Fails(cause) => Err(SourceError::failed(cause)),
        }
    }
}

#[async_trait]
impl RuntimeSource for FaultySource {
    fn descriptor(&self) -> &RuntimeDescriptor {
        &self.descriptor
    }

    async fn status(&self) -> Result<SourceStatus, SourceError> {
        self.fail().await
    }

    fn catalog(&self) -> &dyn WorkerCatalog {
        self
    }
}

#[async_trait]
impl WorkerCatalog for FaultySource {
    async fn list(&self, _: &CatalogQuery) -> Result<CatalogPage, SourceError> {
        self.fail().await
    }

    async fn get(&self, _: &WorkerId) -> Result<WorkerDetailRecord, SourceError> {
        self.fail().await
    }
}
