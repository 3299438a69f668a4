//! What is said to a worker, and to the one that takes its place when a server that was
//! restarted has forgotten it.

use http_api::wire::{CreateWorkerBody, ProblemCode};
use registry_core::projection::{AcceptedInput, Usage, WorkerState};
use registry_core::{IdempotencyKey, WorkerRef};
use uuid::Uuid;

use super::hearing::{Ending, Heard, Hearing, PATIENCE};
use super::link::{Link, is_outage};
use crate::args::ChatArgs;
use crate::client::{Client, TranscriptQuery};
use crate::command::until_interrupted;
use crate::failure::{Failure, command_line};
use crate::output::{Format, Terminal};

/// A conversation with one worker at a time.
pub(super) struct Conversation<'a> {
    link: Link,
    terminal: &'a mut Terminal,
    format: Format,
    /// The worker that was named, if one was.
    named: Option<WorkerRef>,
    worker: WorkerRef,
    /// What another worker has to be like to take its place.
    like: CreateWorkerBody,
}

impl<'a> Conversation<'a> {
    /// Finds the worker that `args` name, or creates one.
    ///
    /// A server that is not there from the start is not waited for.
    pub(super) async fn begin(
        link: Link,
        terminal: &'a mut Terminal,
        format: Format,
        args: ChatArgs,
    ) -> Result<Self, Failure> {
        let named = args
            .worker
            .map(|worker| WorkerRef::new(args.runtime.clone(), worker));
        let like = CreateWorkerBody {
            display_name: args.name,
            profile: args.profile,
        };
        let summary = match &named {
            Some(worker) => link.client().worker(worker).await?.value.summary,
            None => {
                let created = link.client().create(&args.runtime, &like, None);
                created.await?.value.summary
            }
        };
        let worker = WorkerRef::new(summary.runtime_id, summary.worker_id);
        match summary.state {
            WorkerState::Idle | WorkerState::Running | WorkerState::Cancelling => {}
            state @ (WorkerState::Stopped | WorkerState::Recorded) => {
                return Err(Failure::TakesNothing { worker, state });
            }
        }
        let like = CreateWorkerBody {
            display_name: Some(summary.display_name),
            profile: summary.profile,
        };
        Ok(Self {
            link,
            terminal,
            format,
            named,
            worker,
            like,
        })
    }

    /// Says who is there, and how to leave.
    pub(super) fn greet(&mut self) {
        let name = self.like.display_name.as_ref();
        let name = name.map(|name| format!("“{name}” ")).unwrap_or_default();
        let id = &self.worker.worker_id;
        self.terminal.aside(&format!(
            "note: {name}({id}) listens; Ctrl-C cancels a reply, Ctrl-D leaves"
        ));
    }

    /// Prints the reply that is being produced, if one is: what it has said, and the rest.
    pub(super) async fn hear_the_rest(&mut self) -> Result<Option<Heard>, Failure> {
        let newest = TranscriptQuery {
            limit: Some(1),
            ..TranscriptQuery::default()
        };
        let worker = &self.worker;
        let ask = async |client: &Client| {
            let read = async || client.transcript(worker, &newest).await;
            PATIENCE.persist(read).await
        };
        let read = until_interrupted(self.link.persist(self.terminal, ask));
        let page = read.await?.value;
        let Some(reply) = &page.in_flight else {
            return Ok(None);
        };
        let accepted = AcceptedInput {
            run_id: reply.run_id.clone(),
            // The input of the active run is the newest entry: its reply is not one yet.
            sequence: page.last_sequence.unwrap_or_default(),
            cursor: page.cursor,
        };
        self.terminal.note("note: a reply is under way");
        let mut hearing = Hearing::new(worker, accepted, self.terminal, self.format);
        hearing.show_so_far(&page)?;
        hear(hearing, &mut self.link).await.map(Some)
    }

    /// Says `message` and prints the reply.
    pub(super) async fn say(&mut self, message: &str) -> Result<Heard, Failure> {
        let accepted = until_interrupted(self.send(message)).await?;
        let hearing = Hearing::new(&self.worker, accepted, self.terminal, self.format);
        hear(hearing, &mut self.link).await
    }

    /// Says what came of a message. Fails when the conversation can't go on.
    pub(super) async fn report(
        &mut self,
        heard: Result<Option<Heard>, Failure>,
    ) -> Result<(), Failure> {
        self.terminal.end_line()?;
        let heard = match heard {
            Ok(Some(heard)) => heard,
            Ok(None) => return Ok(()),
            Err(failure) => return self.bear(failure),
        };
        match heard.ending {
            Ending::Completed => {}
            Ending::Cancelled => self.terminal.note("note: the run was cancelled"),
            Ending::Otherwise(end) => self.bear(Failure::RunEnded(end))?,
            Ending::Lost(_) => {
                let note = "note: the rest of this reply is lost with the server it came from";
                self.terminal.note(note);
                let replaced = until_interrupted(self.replace_worker()).await;
                return replaced.or_else(|failure| self.bear(failure));
            }
        }
        self.say_usage(heard.usage);
        Ok(())
    }

