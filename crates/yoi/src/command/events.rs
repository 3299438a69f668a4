//! `events`: what happened to a worker, once or as it happens.

use registry_core::projection::{EventBatch, EventKind, WorkerState};
use registry_core::{Cursor, WorkerRef};

use super::{Session, until_interrupted};
use crate::args::EventsArgs;
use crate::client::{Answer, EventsQuery, TranscriptQuery};
use crate::failure::{Failure, command_line};
use crate::follow::{Fed, Feed, Patience};
use crate::output::{Format, Terminal, event, json};

/// Prints events.
pub(super) async fn events(session: &mut Session<'_>, args: &EventsArgs) -> Result<(), Failure> {
    let worker = args.worker.worker_ref();
    if args.follow {
        return until_interrupted(follow(session, &worker, args.after, Patience::DEFAULT)).await;
    }
    let query = EventsQuery {
        after: args.after,
        limit: args.limit,
        ..EventsQuery::default()
    };
    let answer = session.client.events(&worker, &query).await?;
    session.print(&answer, |batch, terminal| {
        batch
            .events
            .iter()
            .try_for_each(|event| terminal.line(&event::line(event)))?;
        if !batch.caught_up {
            let command = command_line("events", &worker);
            terminal.note(&format!(
                "note: later: {command} --after {}",
                batch.next_cursor
            ));
        }
        Ok(())
    })
}

/// Prints events as they happen, until the worker is stopped.
pub(super) async fn follow(
    session: &mut Session<'_>,
    worker: &WorkerRef,
    after: Option<Cursor>,
    patience: Patience,
) -> Result<(), Failure> {
    let Session {
        client,
        terminal,
        format,
    } = session;
    let mut feed = Feed::new(client, worker, after, patience);
    loop {
        match feed.next().await? {
            Fed::Batch(batch) => {
                print(&batch, terminal, *format)?;
                let events = &batch.value.events;
                if events
                    .iter()
                    .any(|event| event.kind == EventKind::WorkerStopped)
                {
                    return Ok(());
                }
                // Its last event may stand before the cursor that this began with.
                if events.is_empty() {
                    let answer = patience
                        .persist(async || client.worker(worker).await)
                        .await?;
                    if answer.value.summary.state == WorkerState::Stopped {
                        return Ok(());
                    }
                }
            }
            Fed::Expired => {
                let newest = TranscriptQuery {
                    limit: Some(1),
                    ..TranscriptQuery::default()
                };
                let read = async || client.transcript(worker, &newest).await;
                let page = patience.persist(read).await?.value;
                feed.resume(page.cursor);
                let transcript = command_line("transcript", worker);
                terminal.note(&format!(
                    "note: some events are gone; `{transcript}` has what they said. \
                     Going on from now"
                ));
                if let (Format::Text, Some(reply)) = (*format, &page.in_flight) {
                    let (run_id, text) = (&reply.run_id, &reply.text);
                    terminal.note(&format!("note: run {run_id} has said so far: {text:?}"));
                }
            }
        }
    }
}

fn print(
    batch: &Answer<EventBatch>,
    terminal: &mut Terminal,
    format: Format,
) -> Result<(), Failure> {
    match format {
        Format::Json => json::events(&batch.json)
            .iter()
            .try_for_each(|event| terminal.json(event)),
        Format::Text => {
            let mut events = batch.value.events.iter();
            events.try_for_each(|event| terminal.line(&event::line(event)))
        }
    }
}
