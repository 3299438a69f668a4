//! A third adapter: a runtime source with a catalog and input, registered and asked.
//!
//! `cargo run -p registry-core --example third_adapter`
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use registry_core::page::Position;
use registry_core::port::{
    CatalogPage, CatalogQuery, Input, InputReceipt, Replay, RuntimeDescriptor, RuntimeSource,
    SourceStatus, WorkerCatalog, WorkerDetailRecord, WorkerInteraction, WorkerRecord,
};
use registry_core::projection::{
    AcceptedInput, Facilities, Limit, LimitUnit, RuntimeCounts, RuntimeStatus, WorkerState,
};
use registry_core::registry::WorkerListQuery;
use registry_core::{Cursor, RuntimeRegistry, SourceError, WorkerId, WorkerRef};

/// Workers that file what they are told. A source has ports for what it can do and no others:
/// here nothing can be created, cancelled or observed.
struct FilingSource {
    descriptor: RuntimeDescriptor,
    workers: Vec<WorkerRecord>,
    filed: Mutex<Vec<(WorkerId, String)>>,
}

impl FilingSource {
    fn new(names: &[&str]) -> Result<Self, Box<dyn Error>> {
        let descriptor = RuntimeDescriptor {
            runtime_id: "filing".parse()?,
            display_name: "Filing".parse()?,
            implementation_kind: "filing_cabinet".parse()?,
            facilities: Facilities::default(),
            models: Vec::new(),
            limits: vec![Limit::new("filing_workers", LimitUnit::Count, 10)],
        };
        let workers = names.iter().enumerate().map(|(number, name)| {
            let id = format!("clerk-{number}").parse()?;
            Ok(WorkerRecord::new(id, name.parse()?, WorkerState::Idle))
        });
        Ok(Self {
            descriptor,
            workers: workers.collect::<Result<_, Box<dyn Error>>>()?,
            filed: Mutex::default(),
        })
    }

    fn find(&self, id: &WorkerId) -> Result<&WorkerRecord, SourceError> {
        let found = self.workers.iter().find(|worker| worker.worker_id == *id);
        found.ok_or(SourceError::UnknownWorker)
    }
}

#[async_trait]
impl RuntimeSource for FilingSource {
    fn descriptor(&self) -> &RuntimeDescriptor {
        &self.descriptor
    }

    async fn status(&self) -> Result<SourceStatus, SourceError> {
        let mut counts = RuntimeCounts::default();
        counts.workers.idle = self.workers.len() as u64;
        Ok(SourceStatus {
            status: RuntimeStatus::Available,
            profiles: Vec::new(),
            counts,
            diagnostics: Vec::new(),
        })
    }

    fn catalog(&self) -> &dyn WorkerCatalog {
        self
    }

    fn interaction(&self) -> Option<&dyn WorkerInteraction> {
        Some(self)
    }
}

#[async_trait]
impl WorkerCatalog for FilingSource {
    async fn list(&self, query: &CatalogQuery) -> Result<CatalogPage, SourceError> {
        // A position is any text that the source understands; here it is an index.
        let begin: usize = match query.after.as_ref().map(Position::as_str) {
            None => 0,
            Some(text) => text.parse().map_err(|_| SourceError::InvalidPosition)?,
        };
        let matching = self.workers.iter();
        let matching = matching.filter(|worker| query.state.is_none_or(|s| s == worker.state));
        let rest: Vec<_> = matching.skip(begin).cloned().collect();
        let end = begin + query.limit.get();
        let next = (rest.len() > query.limit.get()).then(|| end.to_string().parse());
        Ok(CatalogPage {
            workers: rest.into_iter().take(query.limit.get()).collect(),
            next: next.transpose().map_err(SourceError::failed)?,
            diagnostics: Vec::new(),
        })
    }

    async fn get(&self, id: &WorkerId) -> Result<WorkerDetailRecord, SourceError> {
        Ok(self.find(id)?.clone().into())
    }
}

#[async_trait]
impl WorkerInteraction for FilingSource {
    async fn send_input(&self, id: &WorkerId, input: Input) -> Result<InputReceipt, SourceError> {
        self.find(id)?;
        let mut filed = self.filed.lock().unwrap_or_else(PoisonError::into_inner);
        filed.push((id.clone(), input.content));
        let sequence = filed.len() as u64;
        let run_id = format!("filing-{sequence}").parse();
        let accepted = AcceptedInput {
            run_id: run_id.map_err(SourceError::failed)?,
            sequence,
            cursor: Cursor::new(0, sequence),
        };
        let replay = Replay::First;
        Ok(InputReceipt { accepted, replay })
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let source = FilingSource::new(&["Ada", "Grace"])?;
    let registry = RuntimeRegistry::builder();
    let registry = registry.register(Arc::new(source))?.build();

    for runtime in registry.runtimes().await {
        println!("{}", serde_json::to_string_pretty(&runtime)?);
    }
    let page = registry.list_workers(&WorkerListQuery::default()).await?;
    for worker in &page.items {
        println!("{}: {}", worker.display_ref, worker.display_name);
    }
    let worker = WorkerRef::new("filing".parse()?, "clerk-1".parse()?);
    let input = Input {
        content: "an invoice".to_owned(),
        idempotency_key: None,
    };
    let receipt = registry.send_input(&worker, input).await?;
    println!("{worker} files it in run {}", receipt.accepted.run_id);
    // The source has no lifecycle port, so the registry refuses this without asking it.
    if let Err(refusal) = registry.stop(&worker).await {
        println!("{refusal}");
    }
    Ok(())
}
