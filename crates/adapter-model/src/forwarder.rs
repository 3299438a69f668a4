//! Forwarding the reply of one attempt to the run's output.

use std::pin::pin;

use futures_util::FutureExt as _;
use tokio::task::yield_now;
use tokio::time::{Instant, timeout_at};
use worker_runtime::{Output, RunDiagnostic, Usage};

use crate::coalesce::{Coalesce, DeltaBuffer};
use crate::error::{EmptyReply, ProviderError};
use crate::protocol::Piece;
use crate::response_stream::ResponseStream;
use crate::think_splitter::{Split, ThinkSplitter};

/// Turns that the first text of a reply leaves to its connection, which hands over one chunk in each. As
/// many as a short reply that comes at once has chunks after its text, so that its reader is answered once.
const TURNS_OF_FIRST_TEXT: u32 = 4;

/// Forwards the reply of one attempt.
pub(crate) struct Forwarder<'a> {
    output: &'a Output,
    splitter: ThinkSplitter,
    buffer: DeltaBuffer,
    /// What the buffer holds.
    kind: Kind,
    /// What the run's attempts before this one used.
    spent_before: Usage,
    usage: Usage,
    /// Text was forwarded, which can't be taken back.
    pub(crate) has_output: bool,
    /// Reasoning was forwarded.
    pub(crate) has_reasoning: bool,
    /// Some of it was more than white space.
    has_words: bool,
    /// Of [`TURNS_OF_FIRST_TEXT`].
    turns_left: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Reasoning,
}

impl<'a> Forwarder<'a> {
    /// Forwards to `output`, in a run that used `spent_before` already.
    pub(crate) fn new(output: &'a Output, coalesce: Coalesce, spent_before: Usage) -> Self {
        Self {
            output,
            splitter: ThinkSplitter::default(),
            buffer: DeltaBuffer::new(coalesce),
            kind: Kind::Text,
            spent_before,
            usage: Usage::default(),
            has_output: false,
            has_reasoning: false,
            has_words: false,
            turns_left: TURNS_OF_FIRST_TEXT,
        }
    }

    /// Forwards the whole reply, or its text up to an error.
    pub(crate) async fn forward(
        &mut self,
        mut stream: ResponseStream,
    ) -> Result<(), ProviderError> {
        let end = loop {
            let next = self.next_piece(&mut stream).await;
            self.report_usage(stream.state().usage);
            match next {
                None => self.flush()?,
                Some(Ok(Some(piece))) => self.append(&piece)?,
                Some(Ok(None)) => break Ok(()),
                Some(Err(error)) => break Err(error),
            }
        };
        let held = self.splitter.finish();
        self.append_split(&held)?;
        self.flush()?;
        end?;
        if !self.has_output {
            // All of the text was reasoning between tags.
            return Err(ProviderError::EmptyReply(EmptyReply::ReasoningOnly));
        }
        self.report_diagnostics(&stream);
        Ok(())
    }

    /// The next piece of the reply, or none when what is held must go on first. All that has already
    /// come goes on together: readers are answered once for it.
    async fn next_piece(
        &mut self,
        stream: &mut ResponseStream,
    ) -> Option<Result<Option<Piece>, ProviderError>> {
        // It is cancel-safe, so dropping it loses nothing.
        let mut next = pin!(stream.next_piece());
        match self.buffer.deadline() {
            None => Some(next.await),
            Some(deadline) if deadline <= Instant::now() => {
                let mut piece = next.as_mut().now_or_never();
                // With many replies at once a turn takes longer than a reader should wait.
                while piece.is_none() && self.turns_left > 0 && self.buffer.is_quiet() {
                    self.turns_left -= 1;
                    yield_now().await;
                    piece = next.as_mut().now_or_never();
                }
                piece
            }
            Some(deadline) => timeout_at(deadline, next).await.ok(),
        }
    }

    fn report_usage(&mut self, usage: Usage) {
        // While a large event is parsed, nothing is known.
        if usage != self.usage && usage != Usage::default() {
            self.usage = usage;
            self.output.report(self.spent());
        }
    }

    /// What the run used so far.
    pub(crate) fn spent(&self) -> Usage {
        self.spent_before.plus(self.usage)
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

    fn append(&mut self, piece: &Piece) -> Result<(), ProviderError> {
        if piece.hidden_reasoning {
            self.append_reasoning("")?;
        }
        self.add(Kind::Reasoning, &piece.reasoning)?;
        let split = self.splitter.push(&piece.text);
        self.append_split(&split)
    }

    fn append_split(&mut self, split: &Split<'_>) -> Result<(), ProviderError> {
        self.add(Kind::Reasoning, &split.reasoning)?;
        self.add(Kind::Text, &split.text)
    }

    fn add(&mut self, kind: Kind, text: &str) -> Result<(), ProviderError> {
        if text.is_empty() {
            return Ok(());
        }
        if kind != self.kind {
            self.flush()?;
            self.kind = kind;
        }
        self.buffer.append(text, Instant::now());
        if self.buffer.is_full() {
            self.flush()?;
        }
        Ok(())
    }

    /// Forwards what is held. No need to yield: the next piece is waited for, and a response yields
    /// when much of it is there.
    fn flush(&mut self) -> Result<(), ProviderError> {
        let text = self.buffer.take(Instant::now());
        if text.is_empty() {
            return Ok(());
        }
        if self.kind == Kind::Reasoning {
            self.has_reasoning = true;
            return self.append_reasoning(&text);
        }
        self.has_output = true;
        self.has_words |= !text.trim().is_empty();
        let appended = self.output.append(&text);
        appended.map_err(|_| ProviderError::OutputClosed)
    }

    fn append_reasoning(&self, text: &str) -> Result<(), ProviderError> {
        let appended = self.output.append_reasoning(text);
        appended.map_err(|_| ProviderError::OutputClosed)
    }
}
