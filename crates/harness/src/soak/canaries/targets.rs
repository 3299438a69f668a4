//! What fuzzed requests name: the operations of the API document, workers and local records.

use registry_core::projection::WorkerPage;
use serde_json::Value;

use crate::client::{Client, Response};
use crate::failure::Failure;
use crate::random::Random;
use crate::worker::Worker;

/// Workers that are created at the beginning.
const WORKERS: usize = 16;

/// The operations, and the ids that requests name.
#[derive(Clone)]
pub(super) struct Targets {
    pub(super) operations: Vec<Operation>,
    pub(super) workers: Vec<String>,
    /// Workers of local records, which accept no operation.
    pub(super) recorded: Vec<String>,
    pub(super) cursor: String,
}

#[derive(Clone)]
pub(super) struct Operation {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) has_body: bool,
}

impl Operation {
    pub(super) fn from_document(document: &Value) -> Vec<Self> {
        let paths = document["paths"].as_object().into_iter().flatten();
        let operations = paths.flat_map(|(path, item)| {
            let methods = item.as_object().into_iter().flatten();
            methods
                .filter(|(method, _)| matches!(method.as_str(), "get" | "post" | "put" | "delete"))
                .map(move |(method, operation)| Self {
                    method: method.to_uppercase(),
                    path: path.clone(),
                    has_body: operation.get("requestBody").is_some(),
                })
        });
        operations.collect()
    }
}

impl Targets {
    /// Reads the operations, creates workers and finds the recorded ones.
    pub(super) async fn find(client: &mut Client) -> Result<Self, Failure> {
        let document: Value = client.get_json("/api/openapi.json").await?;
        let operations = Operation::from_document(&document);
        let workers = Worker::create_many(client, WORKERS).await?;
        let page: WorkerPage = client
            .get_json("/api/runtimes/local-compat/workers")
            .await?;
        let recorded: Vec<_> = page.items.iter().map(|w| w.worker_id.to_string()).collect();
        if operations.is_empty() || recorded.is_empty() {
            let missing = "no operation is documented, or no record is listed";
            return Err(Failure::Protocol(missing.to_owned()));
        }
        let id = |worker: &Worker| worker.path.rsplit('/').next().map(str::to_owned);
        Ok(Self {
            operations,
            cursor: workers[0].created.to_string(),
            workers: workers.iter().filter_map(id).collect(),
            recorded,
        })
    }

    /// Replaces a worker, which may be stopped by now, with one that was just created.
    pub(super) fn learn(&mut self, random: &mut Random, response: &Response) {
        if response.status == 201 {
            let body: Value = response.json().unwrap_or_default();
            if let Some(id) = body["worker_id"].as_str() {
                let index = random.below(self.workers.len());
                id.clone_into(&mut self.workers[index]);
            }
        }
    }
}