    /// Says what a run used, if that is known.
    pub(super) fn say_usage(&mut self, usage: Option<Usage>) {
        if let Some(usage) = usage {
            let (read, written) = (usage.input_tokens, usage.output_tokens);
            let remark = format!("{read} tokens read, {written} written");
            self.terminal.remark(&remark);
        }
    }

    /// Says `failure`, unless nothing that is typed next could help.
    fn bear(&mut self, failure: Failure) -> Result<(), Failure> {
        if let Failure::Interrupted = failure {
            let cancel = command_line("cancel", &self.worker);
            self.terminal.note(&format!(
                "note: not waiting any longer; a run may go on, `{cancel}` ends it"
            ));
            return Ok(());
        }
        if ends_the_conversation(&failure) {
            return Err(failure);
        }
        self.terminal.failure(&failure, self.format);
        Ok(())
    }

    /// Says how to go on later, unless whoever named the worker knows, or nobody can.
    pub(super) fn say_how_to_go_on(&mut self, result: &Result<(), Failure>) {
        let can_go_on = !matches!(result, Err(Failure::TakesNothing { .. }));
        if can_go_on && self.named.as_ref() != Some(&self.worker) {
            let chat = command_line("chat", &self.worker);
            self.terminal.note(&format!("note: go on with `{chat}`"));
        }
    }

    /// Sends `message` until it was accepted, once: an answer that is lost leaves open what
    /// was done, and the key keeps it from being done twice.
    async fn send(&mut self, message: &str) -> Result<AcceptedInput, Failure> {
        let key = fresh_key();
        match self.send_once(message, &key).await {
            Err(failure) if is_forgotten(&failure) => {
                self.replace_worker().await?;
                self.send_once(message, &key).await
            }
            result => result,
        }
    }

    async fn send_once(
        &mut self,
        message: &str,
        key: &IdempotencyKey,
    ) -> Result<AcceptedInput, Failure> {
        let worker = &self.worker;
        let send = async |client: &Client| {
            let content = message.to_owned();
            client.send_input(worker, content, Some(key)).await
        };
        match self.link.persist(self.terminal, send).await {
            Ok(answer) => Ok(answer.value),
            Err(failure) if code(&failure) == Some(ProblemCode::WorkerStopped) => {
                Err(Failure::TakesNothing {
                    worker: worker.clone(),
                    state: WorkerState::Stopped,
                })
            }
            Err(failure) => Err(failure),
        }
    }

    /// Goes on with a new worker that is like the one that was forgotten.
    async fn replace_worker(&mut self) -> Result<(), Failure> {
        let (runtime, like, key) = (&self.worker.runtime_id, &self.like, fresh_key());
        let create = async |client: &Client| client.create(runtime, like, Some(&key)).await;
        let created = self.link.persist(self.terminal, create).await?;
        let summary = created.value.summary;
        let worker = WorkerRef::new(summary.runtime_id, summary.worker_id);
        let (old, new) = (&self.worker.worker_id, &worker.worker_id);
        self.terminal.note(&format!(
            "note: the server was restarted and knows nothing of {old}. A new worker of the \
             same name and profile goes on, without what was said before: {new}"
        ));
        self.worker = worker;
        Ok(())
    }
}

/// Hears a reply to its end, which is also that its worker was forgotten.
async fn hear(hearing: Hearing<'_>, link: &mut Link) -> Result<Heard, Failure> {
    match hearing.hear_out(link).await {
        Err(failure) if is_forgotten(&failure) => Ok(Heard {
            ending: Ending::Lost(failure),
            usage: None,
        }),
        result => result,
    }
}

/// A key that nobody has used.
fn fresh_key() -> IdempotencyKey {
    let key = Uuid::now_v7().to_string();
    key.parse().expect("a UUID is an idempotency key")
}

fn code(failure: &Failure) -> Option<ProblemCode> {
    if let Failure::Refused(refusal) = failure {
        Some(refusal.problem.code)
    } else {
        None
    }
}

/// Whether `failure` says that the server does not know the worker. It did once, so it is
/// another life of the server, with a memory of its own.
fn is_forgotten(failure: &Failure) -> bool {
    code(failure) == Some(ProblemCode::UnknownWorker)
}

/// Whether nothing that is typed next could help.
fn ends_the_conversation(failure: &Failure) -> bool {
    match failure {
        Failure::TakesNothing { .. }
        | Failure::Output(_)
        | Failure::Setup(_)
        | Failure::Usage(_) => true,
        Failure::Unreachable(_) | Failure::Refused(_) => is_outage(failure),
        Failure::NotOurAnswer { .. }
        | Failure::RunEnded(_)
        | Failure::EndlessList { .. }
        | Failure::Interrupted => false,
    }
}
