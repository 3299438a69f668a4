//! The engine that works without a model, so that everything else can be tried.

use std::time::Duration;

use async_trait::async_trait;

use super::{EngineError, ModelInfo, Output, Turn, TurnEngine, Usage};
use crate::sync;

/// Says that no model is configured, and quotes the input back.
///
/// Its reply depends on the input alone and comes word by word, so that streaming,
/// busy workers and cancelling can be seen. It counts words as tokens.
#[derive(Debug, Clone)]
pub struct OfflineEngine {
    pace: Duration,
}

impl OfflineEngine {
    /// The time between two words by default: quick to read, slow enough to cancel.
    pub const PACE: Duration = Duration::from_millis(15);

    /// What it is called where models are named.
    pub const MODEL_NAME: &str = "offline";

    /// Words of the input that are quoted.
    pub const QUOTED_WORDS: usize = 200;

    /// An engine with this time between two words. Zero sends them as fast as the
    /// executor lets other tasks have their turn.
    #[must_use]
    pub const fn new(pace: Duration) -> Self {
        Self { pace }
    }

    async fn pause(&self) {
        if self.pace.is_zero() {
            sync::yield_now().await;
        } else {
            sync::sleep(self.pace).await;
        }
    }
}

impl Default for OfflineEngine {
    fn default() -> Self {
        Self::new(Self::PACE)
    }
}

#[async_trait]
impl TurnEngine for OfflineEngine {
    fn model(&self) -> Option<ModelInfo> {
        Some(ModelInfo {
            name: Self::MODEL_NAME.to_owned(),
            offline: true,
        })
    }

    async fn run(&self, turn: Turn, output: Output) -> Result<Usage, EngineError> {
        let reply = reply_to(&turn.input);
        for word in reply.split_inclusive(' ') {
            self.pause().await;
            output.push(word).await?;
        }
        let said_before = turn.transcript.iter().map(|entry| words(&entry.content));
        Ok(Usage {
            input_tokens: said_before.sum::<u64>() + words(&turn.instructions) + words(&turn.input),
            output_tokens: words(&reply),
        })
    }
}

fn reply_to(input: &str) -> String {
    let mut words = input.split_whitespace();
    let quoted: Vec<&str> = words.by_ref().take(OfflineEngine::QUOTED_WORDS).collect();
    let quoted = quoted.join(" ");
    let left_out = match words.count() {
        0 => String::new(),
        1 => " (1 more word)".to_owned(),
        more => format!(" ({more} more words)"),
    };
    format!(
        "No model is configured, so this is the offline engine: it only repeats what it \
         was told. You said: “{quoted}”{left_out}"
    )
}

fn words(text: &str) -> u64 {
    u64::try_from(text.split_whitespace().count()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reply_says_that_there_is_no_model_and_quotes_the_input() {
        let reply = reply_to("  hello\n there ");
        assert!(reply.starts_with("No model is configured"), "{reply}");
        assert!(reply.ends_with("You said: “hello there”"), "{reply}");
    }

    #[test]
    fn a_long_input_is_quoted_by_its_first_words() {
        let numbers: Vec<String> = (1..=202).map(|n| n.to_string()).collect();
        let reply = reply_to(&numbers.join(" "));
        assert!(reply.contains(" 199 200” (2 more words)"), "{reply}");
        let reply = reply_to(&numbers[..201].join(" "));
        assert!(reply.ends_with(" 200” (1 more word)"), "{reply}");
        let reply = reply_to(&numbers[..200].join(" "));
        assert!(reply.ends_with(" 200”"), "{reply}");
    }
}
