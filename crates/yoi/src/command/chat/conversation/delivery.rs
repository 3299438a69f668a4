//! How a message reaches a worker: once, and through a server that was restarted.

use http_api::wire::ProblemCode;
use registry_core::projection::{AcceptedInput, WorkerDetail, WorkerState};
use registry_core::{IdempotencyKey, WorkerRef};
use uuid::Uuid;

use super::{Conversation, worker_ref};
use crate::client::{Client, Response};
use crate::command::reply::STOPPED_BY_ANOTHER;
use crate::error::Error;

impl Conversation<'_> {
    /// Sends `message` until it is accepted. The idempotency key makes sure that it is
    /// accepted only once, although a response may be lost.
    pub(super) async fn send(&mut self, message: &str) -> Result<AcceptedInput, Error> {
        let key = generate_key();
        match self.send_with_key(message, &key).await {
            Err(error) if is_forgotten(&error) => {
                self.replace_worker().await?;
                self.send_with_key(message, &key).await
            }
            result => result,
        }
    }

    pub(super) async fn create_replacement(&mut self) -> Result<Response<WorkerDetail>, Error> {
        let (runtime, body, key) = (&self.worker.runtime_id, &self.replacement, generate_key());
        let request = async |client: &Client| client.create(runtime, body, Some(&key)).await;
        self.client.call(self.terminal, request).await
    }

    async fn send_with_key(
        &mut self,
        message: &str,
        key: &IdempotencyKey,
    ) -> Result<AcceptedInput, Error> {
        let worker = &self.worker;
        let request = async |client: &Client| {
            let content = message.to_owned();
            client.send_input(worker, content, Some(key)).await
        };
        match self.client.call(self.terminal, request).await {
            Ok(response) => Ok(response.value),
            Err(error) if error.problem_code() == Some(ProblemCode::WorkerStopped) => {
                self.terminal.note(STOPPED_BY_ANOTHER);
                Err(Error::AcceptsNoInput {
                    worker: worker.clone(),
                    state: WorkerState::Stopped,
                })
            }
            Err(error) => Err(error),
        }
    }

    /// Creates a worker like the one that was forgotten; with the server's default model, when it
    /// was restarted with others.
    pub(super) async fn replace_worker(&mut self) -> Result<(), Error> {
        let created = match self.create_replacement().await {
            Err(error) if error.problem_code() == Some(ProblemCode::UnknownModel) => {
                self.replacement.model = None;
                self.create_replacement().await?
            }
            result => result?,
        };
        let worker = worker_ref(&created.value.summary);
        let (old, new) = (&self.worker.worker_id, &worker.worker_id);
        self.terminal.note(&format!(
            "note: the server no longer knows {old}: it was deleted, or the server was restarted. \
             A new worker with the same name and profile continues, without the earlier messages: \
             {new}"
        ));
        self.go_on_with(worker);
        Ok(())
    }

    /// The conversation goes on with `worker`, which is new.
    pub(super) fn go_on_with(&mut self, worker: WorkerRef) {
        self.last_worker.set(&worker);
        self.worker = worker;
        self.is_new = true;
        self.named_by_user = false;
    }
}

fn generate_key() -> IdempotencyKey {
    let key = Uuid::now_v7().to_string();
    key.parse().expect("a UUID is an idempotency key")
}

/// Whether the server no longer knows the worker: somebody deleted it, or the server was restarted
/// and keeps workers in memory alone.
pub(super) fn is_forgotten(error: &Error) -> bool {
    error.problem_code() == Some(ProblemCode::UnknownWorker)
}
