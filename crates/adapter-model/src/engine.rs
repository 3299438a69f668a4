//! The turn engine: sends a turn to the provider, retries until the first text arrives, and
//! forwards the reply.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{sleep, timeout};
use tracing::{debug, instrument, warn, warn_span};
use worker_runtime::{
    EngineError, ModelInfo, Output, Report, RunDiagnostic, RunId, Sampling, Turn, TurnEngine, Usage,
};

use crate::client::ProviderClient;
use crate::coalesce::Coalesce;
use crate::config::{ModelConfig, ModelConfigError};
use crate::context_budget::{ContextBudget, smaller};
use crate::error::{EmptyReply, ProviderError, Reason};
use crate::forwarder::Forwarder;
use crate::prompt::Prompt;
use crate::retry::{Jitter, RetryHint, RetryPolicy};

/// Time that [`ModelEngine::probe`] takes at most, all attempts together.
pub const PROBE_TIMEOUT: Duration = Duration::from_secs(60);

/// How often less of a conversation is sent after the provider said that it is too long. Half of the
/// default budget as often is some 512 tokens.
const CONTEXT_TRIES: u32 = 8;

/// How often less of a conversation is sent after an empty reply: some servers answer so, and with no
/// error, when a prompt fills the context.
const EMPTY_REPLY_TRIES: u32 = 3;

/// Bytes of the shortest prompt that an empty reply makes suspect: half the context of the smallest
/// models.
const EMPTY_REPLY_MIN_BYTES: usize = 2 * 1024;

/// Stands between the reasoning of two attempts.
const REASONING_BREAK: &str = "\n\n";

/// Costs few tokens, and so does its reply.
const PROBE_MESSAGE: &str = "Reply with the word: ok";

/// What a provider said of a run that failed. For whoever runs the server, never for clients.
#[derive(Clone)]
pub struct RunFailure {
    /// The run.
    pub run_id: RunId,
    /// The provider's words, cut and without key and address.
    pub words: String,
}

/// Gets the provider's words of each failed run.
pub(crate) type FailureObserver = Arc<dyn Fn(RunFailure) + Send + Sync>;

/// A turn engine whose replies come from a model provider.
///
/// `Debug` shows the model's public name only.
pub struct ModelEngine {
    public_name: String,
    client: ProviderClient,
    retry: RetryPolicy,
    context: ContextBudget,
    /// Tokens of a reply at most; 0 when the provider decides.
    reply_tokens: u64,
    coalesce: Coalesce,
    pub(crate) failure_observer: Option<FailureObserver>,
}

impl ModelEngine {
    /// Builds the engine. Sends nothing yet.
    ///
    /// # Errors
    /// [`ModelConfigError`] when there is no provider for the model or a key is missing,
    /// or when the HTTP client finds no certificate authorities.
    pub fn new(config: &ModelConfig) -> Result<Self, ModelConfigError> {
        Ok(Self {
            public_name: config.model.public_name().to_owned(),
            client: ProviderClient::new(config)?,
            retry: config.retry,
            context: ContextBudget::new(config.context_bytes),
            reply_tokens: config.max_output_tokens.unwrap_or(0).into(),
            coalesce: config.coalesce,
            failure_observer: None,
        })
    }

    /// The model's name without provider, account and address.
    #[must_use]
    pub fn public_name(&self) -> &str {
        &self.public_name
    }

    /// Sends a small request, to check that the model can be used. Costs a few tokens.
    ///
    /// # Errors
    /// As a run's; `timed_out` after [`PROBE_TIMEOUT`].
    ///
    /// # Cancellation
    /// Dropping the future closes the connection.
    pub async fn probe(&self) -> Result<(), EngineError> {
        let prompt = Prompt::from_message(PROBE_MESSAGE);
        let discard = Output::new(|_| Ok(()));
        let mut spent = Usage::default();
        let complete = self.complete(&prompt, Sampling::default(), &discard, &mut spent);
        let result = timeout(PROBE_TIMEOUT, complete).await;
        let result = result.unwrap_or(Err(ProviderError::FirstByteTimedOut));
        result.map_err(ProviderError::into_engine_error)
    }

