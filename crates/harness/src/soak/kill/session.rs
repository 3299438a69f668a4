//! Requests to the server of the moment, each with its place in the order of all.

use std::sync::Arc;

use registry_core::projection::{AcceptedInput, WorkerDetail};
use registry_core::{Cursor, WorkerId};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::clients::Outlook;
use super::clock::Span;
use super::history::{Ending, History};
use super::input_ledger::{InputAnswer, Replay};
use super::ledger::{Ledger, State};
use crate::client::{Client, Response};
use crate::failure::Failure;
use crate::worker::EMBEDDED;

/// The server is gone, or says that it is unavailable.
#[derive(Debug)]
pub(super) struct Gone(pub(super) Failure);

/// The reasons of which the API documents that nothing was changed.
const NOTHING_CHANGED: [&str; 3] = ["store_failed", "store_full", "store_lost"];

/// Most attempts to read what the server gives up on at its deadline.
const READ_ATTEMPTS: usize = 3;

impl Gone {
    /// Whether the server has given up at its deadline.
    fn is_too_late(&self) -> bool {
        matches!(&self.0, Failure::Unavailable(reason) if reason == "deadline_exceeded")
    }

    /// Whether the server has said that nothing was changed.
    fn is_refusal(&self) -> bool {
        matches!(&self.0, Failure::Unavailable(reason) if NOTHING_CHANGED.contains(&&**reason))
    }
}

/// A connection of one client. Everything it learns goes into the ledger.
pub(super) struct Session {
    client: Client,
    pub(super) ledger: Arc<Ledger>,
    outlook: Option<watch::Receiver<Outlook>>,
}

/// A request without a body, or with one, and perhaps with a key.
#[derive(Debug, Default)]
struct Extra<'a> {
    body: Option<Value>,
    key: Option<&'a str>,
}

impl Session {
    pub(super) fn new(client: Client, ledger: &Arc<Ledger>) -> Self {
        Self {
            client,
            ledger: Arc::clone(ledger),
            outlook: None,
        }
    }

    /// Sends nothing more once the server is replaced: what it would read is out of date.
    pub(super) fn until_replaced(self, outlook: watch::Receiver<Outlook>) -> Self {
        Self {
            outlook: Some(outlook),
            ..self
        }
    }

    /// Creates a worker. Also repeats a creation.
    pub(super) async fn create(&mut self, index: usize) -> Result<(), Gone> {
        let (name, key) = self.ledger.with(|state| state.send_create(index));
        let extra = Extra {
            body: Some(json!({ "display_name": name })),
            key: key.as_deref(),
        };
        let path = format!("{EMBEDDED}/workers");
        let created = self.write("POST", &path, extra).await;
        let (response, span) = created.inspect_err(|gone| {
            if gone.is_refusal() {
                self.ledger.with(|state| state.create_refused(index));
            }
        })?;
        let replay = replay(&response);
        self.ledger
            .with(|state| match (response.status, response.json()) {
                (201, Ok(detail)) => state.created(index, &detail, replay, span),
                (429, _) => state.counts.refused += 1,
                _ => state.unexplained(&name, "create", &response),
            });
        Ok(())
    }

    /// Sends an input of the ledger.
    pub(super) async fn input(&mut self, id: &WorkerId, index: usize) -> Result<Sent, Gone> {
        let input = |state: &mut State| {
            let history = state.workers.get(id)?;
            let input = history.inputs.iter().nth(index)?;
            Some((input.content.clone(), input.key.clone()))
        };
        let Some((content, key)) = self.ledger.with(input) else {
            return Ok(None);
        };
        let extra = Extra {
            body: Some(json!({ "content": content })),
            key: key.as_deref(),
        };
        let sent = self.write("POST", &worker_path(id, "/input"), extra).await;
        self.ledger.with(|state| {
            let (response, span) = match sent {
                Ok(sent) => sent,
                Err(gone) => {
                    let answer = if gone.is_refusal() {
                        InputAnswer::Refused
                    } else {
                        InputAnswer::Unknown
                    };
                    state.input_answered(id, index, answer);
                    return Err(gone);
                }
            };
            match (response.status, response.json::<AcceptedInput>()) {
                (202, Ok(accepted)) => {
                    let (replay, cursor) = (replay(&response), accepted.cursor);
                    state.cursor = Some((id.clone(), cursor));
                    state.input_answered(id, index, InputAnswer::Accepted(accepted, replay));
                    return Ok(Some(cursor).filter(|_| replay == Replay::Fresh));
                }
                (404, _) => state.saw_unknown(id, span),
                // Busy or stopped; or no room for another run or worker in memory.
                (409 | 429, _) => {}
                _ => state.unexplained(id.as_str(), "input", &response),
            }
            state.input_answered(id, index, InputAnswer::Refused);
            Ok(None)
        })
    }

    /// Cancels, stops or deletes.
    pub(super) async fn end(&mut self, id: &WorkerId, ending: Ending) -> Result<(), Gone> {
        let begun = self.ledger.clock.now();
        self.of(id, |history| history.begin_ending(ending, begun));
        let body = Some(json!({}));
        let (method, path, body) = match ending {
            Ending::Cancel => ("POST", worker_path(id, "/cancel"), body),
            Ending::Stop => ("POST", worker_path(id, "/stop"), body),
            Ending::Delete => ("DELETE", worker_path(id, ""), None),
        };
        let extra = Extra { body, key: None };
        let (response, span) = self.write(method, &path, extra).await?;
        self.ledger.with(|state| match (response.status, ending) {
            (404, _) => state.saw_unknown(id, span),
            (200, Ending::Cancel) => state.cancelled(id, &response),
            (200, Ending::Stop) => state.saw_detail(id, &response, span),
            (204, Ending::Delete) => {
                if let Some((history, _)) = state.history(id) {
                    history.deleted(span);
                }
            }
            (429, _) => state.counts.refused += 1,
            _ => state.unexplained(id.as_str(), &format!("{ending:?}"), &response),
        });
        Ok(())
    }

