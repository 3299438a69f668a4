//! An engine that ends at once, or when it is cancelled.

use async_trait::async_trait;
use worker_runtime::{EngineError, EngineErrorKind, Output, Turn, TurnEngine, Usage};

/// What every reply consists of, in one piece.
pub(crate) const REPLY: &str = "hm";

/// What is said to a worker, and what its engine makes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Content {
    /// It replies and ends.
    Answer,
    /// It replies and waits to be cancelled.
    Linger,
    /// It fails, and has said nothing.
    Fail,
}

impl Content {
    const ALL: [Self; 3] = [Self::Answer, Self::Linger, Self::Fail];

    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Linger => "linger",
            Self::Fail => "fail",
        }
    }
}

/// Does what the input says.
pub(crate) struct Obedient;

#[async_trait]
impl TurnEngine for Obedient {
    async fn run(&self, turn: Turn, output: Output) -> Result<Usage, EngineError> {
        let said = |content: &&Content| content.text() == &*turn.input;
        let content = Content::ALL.iter().find(said).expect("a content");
        let _reluctance = Reluctance;
        // Others get a chance to see every step.
        tokio::task::yield_now().await;
        if matches!(content, Content::Answer | Content::Linger) {
            output.push(REPLY).await?;
            tokio::task::yield_now().await;
        }
        match content {
            Content::Answer => Ok(Usage::default()),
            Content::Linger => std::future::pending().await,
            Content::Fail => Err(EngineError::new(EngineErrorKind::Refused)),
        }
    }
}

/// Lets others see that the run is being ended, before it is let go.
struct Reluctance;

impl Drop for Reluctance {
    fn drop(&mut self) {
        std::thread::yield_now();
    }
}
