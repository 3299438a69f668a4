//! A client that does random things to random workers.

use registry_core::projection::{EventBatch, EventKind, TranscriptPage};
use registry_core::{Cursor, WorkerId};

use super::history::{Ending, History};
use super::ledger::State;
use super::session::{Gone, Session};
use crate::engine::{Numbered, Script};
use crate::random::Random;

/// Fewest workers that are wanted: below that, clients create more often.
const WORKERS_MIN: usize = 20;
/// Most workers that are wanted: above that, clients delete.
const WORKERS_MAX: usize = 32;
/// Inputs after which a worker gets no more, so that its transcript is read in a page.
const INPUTS_MAX: usize = 40;
/// Longest wait of a poll, in milliseconds.
const WAIT_MS: u64 = 300;
/// Entries of a page: fewer than a transcript has, so that pages are turned.
const PAGE: usize = 7;

/// Of a hundred steps, how many end a run or a worker.
const ENDINGS: usize = 14;

/// How long the replies of a cycle take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Replies {
    /// 300 ms at most.
    Short,
    /// Some of them so long that parts of them are stored before they end. Nobody ends a run.
    Long,
}

pub(super) struct Writer {
    session: Session,
    /// A second connection, for the same request at the same time.
    twin: Session,
    random: Random,
    replies: Replies,
}

impl Writer {
    pub(super) fn new([session, twin]: [Session; 2], random: Random, replies: Replies) -> Self {
        Self {
            session,
            twin,
            random,
            replies,
        }
    }

    /// Does one thing.
    pub(super) async fn step(&mut self) -> Result<(), Gone> {
        let ledger = &self.session.ledger;
        let wanted = ledger.with(|state| {
            let wanted = |id: &&WorkerId| state.workers.get(id).is_some_and(History::is_wanted);
            state.order.iter().filter(wanted).count()
        });
        let roll = match (self.random.below(100), self.replies) {
            (roll, Replies::Short) => roll,
            // Without the deletes, cancels and stops of below.
            (roll, Replies::Long) => ENDINGS + roll * (100 - ENDINGS) / 100,
        };
        if wanted < WORKERS_MIN {
            return self.create().await;
        }
        if wanted > WORKERS_MAX && self.replies == Replies::Short {
            return self.delete().await;
        }
        let Some(id) = self.pick(|_| true) else {
            return Ok(());
        };
        match roll {
            0..3 => self.delete().await,
            3..11 => self.session.end(&id, Ending::Cancel).await,
            11..ENDINGS => self.session.end(&id, Ending::Stop).await,
            ENDINGS..18 if wanted < WORKERS_MAX => self.create().await,
            ENDINGS..63 => self.input().await,
            63..71 => self.rename(&id).await,
            71..79 => self.session.detail(&id).await.map(drop),
            79..92 => self.turn_pages(&id).await,
            _ => self.follow(&id, None).await,
        }
    }

    /// A random one of the workers for which `is_wanted` holds.
    fn pick(&mut self, is_wanted: impl Fn(&History) -> bool) -> Option<WorkerId> {
        let random = &mut self.random;
        self.session.ledger.with(|state| {
            let State { order, workers, .. } = state;
            let is_wanted = |id: &&WorkerId| workers.get(id).is_some_and(&is_wanted);
            let found: Vec<&WorkerId> = order.iter().filter(is_wanted).collect();
            let index = (!found.is_empty()).then(|| random.below(found.len()))?;
            Some(found[index].clone())
        })
    }

    async fn create(&mut self) -> Result<(), Gone> {
        let is_keyed = self.random.percent(60);
        let ledger = &self.session.ledger;
        let now = ledger.clock.now();
        let index = ledger.with(|state| {
            let name = format!("worker-{}", state.number());
            let key = is_keyed.then(|| format!("create-{name}"));
            state.begin_create(name, key, now)
        });
        if is_keyed && self.random.percent(30) {
            let both = tokio::join!(self.session.create(index), self.twin.create(index));
            return both.0.and(both.1);
        }
        self.session.create(index).await
    }

    /// Deletes a worker, rather one that takes no more inputs.
    async fn delete(&mut self) -> Result<(), Gone> {
        let may_go = |history: &History| history.is_wanted() && !history.is_protected;
        let is_used_up = |history: &History| history.is_stopped() || is_full(history);
        let candidate = match self.pick(|history| may_go(history) && is_used_up(history)) {
            Some(id) => Some(id),
            None => self.pick(may_go),
        };
        match candidate {
            Some(id) => self.session.end(&id, Ending::Delete).await,
            None => self.input().await,
        }
    }

