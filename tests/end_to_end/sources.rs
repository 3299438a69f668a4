//! Sources that misbehave, for what the built-in ones never do.

use std::future::pending;

use async_trait::async_trait;
use registry_core::port::{
    CatalogPage, CatalogQuery, RuntimeDescriptor, RuntimeSource, SourceStatus, WorkerCatalog,
    WorkerDetailRecord,
};
use registry_core::projection::{Facilities, ImplementationKind};
use registry_core::{SourceError, WorkerId};

/// How a source misbehaves.
#[derive(Clone, Copy)]
pub(crate) enum Fault {
    /// It never answers.
    Hangs,
    /// It fails, with a cause that must not be shown.
    Fails(&'static str),
    /// It panics, with a message that must not be shown.
    Panics(&'static str),
}

/// A source that misbehaves in everything it is asked.
pub(crate) struct Faulty {
    descriptor: RuntimeDescriptor,
    fault: Fault,
}

impl Faulty {
    pub(crate) fn new(runtime_id: &str, fault: Fault) -> Self {
        let descriptor = RuntimeDescriptor {
            runtime_id: runtime_id.parse().expect("a runtime id"),
            display_name: "Faulty".parse().expect("a display name"),
            implementation_kind: ImplementationKind::LOCAL_COMPAT,
            facilities: Facilities::default(),
            model: None,
            profiles: Vec::new(),
            limits: Vec::new(),
        };
        Self { descriptor, fault }
    }

    async fn misbehave<T>(&self) -> Result<T, SourceError> {
        match self.fault {
            Fault::Hangs => pending().await,
            Fault::Fails(cause) => Err(SourceError::failed(cause)),
            Fault::Panics(message) => panic!("{message}"),
        }
    }
}

#[async_trait]
impl RuntimeSource for Faulty {
    fn descriptor(&self) -> &RuntimeDescriptor {
        &self.descriptor
    }

    async fn status(&self) -> Result<SourceStatus, SourceError> {
        self.misbehave().await
    }

    fn catalog(&self) -> &dyn WorkerCatalog {
        self
    }
}

#[async_trait]
impl WorkerCatalog for Faulty {
    async fn list(&self, _: &CatalogQuery) -> Result<CatalogPage, SourceError> {
        self.misbehave().await
    }

    async fn get(&self, _: &WorkerId) -> Result<WorkerDetailRecord, SourceError> {
        self.misbehave().await
    }
}
