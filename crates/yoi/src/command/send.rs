//! `send` and `cancel`.

use http_api::wire::{CancelRunBody, ProblemCode};
use registry_core::WorkerRef;
use registry_core::projection::{AcceptedInput, CancelResult};

use super::input;
use super::reconnect::ReconnectingClient;
use super::reply::{ReplyPrinter, ReplyStyle, STOPPED_BY_ANOTHER, was_stopped};
use super::session::{Session, until_interrupted};
use crate::args::{CancelArgs, SendArgs, command_line};
use crate::error::Error;
use crate::retry::RetryPolicy;

/// Sends an input; with `--follow` prints the reply until the run has ended.
pub(super) async fn send(
    session: &mut Session<'_>,
    worker: &WorkerRef,
    args: SendArgs,
) -> Result<(), Error> {
    let runtime = &worker.runtime_id;
    let content = input::content(args.text, session.terminal, &session.client, runtime).await?;
    let key = args.idempotency_key.as_ref();
    let response = session.client.send_input(worker, content, key).await?;
    if response.replayed {
        let note = "note: this key sent the same input before; this is its run";
        session.terminal.note(note);
    }
    if !args.follow {
        return session.print(&response, |accepted, terminal| {
            let events = command_line("events", worker);
            let cursor = accepted.cursor;
            terminal.terminal_note(&format!(
                "note: for the reply: {events} --follow --after {cursor}"
            ));
            terminal.line(accepted.run_id.as_str())
        });
    }
    let accepted = response.value;
    let run_id = accepted.run_id.clone();
    let style = ReplyStyle {
        format: session.format,
        reasoning: args.reasoning,
    };
    let follow = follow(session, style, worker, accepted, RetryPolicy::DEFAULT);
    let result = until_interrupted(follow).await;
    match &result {
        Err(Error::Interrupted) => {
            let cancel = command_line("cancel", worker);
            let note = format!("note: the run is still active; `{cancel} --run {run_id}` ends it");
            session.terminal.note(&note);
        }
        Err(Error::Unreachable(_)) => {
            let transcript = command_line("transcript", worker);
            let note =
                format!("note: the run may still be active; `{transcript}` shows its result");
            session.terminal.note(&note);
        }
        Err(error) if error.problem_code() == Some(ProblemCode::UnknownWorker) => {
            let note = "note: the rest of this reply is lost: the worker was deleted, or the server \
                        was restarted and keeps none";
            session.terminal.note(note);
        }
        Err(Error::RunEnded(end)) if was_stopped(&session.client, worker, end).await => {
            session.terminal.note(STOPPED_BY_ANOTHER);
        }
        Ok(()) | Err(_) => {}
    }
    result
}

/// Prints the reply to the `accepted` input, also through a restart of the server; fails when its
/// run does not complete.
pub(super) async fn follow(
    session: &mut Session<'_>,
    style: ReplyStyle,
    worker: &WorkerRef,
    accepted: AcceptedInput,
    retry: RetryPolicy,
) -> Result<(), Error> {
    let again = session.find_again.clone();
    let mut client = ReconnectingClient::new(session.client.clone(), again, session.reconnect);
    let mut reply = ReplyPrinter::new(session.terminal, style, worker, accepted, retry);
    let end = reply.follow_reconnecting(&mut client).await?;
    reply.finish(&end)?;
    end.into_result()
}

pub(super) async fn cancel(
    session: &mut Session<'_>,
    worker: &WorkerRef,
    args: CancelArgs,
) -> Result<(), Error> {
    let spinner = session.terminal.spinner("waiting for the run to end");
    let body = CancelRunBody { run_id: args.run };
    let response = session.client.cancel(worker, &body).await;
    drop(spinner);
    session.print(&response?, |result, terminal| match result {
        CancelResult::Cancelled { run_id } => terminal.line(&format!("cancelled run {run_id}")),
        CancelResult::NotRunning => terminal.line("there was no active run"),
    })
}
