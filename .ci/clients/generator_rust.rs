//! Drives the server through the Rust client that openapi-generator generates.

use std::env;
use std::error::Error;

use yoi_client::apis::configuration::Configuration;
use yoi_client::apis::conversation_api::{cancel_run, read_events, send_input};
use yoi_client::apis::workers_api::{create_worker, delete_worker, rename_worker, stop_worker};
use yoi_client::models::{
    CancelResult, CreateWorkerBody, RenameWorkerBody, RunOutcome, SendInputBody, WorkerEvent,
    WorkerState,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut client = Configuration::new();
    client.base_path = env::var("YOI_URL")?;
    client.bearer_access_token = Some(env::var("YOI_TOKEN")?);

    let body = CreateWorkerBody::default();
    let created = create_worker(&client, "backend-internal", body, None).await?;
    let (runtime, worker) = (&created.runtime_id, &created.worker_id);
    let mut after = None;

    let body = SendInputBody::new("Hello there.".to_owned());
    let run = send_input(&client, runtime, worker, body, None).await?.run_id;
    let (mut text, mut finished) = (String::new(), None);
    while finished.is_none() {
        let (limit, wait_ms, batch_ms) = (None, Some(10_000), Some(100));
        let cursor = after.as_deref();
        let batch = read_events(&client, runtime, worker, cursor, limit, wait_ms, batch_ms).await?;
        after = Some(batch.next_cursor);
        for event in batch.events {
            match event {
                WorkerEvent::OutputDelta(delta) => text.push_str(&delta.text),
                WorkerEvent::RunFinished(event) => finished = Some(event),
                WorkerEvent::WorkerCreated(_)
                | WorkerEvent::InputAccepted(_)
                | WorkerEvent::ReasoningDelta(_)
                | WorkerEvent::RunRetrying(_)
                | WorkerEvent::WorkerStopped(_) => {}
            }
        }
    }
    let finished = finished.ok_or("the run did not finish")?;
    assert_eq!((finished.run_id, finished.outcome), (run, RunOutcome::Completed));
    assert!(!text.is_empty());

    let body = SendInputBody::new("word ".repeat(200));
    let run = send_input(&client, runtime, worker, body, None).await?.run_id;
    match cancel_run(&client, runtime, worker, Some(Default::default())).await? {
        CancelResult::Cancelled(cancelled) => assert_eq!(cancelled.run_id, run),
        CancelResult::NotRunning(_) => return Err("the run was not cancelled".into()),
    }
    match cancel_run(&client, runtime, worker, None).await? {
        CancelResult::NotRunning(_) => {}
        CancelResult::Cancelled(_) => return Err("a run is still active".into()),
    }

    let stopped = stop_worker(&client, runtime, worker, None).await?;
    assert_eq!(stopped.state, WorkerState::Stopped);

    let body = RenameWorkerBody::new("Renamed".to_owned());
    let renamed = rename_worker(&client, runtime, worker, body).await?;
    assert_eq!(renamed.display_name, "Renamed");
    delete_worker(&client, runtime, worker).await?;
    Ok(())
}
