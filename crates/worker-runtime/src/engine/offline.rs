//! The engine that works without a model, so that everything else can be tried.

use std::time::Duration;

use async_trait::async_trait;

use super::history::count_words;
use super::{EngineError, ModelInfo, Output, Turn, TurnEngine};
use crate::run::Usage;
use crate::sync;

/// The beginning of every reply.
const OPENING: &str = "No model is configured, so this is the offline engine: it only repeats what \
                       it was told. You said: ";

/// Replies that no model is configured, and quotes the input back.
///
/// The reply depends on the input alone and comes word by word, so that streaming,
/// busy workers and cancelling can be seen. Usage counts words as tokens.
#[derive(Debug, Clone)]
pub struct OfflineEngine {
    pace: Duration,
}

impl OfflineEngine {
    /// The time between two words by default: quick to read, slow enough to cancel.
    pub const PACE: Duration = Duration::from_millis(15);

    /// Its name where models are named.
    pub const MODEL_NAME: &str = "offline";

    /// How many words of the input are quoted.
    pub const QUOTED_WORDS: usize = 200;

    /// An engine with this time between two words; zero sets no timer.
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
    fn models(&self) -> Vec<ModelInfo> {
        vec![ModelInfo {
            name: Self::MODEL_NAME.to_owned(),
            offline: true,
        }]
    }

    async fn run(&self, turn: Turn, output: Output) -> Result<(), EngineError> {
        let reply = format!("{OPENING}{}", quotation(&turn.input));
        let mut output_tokens = 0;
        for word in reply.split_inclusive(' ') {
            if !self.pace.is_zero() {
                sync::sleep(self.pace).await;
            }
            output.push(word).await?;
            output_tokens += 1;
        }
        let input_tokens = count_words(&turn.instructions) + turn.transcript.words_with_input();
        output.report(Usage {
            input_tokens: Some(input_tokens),
            output_tokens: Some(output_tokens),
        });
        Ok(())
    }
}

/// The first words of `input` between quotation marks, and how many more it has.
fn quotation(input: &str) -> String {
    let mut words = input.split_whitespace();
    let quoted: Vec<&str> = words.by_ref().take(OfflineEngine::QUOTED_WORDS).collect();
    let quoted = quoted.join(" ");
    match words.count() {
        0 => format!("“{quoted}”"),
        1 => format!("“{quoted}” (1 more word)"),
        more => format!("“{quoted}” ({more} more words)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offline_engine_names_itself_as_offline() {
        let model = OfflineEngine::default().models().remove(0);
        assert_eq!((model.name.as_str(), model.offline), ("offline", true));
    }

    #[test]
    fn the_input_is_quoted_with_one_space_between_its_words() {
        assert_eq!(quotation("  hello\n there "), "“hello there”");
        assert_eq!(quotation(" "), "“”");
    }

    #[test]
    fn a_long_input_is_quoted_by_its_first_words() {
        let numbers: Vec<String> = (1..=202).map(|n| n.to_string()).collect();
        for (words, end) in [
            (202, " 199 200” (2 more words)"),
            (201, " 200” (1 more word)"),
            (200, " 200”"),
        ] {
            let quotation = quotation(&numbers[..words].join(" "));
            assert!(quotation.ends_with(end), "{quotation}");
        }
    }
}
