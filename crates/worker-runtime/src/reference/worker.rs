//! One worker: what it did, what it answers, and what it is doing.

use super::words::{
    Accepted, Begun, Event, Fact, InFlight, Line, Millis, Refusal, RunNumber, Step,
};
use crate::engine::{Remark, RunRemarks, Usage};
use crate::event::{Role, RunErrorCode, RunOutcome};
use crate::limits::Limits;
use crate::snapshot::WorkerState;

mod look;

/// What has been decided about the active run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Open,
    Cancelled,
    Full,
}

#[derive(Debug, Clone)]
struct Active {
    reply: InFlight,
    fate: Fate,
    /// What the worker counts until the run has ended.
    reserved: usize,
}

/// What was true right after an event.
#[derive(Debug, Clone)]
struct Moment {
    lines: usize,
    in_flight: Option<InFlight>,
}

/// A worker and all that it ever did.
#[derive(Debug, Clone)]
pub(crate) struct Worker {
    limits: Limits,
    key: Option<String>,
    /// Everything that ever happened, and what was true after each of it.
    events: Vec<Event>,
    moments: Vec<Moment>,
    /// Everything ever said.
    lines: Vec<Line>,
    active: Option<Active>,
    stop_asked: bool,
    stopped: bool,
    /// Everything ever accepted under a key: the key, the content, the answer.
    answers: Vec<(String, String, Accepted)>,
    pub(crate) usage: Usage,
    pub(crate) remarks: RunRemarks,
}

impl Worker {
    pub(crate) fn new(limits: Limits, key: Option<String>, at: Millis) -> Self {
        let mut worker = Self {
            limits,
            key,
            events: Vec::new(),
            moments: Vec::new(),
            lines: Vec::new(),
            active: None,
            stop_asked: false,
            stopped: false,
            answers: Vec::new(),
            usage: Usage::default(),
            remarks: RunRemarks::default(),
        };
        worker.happens(at, Fact::Created);
        worker
    }

    // What it answers, and what becomes of it then.

    /// Whether an input would be accepted, or was. The order of the refusals counts.
    pub(crate) fn admit(
        &self,
        content: &str,
        key: Option<&str>,
    ) -> Result<Option<Accepted>, Refusal> {
        let known = self.remembered().iter().find(|it| Some(&*it.0) == key);
        match known {
            Some((_, said, answer)) if said == content => {
                let mut answer = answer.clone();
                answer.replayed = true;
                return Ok(Some(answer));
            }
            Some(_) => return Err(Refusal::Conflict),
            None => {}
        }
        if self.stopped || self.stop_asked {
            return Err(Refusal::Stopped);
        }
        if let Some(run) = self.active_run() {
            return Err(Refusal::Busy { run });
        }
        if content.trim().is_empty() {
            return Err(Refusal::Empty);
        }
        if content.len() > self.limits.input_bytes {
            return Err(Refusal::TooLarge);
        }
        Ok(None)
    }

    /// Accepts an input that [`admit`](Self::admit) has nothing against.
    pub(crate) fn accept(
        &mut self,
        run: RunNumber,
        content: &str,
        key: Option<&str>,
        at: Millis,
    ) -> Accepted {
        self.active = Some(Active {
            reserved: self.most_bytes(content, key),
            reply: InFlight {
                run,
                text: String::new(),
            },
            fate: Fate::Open,
        });
        self.remarks = RunRemarks::default();
        let line = self.says(at, Role::User, run, content, false);
        let answer = Accepted {
            run,
            line,
            event: self.happens(at, Fact::Accepted { run, line }),
            replayed: false,
        };
        if let Some(key) = key {
            let answer = (key.to_owned(), content.to_owned(), answer.clone());
            self.answers.push(answer);
        }
        answer
    }

    /// What the engine of the active run does; says whether it may go on saying things.
    pub(crate) fn engine(&mut self, step: &Step, at: Millis) -> bool {
        let open = matches!(&self.active, Some(active) if active.fate == Fate::Open);
        match step {
            Step::Say(texts) => return open && texts.iter().all(|text| self.grows(text, at)),
            Step::Remark(Remark::ContextTruncated { entries }) if open => {
                self.remarks.left_out_entries = *entries;
            }
            Step::Remark(Remark::ReplyCutShort) if open => self.remarks.reply_cut_short = true,
            Step::Remark(_) => {}
            Step::Complete(usage) => self.ends(RunOutcome::Completed, Some(*usage), None, at),
            Step::Fail(code) => self.ends(RunOutcome::Failed, None, Some(*code), at),
            Step::Dawdle => self.ends(RunOutcome::TimedOut, None, None, at),
        }
        open
    }