    /// Forwards the reply to a turn. When the provider says that the prompt is too long, less of the
    /// conversation is sent.
    async fn answer(&self, turn: &Turn, output: &Output) -> Result<(), ProviderError> {
        let (mut tries, mut empty_replies) = (0, 0);
        let mut spent = Usage::default();
        // Of the shortest prompt that had an empty reply.
        let mut empty_reply_bytes = None;
        let mut max_bytes = self.context.bytes();
        let mut learned = max_bytes;
        loop {
            let prompt = Prompt::from_turn(turn, max_bytes);
            if prompt.omitted_entries > 0 {
                let entries = prompt.omitted_entries;
                output.report(RunDiagnostic::ContextTruncated { entries });
            }
            if prompt.exchange_truncated {
                output.report(RunDiagnostic::ExchangeTruncated);
            }
            let complete = self.complete(&prompt, turn.sampling, output, &mut spent);
            let Err(error) = complete.await else {
                if tries > 0 {
                    self.context.limit_to(learned);
                } else if let Some(bytes) = empty_reply_bytes {
                    self.context.suspect(bytes, max_bytes);
                } else {
                    self.context.confirm(prompt.bytes());
                }
                return Ok(());
            };
            if prompt.is_input_alone() {
                return Err(error);
            }
            if let Some(Reason::ContextTooLong(told)) = error.reason() {
                tries += 1;
                debug!(tries, ?told, "the prompt is too long");
                let reply_tokens = turn.sampling.max_output_tokens.map(|it| it.get().into());
                let reply_tokens = reply_tokens.unwrap_or(self.reply_tokens);
                let fits = smaller(prompt.bytes(), told, reply_tokens);
                let Some(fits) = fits.filter(|_| tries < CONTEXT_TRIES) else {
                    return Err(error);
                };
                max_bytes = fits;
                // A profile's long replies must not shorten the conversations of other workers.
                let of_model = smaller(prompt.bytes(), told, self.reply_tokens);
                learned = of_model.map_or(fits, |bytes| bytes.max(fits));
            } else if error == ProviderError::EmptyReply(EmptyReply::Nothing)
                && empty_replies < EMPTY_REPLY_TRIES
                && prompt.bytes() > EMPTY_REPLY_MIN_BYTES
            {
                empty_replies += 1;
                empty_reply_bytes = Some(prompt.bytes());
                debug!(empty_replies, "the prompt may be too long");
                max_bytes = prompt.bytes() / 2;
            } else {
                return Err(error);
            }
        }
    }

    /// Forwards the model's reply to `output`. Attempts that fail before any text was
    /// forwarded are repeated as the retry policy says, and without what the provider refused. Adds to
    /// `spent` what all attempts cost.
    async fn complete(
        &self,
        prompt: &Prompt,
        sampling: Sampling,
        output: &Output,
        spent: &mut Usage,
    ) -> Result<(), ProviderError> {
        let mut attempt = 0;
        let mut omissions = self.client.omissions();
        loop {
            attempt += 1;
            let mut forwarder = Forwarder::new(output, self.coalesce, *spent);
            let result = match self.client.send(prompt, sampling, omissions).await {
                Ok(stream) => forwarder.forward(stream).await,
                Err(error) => Err(error),
            };
            *spent = forwarder.spent();
            let Err(error) = result else {
                self.client.learn(omissions);
                return Ok(());
            };
            let reason = error.reason();
            match reason {
                Some(Reason::ContextTooLong(_)) if forwarder.has_output => {
                    // The prompt fitted, and its reply filled the rest of the context.
                    output.report(RunDiagnostic::ContextWindowFull);
                    return Ok(());
                }
                Some(Reason::Content) if forwarder.has_output => {
                    output.report(RunDiagnostic::ContentFiltered);
                }
                _ => {}
            }
            let leave_out = |refused| {
                self.client
                    .leave_out(refused, prompt, sampling, &mut omissions)
            };
            if reason.is_some_and(leave_out) {
                attempt -= 1;
                continue;
            }
            let hint = if forwarder.has_output {
                RetryHint::Never
            } else {
                error.retry_hint()
            };
            let delay = self.retry.delay(attempt, hint, Jitter::random());
            debug!(attempt, %error, delay_ms = delay.map(millis), "attempt failed");
            let Some(delay) = delay else {
                return Err(error);
            };
            if forwarder.has_reasoning {
                // What the attempts reason is one text of the run.
                let appended = output.append_reasoning(REASONING_BREAK);
                appended.map_err(|_| ProviderError::OutputClosed)?;
            }
            let kind = error.kind();
            output.report(Report::Retrying { kind, delay });
            sleep(delay).await;
        }
    }

    /// Tells the operator why a run failed, in the provider's own words as far as they are no
    /// secret.
    fn report_failure(&self, turn: &Turn, error: &ProviderError) {
        let (worker_id, run_id) = (turn.worker_id, turn.run_id);
        let words = error.words().map(|words| self.client.redact(words));
        warn_span!("run", %worker_id, %run_id).in_scope(|| {
            warn!(%error, words, "no whole reply from the model");
        });
        if let (Some(observer), Some(words)) = (&self.failure_observer, words) {
            observer(RunFailure { run_id, words });
        }
    }
}

fn millis(delay: Duration) -> u64 {
    u64::try_from(delay.as_millis()).unwrap_or(u64::MAX)
}

#[async_trait]
impl TurnEngine for ModelEngine {
    fn models(&self) -> Vec<ModelInfo> {
        vec![ModelInfo {
            name: self.public_name().to_owned(),
            offline: false,
        }]
    }

    // The span of lines at `debug`. A run that fails logs one line, which has one of its own.
    #[instrument(level = "debug", skip_all, fields(worker_id = %turn.worker_id, run_id = %turn.run_id))]
    async fn run(&self, turn: Turn, output: Output) -> Result<(), EngineError> {
        self.answer(&turn, &output).await.map_err(|error| {
            // A closed output is the runtime's own doing, e.g. by the output limit.
            if error != ProviderError::OutputClosed {
                self.report_failure(&turn, &error);
            }
            error.into_engine_error()
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
