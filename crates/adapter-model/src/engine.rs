//! The turn engine: asks, tries again while nothing was said, and passes the reply on.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tracing::{debug, instrument, warn};
use worker_runtime::{EngineError, ModelInfo, Output, RunDiagnostic, Turn, TurnEngine, Usage};

use crate::coalesce::{Coalesce, Gathered};
use crate::config::{ModelConfig, ModelConfigError};
use crate::conversation::Conversation;
use crate::exchange::Exchange;
use crate::fault::{Fault, Retry};
use crate::reply::Reply;
use crate::retry::{Random, RetryPolicy};

/// How long [`ModelEngine::probe`] takes at most, all attempts together.
pub const PROBE_TIME: Duration = Duration::from_secs(60);

/// What [`ModelEngine::probe`] asks: few tokens in, few tokens out.
const PROBE_QUESTION: &str = "Reply with the word: ok";

/// Workers' replies from a model.
///
/// Its `Debug` shows the model's public name, and it holds nothing else that may be shown.
pub struct ModelEngine {
    public_name: String,
    exchange: Exchange,
    retry: RetryPolicy,
    context_bytes: usize,
    coalesce: Coalesce,
}

impl ModelEngine {
    /// An engine that asks this model. Sends nothing yet.
    ///
    /// # Errors
    /// [`ModelConfigError`] when there is no provider for the model or a key is missing,
    /// or when the HTTP client finds no certificate authorities.
    pub fn new(config: &ModelConfig) -> Result<Self, ModelConfigError> {
        Ok(Self {
            public_name: config.model.public().to_owned(),
            exchange: Exchange::new(config)?,
            retry: config.retry,
            context_bytes: config.context_bytes,
            coalesce: config.coalesce,
        })
    }

    /// The model's name for everybody: no provider, no account, no address.
    #[must_use]
    pub fn public_name(&self) -> &str {
        &self.public_name
    }

    /// Asks the model for a word, to see whether it can be asked. Costs a few tokens.
    ///
    /// # Errors
    /// As a run's; `timed_out` after [`PROBE_TIME`].
    ///
    /// # Cancellation
    /// Dropping the future closes the connection.
    pub async fn probe(&self) -> Result<Usage, EngineError> {
        let conversation = Conversation::question(PROBE_QUESTION);
        let nowhere = Output::new(|_| Ok(()));
        let answer = timeout(PROBE_TIME, self.answer(&conversation, &nowhere)).await;
        let answer = answer.unwrap_or(Err(Fault::FirstByteTimedOut));
        answer.map_err(EngineError::from)
    }

    async fn answer(&self, conversation: &Conversation, output: &Output) -> Result<Usage, Fault> {
        let question = self.exchange.question(conversation)?;
        let mut made = 0;
        loop {
            made += 1;
            let mut relay = Relay::new(output, self.coalesce);
            let answer = match self.exchange.ask(question.clone()).await {
                Ok(reply) => relay.pass_on(reply).await,
                Err(fault) => Err(fault),
            };
            let fault = match answer {
                Ok(usage) => return Ok(usage),
                Err(fault) => fault,
            };
            let retry = if relay.spoken {
                Retry::No
            } else {
                fault.retry()
            };
            let pause = self.retry.pause(made, retry, Random::draw());
            debug!(attempt = made, %fault, pause_ms = pause.map(millis), "attempt failed");
            let Some(pause) = pause else {
                return Err(fault);
            };
            sleep(pause).await;
        }
    }
}

fn millis(pause: Duration) -> u64 {
    u64::try_from(pause.as_millis()).unwrap_or(u64::MAX)
}

#[async_trait]
impl TurnEngine for ModelEngine {
    fn model(&self) -> Option<ModelInfo> {
        Some(ModelInfo {
            name: self.public_name().to_owned(),
            offline: false,
        })
    }

    #[instrument(skip_all, fields(worker_id = %turn.worker_id, run_id = %turn.run_id))]
    async fn run(&self, turn: Turn, output: Output) -> Result<Usage, EngineError> {
        let conversation = Conversation::of(&turn, self.context_bytes);
        // The entries may be many, and the answer long in coming.
        drop(turn);
        if conversation.left_out > 0 {
            let entries = conversation.left_out;
            debug!(entries, "context truncated");
            output.report(RunDiagnostic::ContextTruncated { entries });
        }
        let answer = self.answer(&conversation, &output).await;
        answer.map_err(|fault| {
            // Whoever closed the output knows why.
            if fault != Fault::OutputClosed {
                warn!(%fault, "no whole reply from the model");
            }
            EngineError::from(fault)
        })
    }
}

impl fmt::Debug for ModelEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelEngine")
            .field("public_name", &self.public_name)
            .finish_non_exhaustive()
    }
}

/// Passes one attempt's reply on.
struct Relay<'a> {
    output: &'a Output,
    gathered: Gathered,
    /// Something was passed on: what was said can't be taken back.
    spoken: bool,
}

impl<'a> Relay<'a> {
    fn new(output: &'a Output, rule: Coalesce) -> Self {
        Self {
            output,
            gathered: Gathered::new(rule),
            spoken: false,
        }
    }

    /// Passes on all of the reply, or what there is of it before a fault.
    async fn pass_on(&mut self, mut reply: Reply) -> Result<Usage, Fault> {
        loop {
            // Neither arm loses anything when the other one wins: see `Reply::next`.
            let next = match self.gathered.due() {
                None => Ok(reply.next().await),
                Some(due) => timeout_at(due, reply.next()).await,
            };
            match next {
                Err(_elapsed) => self.flush().await?,
                Ok(Ok(Some(text))) => {
                    if self.gathered.add(&text, Instant::now()) {
                        self.flush().await?;
                    }
                }
                Ok(Ok(None)) => {
                    self.flush().await?;
                    if reply.was_cut_short() {
                        self.output.report(RunDiagnostic::ReplyCutShort);
                    }
                    return Ok(reply.usage());
                }
                Ok(Err(fault)) => {
                    self.flush().await?;
                    return Err(fault);
                }
            }
        }
    }

    async fn flush(&mut self) -> Result<(), Fault> {
        let text = self.gathered.take();
        if text.is_empty() {
            return Ok(());
        }
        self.spoken = true;
        let pushed = self.output.push(&text).await;
        pushed.map_err(|_| Fault::OutputClosed)
    }
}
