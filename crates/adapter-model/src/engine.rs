//! The turn engine: sends a turn to the provider, retries until the first text arrives, and
//! forwards the reply.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tracing::{debug, instrument, warn};
use worker_runtime::{EngineError, ModelInfo, Output, RunDiagnostic, Turn, TurnEngine, Usage};

use crate::client::ProviderClient;
use crate::coalesce::{Coalesce, DeltaBuffer};
use crate::config::{ModelConfig, ModelConfigError};
use crate::error::ProviderError;
use crate::prompt::Prompt;
use crate::response_stream::ResponseStream;
use crate::retry::{Jitter, RetryHint, RetryPolicy};

/// Time that [`ModelEngine::probe`] takes at most, all attempts together.
pub const PROBE_TIMEOUT: Duration = Duration::from_secs(60);

/// Costs few tokens, and so does its reply.
const PROBE_MESSAGE: &str = "Reply with the word: ok";

/// A turn engine whose replies come from a model provider.
///
/// `Debug` shows the model's public name only.
pub struct ModelEngine {
    public_name: String,
    client: ProviderClient,
    retry: RetryPolicy,
    context_bytes: usize,
    coalesce: Coalesce,
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
            context_bytes: config.context_bytes,
            coalesce: config.coalesce,
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
    pub async fn probe(&self) -> Result<Usage, EngineError> {
        let prompt = Prompt::from_message(PROBE_MESSAGE);
        let discard = Output::new(|_| Ok(()));
        let result = timeout(PROBE_TIMEOUT, self.complete(&prompt, &discard)).await;
        let result = result.unwrap_or(Err(ProviderError::FirstByteTimedOut));
        result.map_err(EngineError::from)
    }

    /// Forwards the model's reply to `output`. Attempts that fail before any text was
    /// forwarded are repeated as the retry policy says.
    async fn complete(&self, prompt: &Prompt, output: &Output) -> Result<Usage, ProviderError> {
        let body = self.client.request_body(prompt);
        let mut attempt = 0;
        loop {
            attempt += 1;
            let mut forwarder = Forwarder::new(output, self.coalesce);
            let result = match self.client.send(body.clone()).await {
                Ok(stream) => forwarder.forward(stream).await,
                Err(error) => Err(error),
            };
            let error = match result {
                Ok(usage) => return Ok(usage),
                Err(error) => error,
            };
            let hint = if forwarder.has_output {
                RetryHint::Never
            } else {
                error.classify().1
            };
            let delay = self.retry.delay(attempt, hint, Jitter::random());
            debug!(attempt, %error, delay_ms = delay.map(millis), "attempt failed");
            let Some(delay) = delay else {
                return Err(error);
            };
            sleep(delay).await;
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

    #[instrument(skip_all, fields(worker_id = %turn.worker_id, run_id = %turn.run_id))]
    async fn run(&self, turn: Turn, output: Output) -> Result<(), EngineError> {
        let prompt = Prompt::from_turn(&turn, self.context_bytes);
        // The transcript may be large and the reply slow, so it isn't held until the end.
        drop(turn);
        if prompt.omitted_entries > 0 {
            let entries = prompt.omitted_entries;
            debug!(entries, "context truncated");
            output.report(RunDiagnostic::ContextTruncated { entries });
        }
        let result = self.complete(&prompt, &output).await;
        result.map(|usage| output.report(usage)).map_err(|error| {
            // A closed output is the runtime's own doing, e.g. by the output limit.
            if error != ProviderError::OutputClosed {
                warn!(%error, "no whole reply from the model");
            }
            EngineError::from(error)
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

/// Forwards the reply of one attempt.
struct Forwarder<'a> {
    output: &'a Output,
    buffer: DeltaBuffer,
    /// Text was forwarded, which can't be taken back.
    has_output: bool,
}

impl<'a> Forwarder<'a> {
    fn new(output: &'a Output, coalesce: Coalesce) -> Self {
        Self {
            output,
            buffer: DeltaBuffer::new(coalesce),
            has_output: false,
        }
    }

    /// Forwards the whole reply, or its text up to an error.
    async fn forward(&mut self, mut stream: ResponseStream) -> Result<Usage, ProviderError> {
        loop {
            // `next_delta` is cancel-safe, so the time-out loses nothing.
            let next = match self.buffer.deadline() {
                None => Ok(stream.next_delta().await),
                Some(deadline) => timeout_at(deadline, stream.next_delta()).await,
            };
            if let Ok(Ok(Some(delta))) = &next
                && !self.buffer.append(delta, Instant::now())
            {
                continue;
            }
            self.flush().await?;
            match next {
                Err(_) | Ok(Ok(Some(_))) => {}
                Ok(Ok(None)) => break,
                Ok(Err(error)) => return Err(error),
            }
        }
        let state = stream.state();
        if state.cut_short {
            self.output.report(RunDiagnostic::ReplyCutShort);
        }
        Ok(state.usage)
    }

    async fn flush(&mut self) -> Result<(), ProviderError> {
        let text = self.buffer.take();
        if text.is_empty() {
            return Ok(());
        }
        self.has_output = true;
        let pushed = self.output.push(&text).await;
        pushed.map_err(|_| ProviderError::OutputClosed)
    }
}
