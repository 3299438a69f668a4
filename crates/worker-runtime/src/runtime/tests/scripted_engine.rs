//! An engine that does what its input says, word by word.

use std::pin::Pin;
use std::sync::{Mutex, mpsc};
use std::time::Duration;

use crate::sync::Notify;
use crate::{
    EngineError, EngineErrorKind, ErrorDetail, Output, Report, RunDiagnostic, Turn, TurnEngine,
    Usage,
};

/// What the word `usage` reports.
pub(super) const ONE_TOKEN_EACH: Usage = Usage {
    input_tokens: Some(1),
    output_tokens: Some(1),
};

/// The words: `wait` until opened · `hang` for ever · `spin` for ever · `fail` · `think` ·
/// report `usage`, a `cut` reply or a `retry` · `panic` · `panic-at-creation` · `panic-at-drop` · `block-at-drop` until released · `flood` without
/// end · `deaf-flood` without end, ignoring errors. Any other word is pushed.
#[derive(Debug, Default)]
pub(super) struct ScriptedEngine {
    /// Opens one `wait`.
    pub(super) gate: Notify,
    /// Notified when a run's future is dropped.
    pub(super) dropped: Notify,
    /// Released by sending, or by dropping the sender.
    pub(super) block: Mutex<Option<mpsc::Receiver<()>>>,
}

impl ScriptedEngine {
    async fn follow(&self, turn: Turn, output: Output) -> Result<(), EngineError> {
        let _guard = DropGuard::new(self, &turn.input);
        for word in turn.input.split_whitespace() {
            match word {
                "wait" => self.gate.notified().await,
                "hang" => std::future::pending().await,
                "spin" => loop {
                    crate::sync::cooperate().await;
                },
                "fail" => return Err(rate_limited()),
                "think" => output.push_reasoning("hm").await?,
                "usage" => output.report(ONE_TOKEN_EACH),
                "cut" => output.report(RunDiagnostic::ReplyCutShort),
                "retry" => output.report(Report::Retrying {
                    kind: EngineErrorKind::Overloaded,
                    delay: Duration::from_secs(1),
                }),
                "panic" => panic!("as the input says"),
                "panic-at-drop" | "block-at-drop" => {}
                "flood" => loop {
                    output.push("all work and no play ").await?;
                },
                "deaf-flood" => loop {
                    let _ = output.push("all work and no play ").await;
                },
                word => output.push(word).await?,
            }
        }
        Ok(())
    }
}

impl TurnEngine for ScriptedEngine {
    fn run<'life0, 'async_trait>(
        &'life0 self,
        turn: Turn,
        output: Output,
    ) -> Pin<Box<dyn Future<Output = Result<(), EngineError>> + Send + 'async_trait>>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        assert!(
            !turn.input.contains("panic-at-creation"),
            "as the input says"
        );
        Box::pin(self.follow(turn, output))
    }
}

/// What the word `fail` fails with.
fn rate_limited() -> EngineError {
    let failed = EngineError::with_cause(EngineErrorKind::RateLimited, "as the input says");
    let failed = failed.with_detail(Some(ErrorDetail::KeyRefused));
    failed.with_retry_after(Some(Duration::from_secs(7)))
}

/// Dropped together with the future; then panics or blocks if the input says so.
struct DropGuard<'a> {
    engine: &'a ScriptedEngine,
    panics: bool,
    blocks: bool,
}

impl<'a> DropGuard<'a> {
    fn new(engine: &'a ScriptedEngine, words: &str) -> Self {
        Self {
            engine,
            panics: words.contains("panic-at-drop"),
            blocks: words.contains("block-at-drop"),
        }
    }
}

impl Drop for DropGuard<'_> {
    fn drop(&mut self) {
        if self.blocks {
            let block = self.engine.block.lock().unwrap().take();
            // Either a message or a dropped sender lets it go.
            let _ = block.map(|released| released.recv());
        }
        self.engine.dropped.notify_one();
        assert!(!self.panics, "as the input says");
    }
}
