//! Holds a server that was started again against the ledger.

use std::collections::HashMap;
use std::sync::Arc;

use registry_core::WorkerId;
use registry_core::projection::{
    TranscriptEntry, TranscriptPage, WorkerPage, WorkerState, WorkerSummary,
};

use super::clock::Span;
use super::findings::Promise;
use super::history::History;
use super::ledger::{Create, Ledger, State};
use super::session::{Gone, Session, worker_path};
use crate::client::Client;
use crate::random::Random;
use crate::worker::EMBEDDED;

/// Entries of a page.
const PAGE: usize = 200;
/// Deleted workers that are asked for after each start.
const DELETED_SAMPLE: usize = 3;

/// How much is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// What was touched since the last verification.
    Touched,
    /// Everything.
    Everything,
}

/// The workers that a server listed.
pub(super) type List = (Vec<WorkerSummary>, Span);

pub(super) struct Verifier {
    session: Session,
    ledger: Arc<Ledger>,
    scope: Scope,
}

/// Reads the list of all workers.
pub(super) async fn read_list(session: &mut Session) -> Result<List, Gone> {
    let begun = session.ledger.clock.now();
    let (mut workers, mut token) = (Vec::new(), String::new());
    loop {
        let path = format!("{EMBEDDED}/workers?limit={PAGE}{token}");
        let (response, span) = session.read(&path).await?;
        let page: WorkerPage = match response.expect(200, &path).and_then(|page| page.json()) {
            Ok(page) => page,
            Err(failure) => return Err(Gone(failure)),
        };
        workers.extend(page.items);
        match page.next_page_token {
            Some(next) => token = format!("&page_token={next}"),
            None => return Ok((workers, Span { begun, ..span })),
        }
    }
}

impl Verifier {
    pub(super) fn new(client: Client, ledger: &Arc<Ledger>, scope: Scope) -> Self {
        Self {
            session: Session::new(client, ledger),
            ledger: Arc::clone(ledger),
            scope,
        }
    }

    /// Verifies what is there while nobody else asks anything. `list` is the first that was
    /// answered.
    pub(super) async fn run(&mut self, list: List, random: &mut Random) -> Result<(), Gone> {
        self.check_list(&list).await?;
        self.ledger.with(State::forget_deleted);
        self.check_deleted(random).await?;
        for id in self.ids(|history| history.is_touched) {
            self.verify_worker(&id).await?;
        }
        self.check_cursor().await?;
        self.repeat_creates().await?;
        self.repeat_inputs().await?;
        self.ledger.with(State::forget_creates);
        Ok(())
    }

    /// Finds in the list whoever was created, and nobody else.
    async fn check_list(&mut self, (workers, span): &List) -> Result<(), Gone> {
        let mut by_name: HashMap<String, Vec<&WorkerSummary>> = HashMap::new();
        self.ledger.with(|state| {
            for summary in workers {
                state.check_restarted(summary);
                let id = &summary.worker_id;
                if let Some(history) = state.workers.get_mut(id) {
                    history.see(summary, *span, &mut state.findings);
                } else if state.deleted.contains(id) {
                    let text = "it was deleted, and is listed";
                    state.findings.add(Promise::Lost, id.as_str(), text);
                } else {
                    let name = summary.display_name.to_string();
                    by_name.entry(name).or_default().push(summary);
                }
            }
            let is_listed = |id: &WorkerId| workers.iter().any(|listed| listed.worker_id == *id);
            let missing: Vec<WorkerId> = state.order.clone();
            for id in missing.iter().filter(|id| !is_listed(id)) {
                state.saw_unknown(id, *span);
            }
        });
        for (name, found) in by_name {
            self.adopt(&name, &found).await?;
        }
        Ok(())
    }

    /// Takes a worker that nobody knows yet for that of a creation which was not answered.
    async fn adopt(&mut self, name: &str, found: &[&WorkerSummary]) -> Result<(), Gone> {
        let index = self.ledger.with(|state| {
            let may_have_made = |create: &Create| create.may_have_made(name);
            let index = state.creates.iter().position(may_have_made);
            if index.is_none() {
                let text = format!("{} that nobody created", found.len());
                state.findings.add(Promise::Torn, name, text);
            } else if found.len() > 1 {
                let text = format!("created {} times", found.len());
                state.findings.add(Promise::Twice, name, text);
            }
            index
        });
        let (Some(index), Some(summary)) = (index, found.first()) else {
            return Ok(());
        };
        let id = summary.worker_id.clone();
        let Some((detail, span)) = self.session.detail(&id).await? else {
            return Ok(());
        };
        self.ledger.with(|state| {
            let create = &mut state.creates[index];
            create.worker = Some(id);
            let created = Span {
                begun: create.begun,
                ended: span.begun,
            };
            state.adopt(name, &detail, created);
        });
        Ok(())
    }

