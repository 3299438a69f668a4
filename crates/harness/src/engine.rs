//! A scripted turn engine: the input names the reply, or the fault, that it produces.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use worker_runtime::{EngineError, EngineErrorKind, Output, Turn, TurnEngine, Usage};

pub(crate) const WORD: &str = "w ";
/// How long a slow drop blocks its thread: more than a scheduler's slice, less than what would
/// stall the other runs of the thread.
const SLOW_DROP: Duration = Duration::from_millis(20);
/// The pause between two deltas of an endless reply, so that readers can follow.
const ENDLESS_PAUSE: Duration = Duration::from_millis(2);
/// A character that JSON escapes with six bytes.
const ESCAPED: char = '\u{1}';
/// Bytes of escaped text in one delta.
const ESCAPED_DELTA_BYTES: usize = 8 * 1024;

/// What an input can ask of the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Script {
    PanicAtOnce,
    /// Push a delta, then panic.
    PanicMidway,
    /// Push a delta, hang, and panic when dropped.
    PanicInDrop,
    /// Hang for ever.
    Hang,
    /// Push deltas for ever and ignore that the output refuses them.
    EndlessReply,
    /// Yield for ever.
    Spin,
    /// Hang, and block the thread for a while when dropped.
    SlowDrop,
    /// Push this many words, one delta each.
    Reply(u64),
    /// Push this many bytes of text that JSON escapes.
    ReplyEscaped(usize),
    /// Reply with the number of other runs whose futures exist.
    CountRuns,
    /// Push numbered words one by one.
    Numbered(Numbered),
}

/// A reply of which every beginning can be recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Numbered {
    /// Different for each input.
    pub(crate) id: u64,
    /// How many words there are.
    pub(crate) words: u64,
    /// Milliseconds before each word; with none the reply never waits.
    pub(crate) pause_ms: u64,
    /// Whether the run fails after its last word.
    pub(crate) fails: bool,
}

impl Numbered {
    /// The whole reply.
    pub(crate) fn text(self) -> String {
        (0..self.words).map(|number| self.word(number)).collect()
    }

    fn word(self, number: u64) -> String {
        format!("{}.{number} ", self.id)
    }

    async fn push(self, output: &Output) -> Result<(), EngineError> {
        for number in 0..self.words {
            if self.pause_ms > 0 {
                tokio::time::sleep(Duration::from_millis(self.pause_ms)).await;
            }
            output.push(&self.word(number)).await?;
        }
        if self.fails {
            return Err(EngineError::new(EngineErrorKind::Internal));
        }
        output.report(usage(self.words));
        Ok(())
    }
}

impl Script {
    /// The input that selects this script.
    pub(crate) fn input(self) -> String {
        serde_json::to_string(&self).expect("a script has a JSON form")
    }
}

/// The engine; it counts the runs whose futures have not been dropped.
#[derive(Default)]
pub(crate) struct ScriptedEngine {
    runs: Arc<AtomicU64>,
}

struct CountedRun(Arc<AtomicU64>);

impl CountedRun {
    fn start(runs: &Arc<AtomicU64>) -> Self {
        runs.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(runs))
    }
}

impl Drop for CountedRun {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

struct PanicInDrop;

impl Drop for PanicInDrop {
    fn drop(&mut self) {
        panic!("an engine panics while it is dropped");
    }
}

struct SlowDrop;

impl Drop for SlowDrop {
    fn drop(&mut self) {
        thread::sleep(SLOW_DROP);
    }
}

#[async_trait]
impl TurnEngine for ScriptedEngine {
    async fn run(&self, turn: Turn, output: Output) -> Result<(), EngineError> {
        let _counted = CountedRun::start(&self.runs);
        let script = serde_json::from_str(&turn.input)
            .map_err(|_| EngineError::new(EngineErrorKind::InvalidResponse))?;
        match script {
            Script::PanicAtOnce => panic!("an engine panics before its first await"),
            Script::PanicMidway => {
                output.push(WORD).await?;
                panic!("an engine panics in the middle of a reply");
            }
            Script::PanicInDrop => {
                let _bomb = PanicInDrop;
                output.push(WORD).await?;
                pending().await
            }
            Script::Hang => pending().await,
            Script::EndlessReply => loop {
                let _ = output.push(WORD).await;
                tokio::time::sleep(ENDLESS_PAUSE).await;
            },
            Script::Spin => loop {
                tokio::task::yield_now().await;
            },
            Script::SlowDrop => {
                let _slow = SlowDrop;
                pending().await
            }
            Script::Reply(words) => {
                for _ in 0..words {
                    output.push(WORD).await?;
                }
                output.report(usage(words));
                Ok(())
            }
            Script::ReplyEscaped(bytes) => {
                let delta = ESCAPED.to_string().repeat(ESCAPED_DELTA_BYTES);
                for start in (0..bytes).step_by(ESCAPED_DELTA_BYTES) {
                    let length = ESCAPED_DELTA_BYTES.min(bytes - start);
                    output.push(&delta[..length]).await?;
                }
                Ok(())
            }
            Script::CountRuns => {
                let others = self.runs.load(Ordering::SeqCst) - 1;
                output.push(&others.to_string()).await?;
                output.report(usage(1));
                Ok(())
            }
            Script::Numbered(reply) => reply.push(&output).await,
        }
    }
}

fn usage(output_tokens: u64) -> Usage {
    Usage {
        input_tokens: Some(0),
        output_tokens: Some(output_tokens),
    }
}