    async fn input(&mut self) -> Result<(), Gone> {
        let Some(id) = self.pick(|history| !is_full(history)) else {
            return Ok(());
        };
        let (is_keyed, is_old) = (self.random.percent(60), self.random.percent(20));
        let script = self.script();
        let random = &mut self.random;
        let ledger = &self.session.ledger;
        let now = ledger.clock.now();
        let index = ledger.with(|state| {
            let number = state.number();
            let (history, _) = state.history(&id)?;
            let keyed = history.inputs.keyed();
            if is_old && !keyed.is_empty() {
                let index = *random.choose(&keyed);
                history.inputs.repeat(index);
                return Some(index);
            }
            let reply = Numbered {
                id: number,
                ..script
            };
            let key = is_keyed.then(|| format!("input-{number}"));
            let content = Script::Numbered(reply).input();
            Some(history.inputs.add(content, key, now))
        });
        let Some(index) = index else {
            return Ok(());
        };
        if is_keyed && self.random.percent(15) && self.repeat(&id, index) {
            let both = tokio::join!(self.session.input(&id, index), self.twin.input(&id, index));
            return both.0.and(both.1).map(drop);
        }
        match self.session.input(&id, index).await? {
            Some(cursor) if self.random.percent(40) => self.follow(&id, Some(cursor)).await,
            Some(_) | None => Ok(()),
        }
    }

    /// Notes that an input with a key is sent once more.
    fn repeat(&self, id: &WorkerId, index: usize) -> bool {
        self.session
            .ledger
            .with(|state| {
                let (history, _) = state.history(id)?;
                let is_keyed = history.inputs.keyed().contains(&index);
                is_keyed.then(|| history.inputs.repeat(index))
            })
            .is_some()
    }

    fn script(&mut self) -> Numbered {
        let is_long = self.replies == Replies::Long && self.random.percent(30);
        let words = 1 + self.random.below(12);
        let pause_ms = *self.random.choose(&[0, 0, 2, 8, 25]);
        Numbered {
            id: 0,
            words: if is_long { 100 } else { words as u64 },
            pause_ms: if is_long { 40 } else { pause_ms },
            fails: self.random.percent(10),
        }
    }

    async fn rename(&mut self, id: &WorkerId) -> Result<(), Gone> {
        let number = self.session.ledger.with(State::number);
        self.session.rename(id, &format!("name-{number}")).await
    }

    /// Reads some pages from the newest one back.
    async fn turn_pages(&mut self, id: &WorkerId) -> Result<(), Gone> {
        let mut suffix = format!("/transcript?limit={PAGE}");
        for _ in 0..=self.random.below(3) {
            let found = self.session.read_of::<TranscriptPage>(id, &suffix).await?;
            let Some((page, span)) = found else {
                break;
            };
            self.session
                .ledger
                .with(|state| state.saw_page(id, &page, span));
            match page.entries.first() {
                Some(first) if page.has_earlier => {
                    suffix = format!("/transcript?limit={PAGE}&before={}", first.sequence);
                }
                Some(_) | None => break,
            }
        }
        Ok(())
    }

    /// Reads events until a run ends or nothing happens for a while.
    async fn follow(&mut self, id: &WorkerId, after: Option<Cursor>) -> Result<(), Gone> {
        let mut after = after;
        loop {
            let suffix = match after {
                Some(cursor) => format!("/events?after={cursor}&wait_ms={WAIT_MS}"),
                None => "/events".to_owned(),
            };
            let found = self.session.read_of::<EventBatch>(id, &suffix).await?;
            let Some((batch, span)) = found else {
                return Ok(());
            };
            self.session
                .ledger
                .with(|state| state.saw_events(id, &batch, span));
            let is_end = |kind: &EventKind| matches!(kind, EventKind::RunFinished { .. });
            let has_end = batch.events.iter().any(|event| is_end(&event.kind));
            if after.is_none() || has_end || batch.events.is_empty() {
                return Ok(());
            }
            after = Some(batch.next_cursor);
        }
    }
}

fn is_full(history: &History) -> bool {
    history.inputs.accepted() >= INPUTS_MAX
}
