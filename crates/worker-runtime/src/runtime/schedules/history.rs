//! The whole history of a worker, replayed, for pages and snapshots to be compared with.

use super::*;
use crate::{Entry, Event, EventKind, EventsQuery, Role, RunId, RunOutcome, TranscriptPage};

/// All events of one worker, checked against the rules.
#[derive(Debug)]
pub(super) struct History {
    events: Vec<Event>,
}

/// The state of a worker after one of its events.
#[derive(Debug, Default)]
pub(super) struct StateAt {
    entries: Vec<ExpectedEntry>,
    in_flight: Option<(RunId, Texts)>,
    stopped: bool,
}

#[derive(Debug, PartialEq, Eq)]
struct ExpectedEntry {
    sequence: u64,
    role: Role,
    run_id: RunId,
    /// None for inputs, which no event repeats.
    text: Option<String>,
    reasoning: String,
    partial: bool,
    unanswered: bool,
}

/// What a run has written so far.
#[derive(Debug, Default, PartialEq, Eq)]
struct Texts {
    reply: String,
    reasoning: String,
}

impl History {
    pub(super) async fn read(runtime: &Runtime, worker: WorkerId) -> Self {
        let mut events = Vec::new();
        let mut query = EventsQuery::default();
        loop {
            let batch = runtime
                .events(worker, query)
                .await
                .expect("it is kept whole");
            events.extend(batch.events);
            query.after = Some(batch.next_cursor);
            if batch.caught_up {
                break;
            }
        }
        let history = Self { events };
        history.check();
        history
    }

    pub(super) fn events(&self) -> &[Event] {
        &self.events
    }

    /// The events after a position.
    pub(super) fn after(&self, sequence: u64) -> &[Event] {
        &self.events[usize::try_from(sequence).expect("it is short")..]
    }

    /// How many inputs were accepted.
    pub(super) fn runs(&self) -> usize {
        let accepted = |event: &&Event| matches!(event.kind, EventKind::InputAccepted { .. });
        self.events.iter().filter(accepted).count()
    }

    /// The state after the last event.
    pub(super) fn at_the_end(&self) -> StateAt {
        self.at(self.events.len() as u64)
    }

    /// How a run ended.
    pub(super) fn outcome(&self, run: RunId) -> Option<RunOutcome> {
        let mut outcomes = self.events.iter().filter_map(|event| {
            let EventKind::RunFinished(finished) = &event.kind else {
                return None;
            };
            (finished.run_id == run).then_some(finished.outcome)
        });
        outcomes.next()
    }

    /// Checks that numbers have no gap, and that each event follows from those before.
    fn check(&self) {
        for (number, event) in (1_u64..).zip(&self.events) {
            assert_eq!(event.cursor.sequence(), number, "{self:#?}");
        }
        assert_eq!(self.events[0].kind, EventKind::WorkerCreated);
        let whole = self.at_the_end();
        assert!(whole.in_flight.is_none(), "a run never ended: {self:#?}");
    }

    /// The state after the event with this number.
    pub(super) fn at(&self, sequence: u64) -> StateAt {
        let mut now = StateAt::default();
        for event in &self.events[1..usize::try_from(sequence).expect("it is short")] {
            assert!(!now.stopped, "something after the end: {self:#?}");
            now.follow(&event.kind);
        }
        now
    }
}

impl StateAt {
    fn follow(&mut self, event: &EventKind) {
        match event {
            EventKind::WorkerCreated => panic!("created twice"),
            EventKind::InputAccepted { run_id, sequence } => {
                assert!(self.in_flight.is_none(), "two runs at once");
                self.in_flight = Some((*run_id, Texts::default()));
                self.push_entry(ExpectedEntry {
                    sequence: *sequence,
                    role: Role::User,
                    run_id: *run_id,
                    text: None,
                    reasoning: String::new(),
                    partial: false,
                    unanswered: false,
                });
            }
            EventKind::OutputDelta { run_id, text } => self.active(*run_id).reply.push_str(text),
            EventKind::ReasoningDelta { run_id, text } => {
                self.active(*run_id).reasoning.push_str(text);
            }
            EventKind::RunRetrying { run_id, .. } => drop(self.active(*run_id)),
            EventKind::RunFinished(finished) => {
                let (run, texts) = self.in_flight.take().expect("a run ends once");
                assert_eq!(run, finished.run_id);
                assert_eq!(finished.sequence.is_some(), !texts.reply.is_empty());
                match finished.sequence {
                    None => self.entries.last_mut().expect("the input").unanswered = true,
                    Some(sequence) => self.push_entry(ExpectedEntry {
                        sequence,
                        role: Role::Assistant,
                        run_id: run,
                        text: Some(texts.reply),
                        reasoning: texts.reasoning,
                        partial: finished.outcome != RunOutcome::Completed,
                        unanswered: false,
                    }),
                }
            }
            EventKind::WorkerStopped => {
                assert!(self.in_flight.is_none(), "stopped while it runs");
                self.stopped = true;
            }
        }
    }

    fn push_entry(&mut self, entry: ExpectedEntry) {
        assert_eq!(entry.sequence, self.entries.len() as u64 + 1);
        self.entries.push(entry);
    }

    /// What the active run has written, which is this run.
    fn active(&mut self, run_id: RunId) -> &mut Texts {
        let (run, texts) = self.in_flight.as_mut().expect("a run is active");
        assert_eq!(*run, run_id);
        texts
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped
    }

    pub(super) fn assert_matches(&self, page: &TranscriptPage) {
        let entries: Vec<ExpectedEntry> = page.entries.iter().map(ExpectedEntry::from).collect();
        assert_eq!(entries, self.entries, "{page:#?}");
        let in_flight = page.in_flight.as_ref();
        let in_flight = in_flight.map(|run| {
            let (reply, reasoning) = (run.text.to_string(), run.reasoning.to_string());
            (run.run_id, Texts { reply, reasoning })
        });
        assert_eq!(in_flight, self.in_flight, "{page:#?}");
    }

    pub(super) fn assert_allows(&self, state: WorkerState, active: Option<RunId>) {
        let run = self.in_flight.as_ref().map(|(run, _)| *run);
        assert_eq!(active, run);
        match state {
            WorkerState::Idle => assert!(run.is_none() && !self.stopped),
            WorkerState::Queued | WorkerState::Running | WorkerState::Cancelling => {
                assert!(run.is_some());
            }
            WorkerState::Stopped => assert!(self.stopped),
        }
    }
}

impl From<&Entry> for ExpectedEntry {
    fn from(entry: &Entry) -> Self {
        Self {
            sequence: entry.sequence,
            role: entry.role,
            run_id: entry.run_id,
            text: (entry.role == Role::Assistant).then(|| entry.content.to_string()),
            reasoning: entry.reasoning.as_deref().unwrap_or_default().to_owned(),
            partial: entry.partial,
            unanswered: entry.unanswered,
        }
    }
}
