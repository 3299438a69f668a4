//! An engine that does what its input says, word by word.

use std::pin::Pin;
use std::sync::{Mutex, mpsc};

use crate::sync::Notify;
use crate::{EngineError, EngineErrorKind, Output, Turn, TurnEngine, Usage};

/// The words: `wait` until opened · `hang` for ever · `spin` for ever · `fail` · `panic` ·
/// `panic-at-creation` · `panic-at-drop` · `block-at-drop` until released · `flood` without
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
    async fn follow(&self, turn: Turn, output: Output) -> Result<Usage, EngineError> {
        let _guard = DropGuard::new(self, &turn.input);
        for word in turn.input.split_whitespace() {
            match word {
                "wait" => self.gate.notified().await,
                "hang" => std::future::pending().await,
                "spin" => loop {
                    crate::sync::cooperate().await;
                },
                "fail" => return Err(EngineError::new(EngineErrorKind::RateLimited)),
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
        Ok(Usage {
            input_tokens: 1,
            output_tokens: 1,
        })
    }
}

impl TurnEngine for ScriptedEngine {
    fn run<'life0, 'async_trait>(
        &'life0 self,
        turn: Turn,
        output: Output,
    ) -> Pin<Box<dyn Future<Output = Result<Usage, EngineError>> + Send + 'async_trait>>
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
