//! `send` and `cancel`: a run's beginning, and its early end.

use http_api::wire::CancelRunBody;
use registry_core::projection::CancelResult;

use super::{Session, input, reply, until_interrupted};
use crate::args::{CancelArgs, SendArgs};
use crate::failure::{Failure, command_line};
use crate::follow::Patience;

/// Sends an input; with `--follow` prints the reply until the run has ended.
pub(super) async fn send(session: &mut Session<'_>, args: SendArgs) -> Result<(), Failure> {
    let worker = args.worker.worker_ref();
    let content = input::content(args.text, session.terminal)?;
    let key = args.idempotency_key.as_ref();
    let answer = session.client.send_input(&worker, content, key).await?;
    if answer.replayed {
        session
            .terminal
            .note("note: this key sent the same input before; this is its run");
    }
    let accepted = &answer.value;
    if !args.follow {
        return session.print(&answer, |accepted, terminal| {
            let events = command_line("events", &worker);
            let cursor = accepted.cursor;
            terminal.aside(&format!(
                "note: its reply: {events} --follow --after {cursor}"
            ));
            terminal.line(accepted.run_id.as_str())
        });
    }
    let result =
        until_interrupted(reply::follow(session, &worker, accepted, Patience::DEFAULT)).await;
    match &result {
        Err(Failure::Interrupted) => {
            let cancel = command_line("cancel", &worker);
            let run_id = &accepted.run_id;
            let note = format!("note: the run goes on; end it with `{cancel} --run {run_id}`");
            session.terminal.note(&note);
        }
        Err(Failure::Unreachable(_)) => {
            let transcript = command_line("transcript", &worker);
            let note = format!("note: the run may go on; `{transcript}` shows what came of it");
            session.terminal.note(&note);
        }
        Ok(()) | Err(_) => {}
    }
    result
}

/// Cancels a worker's active run.
pub(super) async fn cancel(session: &mut Session<'_>, args: CancelArgs) -> Result<(), Failure> {
    let spinner = session.terminal.spinner("waiting for the run to end");
    let body = CancelRunBody { run_id: args.run };
    let answer = session
        .client
        .cancel(&args.worker.worker_ref(), &body)
        .await;
    drop(spinner);
    session.print(&answer?, |answer, terminal| match answer {
        CancelResult::Cancelled { run_id } => terminal.line(&format!("cancelled run {run_id}")),
        CancelResult::NotRunning => terminal.line("there was no active run"),
    })
}
