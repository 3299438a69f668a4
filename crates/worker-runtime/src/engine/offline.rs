//! The engine that works without a model, so that everything else can be tried.

use std::time::Duration;

use async_trait::async_trait;

use super::words::{parts, words as count};
use super::{EngineError, ModelInfo, Output, Turn, TurnEngine, Usage};
use crate::sync;

/// What every reply begins with.
const OPENING: &str = "No model is configured, so this is the offline engine: it only repeats what \
                       it was told. You said: “";
/// What the quotation ends with.
const CLOSING: &str = "”";
/// Room for the quotation that a reply begins with: most inputs are shorter.
const USUAL_INPUT_BYTES: usize = 1_024;
/// Room for the words that a reply begins with.
const USUAL_WORDS: usize = 64;

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

    /// An engine with this time between two words. Zero sets no timer: the words follow each
    /// other, several in a step, and other tasks have their turn when the run has used up its
    /// share of the executor ([`Output::push_all`]).
    #[must_use]
    pub const fn new(pace: Duration) -> Self {
        Self { pace }
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
        let mut words = Vec::with_capacity(USUAL_WORDS);
        words.extend(parts(&reply));
        if self.pace.is_zero() {
            output.push_all(&words).await?;
        } else {
            for word in &words {
                sync::sleep(self.pace).await;
                output.push(word).await?;
            }
        }
        Ok(Usage {
            input_tokens: count(&turn.instructions) + turn.transcript.words_with_input(),
            output_tokens: words.len() as u64,
        })
    }
}

/// The reply to an input. Between two of its words stands one space, so that its pieces are
/// its words.
fn reply_to(input: &str) -> String {
    let quotation = input.len().min(USUAL_INPUT_BYTES);
    let mut reply = String::with_capacity(OPENING.len() + quotation + CLOSING.len());
    reply.push_str(OPENING);
    let mut words = input.split_whitespace();
    let mut space = "";
    for word in words.by_ref().take(OfflineEngine::QUOTED_WORDS) {
        reply.push_str(space);
        reply.push_str(word);
        space = " ";
    }
    reply.push_str(CLOSING);
    match words.count() {
        0 => {}
        1 => reply.push_str(" (1 more word)"),
        more => reply.push_str(&format!(" ({more} more words)")),
    }
    reply
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
