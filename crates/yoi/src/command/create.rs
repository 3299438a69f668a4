//! `create`, `rename` and `stop`.

use http_api::wire::{CreateWorkerBody, RenameWorkerBody};
use registry_core::WorkerRef;

use super::session::Session;
use crate::args::{CreateArgs, RenameArgs};
use crate::error::Error;

/// Creates a worker. Standard output gets its id alone, for scripts.
pub(super) async fn create(session: &mut Session<'_>, args: CreateArgs) -> Result<(), Error> {
    let body = CreateWorkerBody {
        display_name: args.name,
        profile: args.profile,
        model: args.model,
    };
    let key = args.idempotency_key.as_ref();
    let response = session.client.create(&args.runtime, &body, key).await?;
    let created = &response.value.summary;
    let worker = WorkerRef::new(created.runtime_id.clone(), created.worker_id.clone());
    session.last_worker.set(&worker);
    session.print(&response, |worker, terminal| {
        let summary = &worker.summary;
        let verb = if response.replayed {
            "this key created"
        } else {
            "created"
        };
        let profile = summary.profile.as_ref();
        let profile = profile.map(|profile| format!(", profile {profile}"));
        let profile = profile.unwrap_or_default();
        let model = summary.model.as_ref();
        let model = model.map(|model| format!(", model {model}"));
        let model = model.unwrap_or_default();
        let (name, runtime) = (&summary.display_name, &summary.runtime_id);
        terminal.note(&format!(
            "note: {verb} “{name}” in {runtime}{profile}{model}"
        ));
        terminal.line(summary.worker_id.as_str())
    })
}

pub(super) async fn rename(
    session: &mut Session<'_>,
    worker: &WorkerRef,
    args: RenameArgs,
) -> Result<(), Error> {
    let body = RenameWorkerBody {
        display_name: args.name,
    };
    let response = session.client.rename(worker, &body).await?;
    session.print(&response, |worker, terminal| {
        let summary = &worker.summary;
        terminal.line(&format!(
            "{} is now “{}”",
            summary.worker_id, summary.display_name
        ))
    })
}

pub(super) async fn stop(session: &mut Session<'_>, worker: &WorkerRef) -> Result<(), Error> {
    let spinner = session.terminal.spinner("stopping");
    let response = session.client.stop(worker).await;
    drop(spinner);
    session.print(&response?, |worker, terminal| {
        let summary = &worker.summary;
        terminal.line(&format!(
            "{} is {}",
            summary.worker_id,
            summary.state.as_str()
        ))
    })
}
