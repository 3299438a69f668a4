//! Forwarding the reply of one attempt to the run's output.

use tokio::time::{Instant, timeout_at};
use worker_runtime::{Output, RunDiagnostic, Usage};

use crate::coalesce::{Coalesce, DeltaBuffer};
use crate::error::{EmptyReply, ProviderError};
use crate::protocol::Piece;
use crate::response_stream::ResponseStream;
use crate::think_splitter::{Split, ThinkSplitter};

/// Forwards the reply of one attempt.
pub(crate) struct Forwarder<'a> {
    output: &'a Output,
    splitter: ThinkSplitter,
    buffer: DeltaBuffer,
    /// What the buffer holds.
    kind: Kind,
    usage: Usage,
    /// Text was forwarded, which can't be taken back.
    pub(crate) has_output: bool,
    /// Some of it was more than white space.
    has_words: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Reasoning,
}

impl<'a> Forwarder<'a> {
    pub(crate) fn new(output: &'a Output, coalesce: Coalesce) -> Self {
        Self {
            output,
            splitter: ThinkSplitter::default(),
            buffer: DeltaBuffer::new(coalesce),
            kind: Kind::Text,
            usage: Usage::default(),
            has_output: false,
            has_words: false,
        }
    }

    /// Forwards the whole reply, or its text up to an error.
    pub(crate) async fn forward(
        &mut self,
        mut stream: ResponseStream,
    ) -> Result<(), ProviderError> {
        let end = loop {
            // `next_piece` is cancel-safe, so the time-out loses nothing.
            let next = match self.buffer.deadline() {
                None => Ok(stream.next_piece().await),
                Some(deadline) => timeout_at(deadline, stream.next_piece()).await,
            };
            self.report_usage(stream.state().usage);
            match next {
                Err(_) => self.flush().await?,
                Ok(Ok(Some(piece))) => self.append(piece).await?,
                Ok(Ok(None)) => break Ok(()),
                Ok(Err(error)) => break Err(error),
            }
        };
        let held = self.splitter.finish();
        self.append_split(held).await?;
        self.flush().await?;
        end?;
        if !self.has_output {
            // All of the text was reasoning between tags.
            return Err(ProviderError::EmptyReply(EmptyReply::ReasoningOnly));
        }
        self.report_diagnostics(&stream);
        Ok(())
    }

    fn report_usage(&mut self, usage: Usage) {
        // While a large event is parsed, nothing is known.
        if usage != self.usage && usage != Usage::default() {
            self.usage = usage;
            self.output.report(usage);
        }
    }

    fn report_diagnostics(&self, stream: &ResponseStream) {
        let state = stream.state();
        for (is_so, diagnostic) in [
            (state.cut_short, RunDiagnostic::ReplyCutShort),
            (state.context_full, RunDiagnostic::ContextWindowFull),
            (state.filtered, RunDiagnostic::ContentFiltered),
            (!self.has_words, RunDiagnostic::BlankReply),
        ] {
            if is_so {
                self.output.report(diagnostic);
            }
        }
    }

    async fn append(&mut self, piece: Piece) -> Result<(), ProviderError> {
        if piece.hidden_reasoning {
            self.push_reasoning("").await?;
        }
        self.add(Kind::Reasoning, &piece.reasoning).await?;
        let split = self.splitter.push(&piece.text);
        self.append_split(split).await
    }

    async fn append_split(&mut self, split: Split) -> Result<(), ProviderError> {
        self.add(Kind::Reasoning, &split.reasoning).await?;
        self.add(Kind::Text, &split.text).await
    }

    async fn add(&mut self, kind: Kind, text: &str) -> Result<(), ProviderError> {
        if text.is_empty() {
            return Ok(());
        }
        if kind != self.kind {
            self.flush().await?;
            self.kind = kind;
        }
        if self.buffer.append(text, Instant::now()) {
            self.flush().await?;
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), ProviderError> {
        let text = self.buffer.take(Instant::now());
        if text.is_empty() {
            return Ok(());
        }
        if self.kind == Kind::Reasoning {
            return self.push_reasoning(&text).await;
        }
        self.has_output = true;
        self.has_words |= !text.trim().is_empty();
        let pushed = self.output.push(&text).await;
        pushed.map_err(|_| ProviderError::OutputClosed)
    }

    async fn push_reasoning(&mut self, text: &str) -> Result<(), ProviderError> {
        let pushed = self.output.push_reasoning(text).await;
        pushed.map_err(|_| ProviderError::OutputClosed)
    }
}
