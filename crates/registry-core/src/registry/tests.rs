//! The registry's branching: which source is asked, how often, and what becomes of its answer.

mod audit;
mod composition;
mod listing;
mod model;
mod routing;

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::pending;

use super::*;
use crate::id::{WorkerId, WorkerRef};
use crate::mock::MockSource;
use crate::page::Position;
use crate::port::{
    CatalogPage, CatalogQuery, SourceStatus, WorkerCatalog, WorkerDetailRecord, WorkerLifecycle,
    WorkerRecord,
};
use crate::projection::{
    Facilities, ImplementationKind, Limit, LimitUnit, RuntimeCounts, WorkerState,
};
use crate::text::FixedText;

fn descriptor(runtime_id: &str) -> RuntimeDescriptor {
    RuntimeDescriptor {
        runtime_id: runtime_id.parse().unwrap(),
        display_name: FixedText::new("A runtime"),
        implementation_kind: ImplementationKind::Embedded,
        facilities: Facilities::default(),
        model: None,
        profiles: Vec::new(),
        limits: vec![Limit::new("workers", LimitUnit::Count, 10)],
    }
}

fn record(worker_id: &str, state: WorkerState) -> WorkerRecord {
    WorkerRecord {
        worker_id: worker_id.parse().unwrap(),
        display_name: "A worker".parse().unwrap(),
        profile: None,
        state,
        active_run: None,
        created_at: None,
        last_activity_at: None,
        diagnostics: Vec::new(),
    }
}

fn detail(worker_id: &WorkerId) -> WorkerDetailRecord {
    WorkerDetailRecord {
        worker: record(worker_id.as_str(), WorkerState::Idle),
        conversation: None,
    }
}

fn reference(runtime_id: &str, worker_id: &str) -> WorkerRef {
    WorkerRef::new(runtime_id.parse().unwrap(), worker_id.parse().unwrap())
}

fn registry(sources: Vec<MockSource>) -> RuntimeRegistry {
    let sources = sources
        .into_iter()
        .map(|source| Arc::new(source) as Arc<dyn RuntimeSource>);
    sources
        .fold(RuntimeRegistry::builder(), |builder, source| {
            builder.register(source).unwrap()
        })
        .build()
}

fn available() -> SourceStatus {
    SourceStatus {
        status: RuntimeStatus::Available,
        counts: RuntimeCounts::default(),
        diagnostics: Vec::new(),
    }
}

/// A source that never answers anything.
struct Hanging(RuntimeDescriptor);

#[async_trait]
impl RuntimeSource for Hanging {
    fn descriptor(&self) -> &RuntimeDescriptor {
        &self.0
    }

    async fn status(&self) -> Result<SourceStatus, SourceError> {
        pending().await
    }

    fn catalog(&self) -> &dyn WorkerCatalog {
        self
    }

    fn lifecycle(&self) -> Option<&dyn WorkerLifecycle> {
        Some(self)
    }
}

#[async_trait]
impl WorkerCatalog for Hanging {
    async fn list(&self, _: &CatalogQuery) -> Result<CatalogPage, SourceError> {
        pending().await
    }

    async fn get(&self, _: &WorkerId) -> Result<WorkerDetailRecord, SourceError> {
        pending().await
    }
}

/// A source with a fixed list, in pages; positions are indexes.
struct Listed {
    descriptor: RuntimeDescriptor,
    workers: Vec<WorkerRecord>,
}

impl Listed {
    fn new(runtime_id: &str, workers: usize) -> Self {
        let workers = (0..workers)
            .map(|n| record(&format!("w{n}"), WorkerState::Idle))
            .collect();
        Self {
            descriptor: descriptor(runtime_id),
            workers,
        }
    }
}

#[async_trait]
impl RuntimeSource for Listed {
    fn descriptor(&self) -> &RuntimeDescriptor {
        &self.descriptor
    }

    async fn status(&self) -> Result<SourceStatus, SourceError> {
        Ok(available())
    }

    fn catalog(&self) -> &dyn WorkerCatalog {
        self
    }
}

#[async_trait]
impl WorkerCatalog for Listed {
    async fn list(&self, query: &CatalogQuery) -> Result<CatalogPage, SourceError> {
        let begin = match query.after.as_ref().map(Position::as_str) {
            None => 0,
            Some(text) => text.parse().map_err(|_| SourceError::InvalidPosition)?,
        };
        let end = self.workers.len().min(begin + query.limit.get());
        let next = (end < self.workers.len()).then(|| end.to_string().parse().unwrap());
        let workers = self.workers[begin..end].to_vec();
        Ok(CatalogPage {
            workers,
            next,
            diagnostics: Vec::new(),
        })
    }

    async fn get(&self, _: &WorkerId) -> Result<WorkerDetailRecord, SourceError> {
        Err(SourceError::UnknownWorker)
    }
}