    pub(super) async fn rename(&mut self, id: &WorkerId, name: &str) -> Result<(), Gone> {
        let begun = self.ledger.clock.now();
        self.of(id, |history| history.names.begin(name, begun));
        let extra = Extra {
            body: Some(json!({ "display_name": name })),
            key: None,
        };
        let renamed = self.write("PATCH", &worker_path(id, ""), extra).await;
        let now = self.ledger.clock.now();
        let (response, span) = renamed.inspect_err(|gone| {
            self.of(id, |history| match gone.is_refusal() {
                true => history.names.refuse(name),
                false => history.names.end(name, now, false),
            });
        })?;
        self.ledger.with(|state| match response.status {
            200 => {
                if let Some((history, _)) = state.history(id) {
                    history.names.end(name, span.ended, true);
                }
                state.saw_detail(id, &response, span);
            }
            404 => {
                if let Some((history, _)) = state.history(id) {
                    history.names.refuse(name);
                }
                state.saw_unknown(id, span);
            }
            // No room in memory for one more worker.
            429 => {
                state.counts.refused += 1;
                if let Some((history, _)) = state.history(id) {
                    history.names.refuse(name);
                }
            }
            _ => state.unexplained(id.as_str(), "rename", &response),
        });
        Ok(())
    }

    /// Reads a worker; nothing when it is unknown.
    pub(super) async fn detail(
        &mut self,
        id: &WorkerId,
    ) -> Result<Option<(WorkerDetail, Span)>, Gone> {
        let (response, span) = self.read(&worker_path(id, "")).await?;
        Ok(self.ledger.with(|state| match response.status {
            200 => {
                state.saw_detail(id, &response, span);
                response.json().ok().map(|detail| (detail, span))
            }
            404 => {
                state.saw_unknown(id, span);
                None
            }
            429 => None,
            _ => {
                state.unexplained(id.as_str(), "detail", &response);
                None
            }
        }))
    }

    /// Reads something of a worker; nothing when it is unknown, or the cursor expired.
    pub(super) async fn read_of<T: DeserializeOwned>(
        &mut self,
        id: &WorkerId,
        suffix: &str,
    ) -> Result<Option<(T, Span)>, Gone> {
        let (response, span) = self.read(&worker_path(id, suffix)).await?;
        Ok(self.ledger.with(|state| match response.status {
            200 => response.json().ok().map(|found| (found, span)),
            404 => {
                state.saw_unknown(id, span);
                None
            }
            410 | 429 => None,
            _ => {
                state.unexplained(id.as_str(), suffix, &response);
                None
            }
        }))
    }

    /// Reads, and up to twice more when the server gives up after its own deadline of 2 s: a pause of the
    /// machine can last longer. One that it never answers in time is [`Gone`].
    pub(super) async fn read(&mut self, path: &str) -> Result<(Response, Span), Gone> {
        self.ledger.with(|state| state.counts.reads += 1);
        let mut attempts = 0;
        loop {
            attempts += 1;
            match self.send("GET", path, Extra::default()).await {
                Err(gone) if gone.is_too_late() && attempts < READ_ATTEMPTS => {
                    self.ledger.with(|state| state.counts.late_reads += 1);
                }
                read => return read,
            }
        }
    }

    async fn write(
        &mut self,
        method: &str,
        path: &str,
        extra: Extra<'_>,
    ) -> Result<(Response, Span), Gone> {
        let sent = self.send(method, path, extra).await;
        self.ledger.with(|state| match &sent {
            Ok(_) => state.counts.answered += 1,
            Err(Gone(Failure::Unavailable(_))) => state.counts.unavailable += 1,
            Err(Gone(_)) => state.counts.unknown += 1,
        });
        sent
    }

    async fn send(
        &mut self,
        method: &str,
        path: &str,
        extra: Extra<'_>,
    ) -> Result<(Response, Span), Gone> {
        let outlook = self.outlook.as_ref();
        if outlook.is_some_and(|outlook| *outlook.borrow() == Outlook::Replaced) {
            return Err(Gone(Failure::Closed));
        }
        let Extra { body, key } = extra;
        let endpoint = self.client.endpoint();
        let request = endpoint.request_under_key(method, path, body.as_ref(), key);
        let begun = self.ledger.clock.now();
        let response = self.client.send(&request).await.map_err(Gone)?;
        let ended = self.ledger.clock.now();
        if let Some(reason) = response.unavailability() {
            return Err(Gone(Failure::Unavailable(reason)));
        }
        Ok((response, Span { begun, ended }))
    }

    fn of(&self, id: &WorkerId, change: impl FnOnce(&mut History)) {
        self.ledger.with(|state| {
            if let Some((history, _)) = state.history(id) {
                change(history);
            }
        });
    }
}

/// The cursor after an input that was accepted just now.
type Sent = Option<Cursor>;

pub(super) fn worker_path(id: &WorkerId, suffix: &str) -> String {
    format!("{EMBEDDED}/workers/{id}{suffix}")
}

fn replay(response: &Response) -> Replay {
    if response.is_replay() {
        Replay::Replayed
    } else {
        Replay::Fresh
    }
}
