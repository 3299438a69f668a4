//! `create` and `stop`: the two ends of a worker's life.

use http_api::wire::CreateWorkerBody;

use super::Session;
use crate::args::{CreateArgs, WorkerArgs};
use crate::failure::Failure;

/// Creates a worker; standard output gets its id alone, so that a script can keep it.
pub(super) async fn create(session: &mut Session<'_>, args: CreateArgs) -> Result<(), Failure> {
    let body = CreateWorkerBody {
        display_name: args.name,
        profile: args.profile,
    };
    let key = args.idempotency_key.as_ref();
    let answer = session.client.create(&args.runtime, &body, key).await?;
    session.print(&answer, |worker, terminal| {
        let summary = &worker.summary;
        let verb = if answer.replayed {
            "this key created"
        } else {
            "created"
        };
        let profile = summary.profile.as_ref();
        let profile = profile
            .map(|profile| format!(", profile {profile}"))
            .unwrap_or_default();
        let (name, runtime) = (&summary.display_name, &summary.runtime_id);
        terminal.note(&format!("note: {verb} “{name}” in {runtime}{profile}"));
        terminal.line(summary.worker_id.as_str())
    })
}

/// Stops a worker for good.
pub(super) async fn stop(session: &mut Session<'_>, worker: &WorkerArgs) -> Result<(), Failure> {
    let spinner = session.terminal.spinner("stopping");
    let answer = session.client.stop(&worker.worker_ref()).await;
    drop(spinner);
    session.print(&answer?, |worker, terminal| {
        terminal.line(&format!(
            "{} is {}",
            worker.summary.worker_id,
            worker.summary.state.as_str()
        ))
    })
}
