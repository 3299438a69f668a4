//! A client that takes a page of a transcript and then follows the events: together they are the
//! history as of its cursor.

use crate::cursor::Cursor;
use crate::error::EventsError;
use crate::event::EventsQuery;
use crate::reference::{self, EventKind, InFlight, Line, Numbering, RunNumber, WorkerNumber};
use crate::run::{RunDiagnostics, RunOutcome};
use crate::runtime::Runtime;
use crate::runtime::tests::at_once;
use crate::transcript::{Role, TranscriptQuery};

/// The state of a reader. Inputs that it learned of from events have no content.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) worker: WorkerNumber,
    first_line: u64,
    lines: Vec<Line>,
    in_flight: Option<InFlight>,
    cursor: Cursor,
}

impl Reader {
    /// Takes the newest page.
    pub(super) fn open(runtime: &Runtime, numbering: &Numbering, worker: WorkerNumber) -> Self {
        let page =
            at_once(runtime.transcript(numbering.workers[worker], TranscriptQuery::default()));
        let page = page.unwrap();
        let lines: Vec<_> = page
            .entries
            .iter()
            .map(|entry| numbering.line(entry))
            .collect();
        Self {
            worker,
            first_line: lines.first().map_or(1, |line| line.number),
            lines,
            in_flight: page.in_flight.map(|reply| numbering.in_flight(&reply)),
            cursor: page.cursor,
        }
    }

    /// Reads the next events. Returns false when the cursor has expired.
    pub(super) async fn follow(
        &mut self,
        runtime: &Runtime,
        numbering: &Numbering,
        limit: Option<usize>,
    ) -> bool {
        let query = EventsQuery {
            after: Some(self.cursor),
            limit,
            ..EventsQuery::default()
        };
        let batch = match runtime.events(numbering.workers[self.worker], query).await {
            Ok(batch) => batch,
            Err(EventsError::Expired(_) | EventsError::UnknownWorker(_)) => return false,
            Err(error @ (EventsError::Capacity(_) | EventsError::Store(_))) => panic!("{error}"),
        };
        for (event, number) in batch.events.iter().zip(self.cursor.sequence() + 1..) {
            self.apply(numbering.event(event, self.cursor.epoch(), number));
        }
        self.cursor = batch.next_cursor;
        true
    }

    /// Whether the reference still holds every event after the cursor.
    pub(super) fn can_continue(&self, model: &reference::Runtime) -> bool {
        let held = |worker: &reference::Worker| {
            let oldest = worker.events().len() - worker.events_held();
            self.cursor.sequence() >= oldest as u64
        };
        model.get(self.worker).is_ok_and(held)
    }

    /// Compares the reader's state with the reference's as of the cursor.
    pub(super) fn check(&self, model: &reference::Runtime) {
        let worker = model.get(self.worker).unwrap();
        let (lines, in_flight) = worker.as_of(self.cursor.sequence());
        assert_eq!(self.in_flight.as_ref(), in_flight, "the reply in progress");
        let first = usize::try_from(self.first_line).unwrap() - 1;
        let lines = &lines[first..];
        assert_eq!(self.lines.len(), lines.len(), "{:?} {lines:?}", self.lines);
        for (read, line) in self.lines.iter().zip(lines) {
            let mut read = read.clone();
            if read.content.is_empty() && read.role == Role::User {
                read.content.clone_from(&line.content);
            }
            assert_eq!(&read, line);
        }
    }

    fn apply(&mut self, event: reference::Event) {
        let at = event.at;
        match event.kind {
            EventKind::WorkerCreated | EventKind::RunRetrying { .. } | EventKind::WorkerStopped => {
            }
            EventKind::OutputDelta { text, run } => self.active(run).text.push_str(&text),
            EventKind::ReasoningDelta { text, run } => self.active(run).reasoning.push_str(&text),
            EventKind::InputAccepted { run, line } => {
                assert_eq!(self.in_flight.replace(InFlight::new(run)), None);
                self.lines.push(Line {
                    number: line,
                    at,
                    role: Role::User,
                    run,
                    content: String::new(),
                    partial: false,
                    unanswered: false,
                    reasoning: String::new(),
                    diagnostics: RunDiagnostics::default(),
                });
            }
            EventKind::RunFinished {
                run,
                outcome,
                line,
                diagnostics,
                ..
            } => {
                let reply = self.active(run).clone();
                self.in_flight = None;
                assert_eq!(reply.text.is_empty(), line.is_none());
                match line {
                    None => self.lines.last_mut().expect("the input").unanswered = true,
                    Some(number) => self.lines.push(Line {
                        number,
                        at,
                        role: Role::Assistant,
                        run,
                        content: reply.text,
                        partial: outcome != RunOutcome::Completed,
                        unanswered: false,
                        reasoning: reply.reasoning,
                        diagnostics,
                    }),
                }
            }
        }
    }

    /// What is in flight, of this run.
    fn active(&mut self, run: RunNumber) -> &mut InFlight {
        let reply = self.in_flight.as_mut().expect("a run in progress");
        assert_eq!(reply.run, run);
        reply
    }
}