    async fn check_deleted(&mut self, random: &mut Random) -> Result<(), Gone> {
        let deleted: Vec<WorkerId> = self
            .ledger
            .with(|state| state.deleted.iter().cloned().collect());
        let chosen: Vec<&WorkerId> = match self.scope {
            Scope::Everything => deleted.iter().collect(),
            Scope::Touched if deleted.is_empty() => Vec::new(),
            Scope::Touched => (0..DELETED_SAMPLE)
                .map(|_| random.choose(&deleted))
                .collect(),
        };
        for id in chosen {
            let (response, _) = self.session.read(&worker_path(id, "")).await?;
            self.ledger.with(|state| {
                let status = response.status;
                state
                    .findings
                    .check(status == 404, Promise::Lost, id.as_str(), || {
                        format!("it was deleted, and is answered {status}")
                    });
            });
        }
        Ok(())
    }

    async fn verify_worker(&mut self, id: &WorkerId) -> Result<(), Gone> {
        let Some((detail, span)) = self.session.detail(id).await? else {
            return Ok(());
        };
        let entries = self.transcript(id).await?;
        self.ledger.with(|state| {
            state.check_restarted(&detail.summary);
            let has_reply = entries.last().is_some_and(|entry| entry.partial);
            state.count_interrupted(&detail, has_reply);
            state.counts.verified += 1;
            if let Some((history, findings)) = state.history(id) {
                history.verify(&detail, &entries, span, findings);
            }
        });
        Ok(())
    }

    async fn transcript(&mut self, id: &WorkerId) -> Result<Vec<TranscriptEntry>, Gone> {
        let mut entries: Vec<TranscriptEntry> = Vec::new();
        loop {
            let after = entries.last().map_or(0, |entry| entry.sequence);
            let suffix = format!("/transcript?limit={PAGE}&after={after}");
            let found = self.session.read_of::<TranscriptPage>(id, &suffix).await?;
            let Some((page, _)) = found else {
                return Ok(entries);
            };
            let is_last = !page.has_later || page.entries.is_empty();
            entries.extend(page.entries);
            if is_last {
                return Ok(entries);
            }
        }
    }

    /// A cursor of the life before is expired.
    async fn check_cursor(&mut self) -> Result<(), Gone> {
        let Some((id, cursor)) = self.ledger.with(|state| state.cursor.take()) else {
            return Ok(());
        };
        let path = worker_path(&id, &format!("/events?after={cursor}"));
        let (response, _) = self.session.read(&path).await?;
        self.ledger.with(|state| {
            if !matches!(response.status, 404 | 410) {
                state.unexplained(id.as_str(), "a cursor of the life before", &response);
            }
        });
        Ok(())
    }

    /// Repeats creations under their keys.
    async fn repeat_creates(&mut self) -> Result<(), Gone> {
        let scope = self.scope;
        let creates: Vec<usize> = self.ledger.with(|state| {
            let creates = state.creates.iter().enumerate();
            let chosen = creates.filter(|(_, create)| {
                let history = create.worker.as_ref().and_then(|id| state.workers.get(id));
                // The key of a worker that may be deleted is free again.
                let is_there = create.worker.is_none() || history.is_some_and(History::is_wanted);
                let is_due = create.is_recent || scope == Scope::Everything;
                create.key.is_some() && is_due && is_there
            });
            chosen.map(|(index, _)| index).collect()
        });
        for index in creates {
            self.session.create(index).await?;
        }
        Ok(())
    }

    /// Repeats inputs under their keys.
    async fn repeat_inputs(&mut self) -> Result<(), Gone> {
        for (id, index) in self.ledger.with(|state| state.inputs_to_repeat(self.scope)) {
            self.ledger.with(|state| {
                if let Some((history, _)) = state.history(&id) {
                    history.inputs.repeat(index);
                }
            });
            self.session.input(&id, index).await?;
        }
        Ok(())
    }

    fn ids(&self, is_wanted: impl Fn(&History) -> bool) -> Vec<WorkerId> {
        let scope = self.scope;
        self.ledger.with(|state| {
            let wanted = |id: &&WorkerId| {
                let history = state.workers.get(id);
                history.is_some_and(|history| scope == Scope::Everything || is_wanted(history))
            };
            state.order.iter().filter(wanted).cloned().collect()
        })
    }
}

impl State {
    /// No run goes on right after a start.
    fn check_restarted(&mut self, summary: &WorkerSummary) {
        let is_idle = matches!(summary.state, WorkerState::Idle | WorkerState::Stopped);
        let is_at_rest = is_idle && summary.active_run.is_none();
        let id = summary.worker_id.as_str();
        self.findings.check(is_at_rest, Promise::Torn, id, || {
            let (state, run) = (summary.state.as_str(), &summary.active_run);
            format!("right after the start it is {state} with the run {run:?}")
        });
    }
}
