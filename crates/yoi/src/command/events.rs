//! `events`: a worker's events, once or as they happen.

use registry_core::projection::{EventBatch, EventKind, WorkerState};
use registry_core::{Cursor, WorkerRef};

use super::session::{Session, until_interrupted};
use crate::args::{EventsArgs, command_line};
use crate::client::{EventsQuery, TranscriptQuery};
use crate::error::Error;
use crate::follow::{EventFollower, Followed};
use crate::output::{Format, Terminal, event, json};
use crate::retry::RetryPolicy;

pub(super) async fn events(
    session: &mut Session<'_>,
    worker: &WorkerRef,
    args: &EventsArgs,
) -> Result<(), Error> {
    if args.follow {
        let follow = follow(session, worker, args.after, RetryPolicy::DEFAULT);
        return until_interrupted(follow).await;
    }
    let query = EventsQuery {
        after: args.after,
        limit: args.limit,
        wait_ms: None,
    };
    let response = session.client.events(worker, &query).await?;
    session.print(&response, |batch, terminal| {
        print_text(batch, terminal)?;
        if !batch.caught_up {
            let command = command_line("events", worker);
            let cursor = batch.next_cursor;
            terminal.note(&format!("note: later: {command} --after {cursor}"));
        }
        Ok(())
    })
}

/// Prints events as they happen, until the worker is stopped.
pub(super) async fn follow(
    session: &mut Session<'_>,
    worker: &WorkerRef,
    after: Option<Cursor>,
    retry: RetryPolicy,
) -> Result<(), Error> {
    let Session {
        client,
        terminal,
        format,
        ..
    } = session;
    let mut follower = EventFollower::new(worker, after, retry);
    loop {
        match follower.next(client).await? {
            Followed::Batch(batch) => {
                match *format {
                    Format::Text => print_text(&batch.value, terminal)?,
                    Format::Json => json::events(&batch.json)
                        .iter()
                        .try_for_each(|event| terminal.json(event))?,
                }
                let events = &batch.value.events;
                let stopped = |kind: &EventKind| *kind == EventKind::WorkerStopped;
                if events.iter().any(|event| stopped(&event.kind)) {
                    return Ok(());
                }
                // The worker's last event may lie before the cursor that this began with.
                if events.is_empty() {
                    let worker = retry.run(async || client.worker(worker).await).await?;
                    if worker.value.summary.state == WorkerState::Stopped {
                        return Ok(());
                    }
                }
            }
            Followed::CursorExpired => {
                let read = async || client.transcript(worker, &TranscriptQuery::NEWEST).await;
                let page = retry.run(read).await?.value;
                follower.resume_at(page.cursor);
                let transcript = command_line("transcript", worker);
                terminal.note(&format!(
                    "note: some events have expired; `{transcript}` shows their text. \
                     Continuing with the newest"
                ));
                if let (Format::Text, Some(reply)) = (*format, &page.in_flight) {
                    let (run_id, text) = (&reply.run_id, &reply.text);
                    terminal.note(&format!("note: the text of run {run_id} so far: {text:?}"));
                }
            }
        }
    }
}

fn print_text(batch: &EventBatch, terminal: &mut Terminal) -> Result<(), Error> {
    let mut events = batch.events.iter();
    events.try_for_each(|event| terminal.line(&event::line(event)))
}