    /// Begins to cancel the active run, if it is the one that is meant.
    pub(crate) fn cancel(&mut self, expected: Option<RunNumber>) -> Result<Begun, Refusal> {
        let Some(active) = self.active_run() else {
            return Ok(Begun::Nothing);
        };
        if expected.is_some_and(|expected| expected != active) {
            return Err(Refusal::OtherRun { active });
        }
        Ok(self.give_up())
    }

    /// Stops the worker, or makes its active run the last one.
    pub(crate) fn stop(&mut self, at: Millis) -> Begun {
        self.stop_asked = true;
        self.rest(at);
        self.give_up()
    }

    /// A run that is to end has ended, because its engine let go of it.
    pub(crate) fn let_go(&mut self, at: Millis) {
        if self.state() == WorkerState::Cancelling {
            self.ends(RunOutcome::Cancelled, None, None, at);
        }
    }

    // How it changes.

    /// The reply grows, a character at a time, until it is full.
    fn grows(&mut self, text: &str, at: Millis) -> bool {
        let Some(active) = &mut self.active else {
            return false;
        };
        let run = active.reply.run;
        let mut deltas = vec![String::new()];
        for character in text.chars() {
            let bytes = character.len_utf8();
            if active.reply.text.len() + bytes > self.limits.output_bytes {
                active.fate = Fate::Full;
                break;
            }
            active.reply.text.push(character);
            if deltas[deltas.len() - 1].len() + bytes > self.limits.delta_bytes {
                deltas.push(String::new());
            }
            deltas.last_mut().expect("one at least").push(character);
        }
        let open = active.fate == Fate::Open;
        deltas.retain(|text| !text.is_empty());
        for text in deltas {
            self.happens(at, Fact::Said { run, text });
        }
        open
    }

    fn give_up(&mut self) -> Begun {
        match &mut self.active {
            None => Begun::Nothing,
            Some(active) => {
                active.fate = Fate::Cancelled;
                Begun::Ending(active.reply.run)
            }
        }
    }

    /// The active run ends: so, or as was decided before.
    fn ends(
        &mut self,
        outcome: RunOutcome,
        usage: Option<Usage>,
        error: Option<RunErrorCode>,
        at: Millis,
    ) {
        let Some(Active { reply, fate, .. }) = self.active.take() else {
            return;
        };
        let (outcome, usage, error) = match fate {
            Fate::Open => (outcome, usage, error),
            Fate::Cancelled => (RunOutcome::Cancelled, None, None),
            Fate::Full => (RunOutcome::Failed, None, Some(RunErrorCode::OutputLimit)),
        };
        let InFlight { run, text } = reply;
        let partial = outcome != RunOutcome::Completed;
        let line = (!text.is_empty()).then(|| self.says(at, Role::Assistant, run, &text, partial));
        if let Some(usage) = usage {
            self.usage.input_tokens += usage.input_tokens;
            self.usage.output_tokens += usage.output_tokens;
        }
        let ended = Fact::Ended {
            run,
            outcome,
            error,
            line,
            usage,
        };
        self.happens(at, ended);
        self.rest(at);
    }

    /// Nothing is to be done, perhaps for ever.
    fn rest(&mut self, at: Millis) {
        if self.stop_asked && !self.stopped && self.active.is_none() {
            self.stopped = true;
            self.happens(at, Fact::Stopped);
        }
    }

    fn says(
        &mut self,
        at: Millis,
        role: Role,
        run: RunNumber,
        content: &str,
        partial: bool,
    ) -> u64 {
        let number = self.lines.len() as u64 + 1;
        self.lines.push(Line {
            number,
            at,
            role,
            run,
            content: content.to_owned(),
            partial,
        });
        number
    }

    fn happens(&mut self, at: Millis, fact: Fact) -> u64 {
        // What was being said right after this event: the text of all deltas so far.
        let before = self.moments.last().and_then(|was| was.in_flight.clone());
        let in_flight = match &fact {
            Fact::Created | Fact::Ended { .. } | Fact::Stopped => None,
            Fact::Accepted { run, .. } => Some(InFlight {
                run: *run,
                text: String::new(),
            }),
            Fact::Said { text, .. } => before.map(|mut reply| {
                reply.text.push_str(text);
                reply
            }),
        };
        let lines = self.lines.len();
        self.moments.push(Moment { lines, in_flight });
        self.events.push(Event { at, fact });
        self.events.len() as u64
    }
}
