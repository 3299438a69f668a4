//! The engine that works without a model, so that everything else can be tried.

use std::fmt;
use std::sync::{Arc, LazyLock, OnceLock};
use std::time::Duration;

use async_trait::async_trait;

use super::words::{parts, words as count};
use super::{EngineError, ModelInfo, Output, Turn, TurnEngine, Usage};
use crate::sync;

/// What every reply begins with.
const OPENING: &str = "No model is configured, so this is the offline engine: it only repeats what \
                       it was told. You said: ";
/// Its words.
static OPENING_WORDS: LazyLock<Box<[&str]>> = LazyLock::new(|| parts(OPENING).collect());
/// What a quotation is between.
const QUOTES: [&str; 2] = ["“", "”"];
/// Room for the quotation at first: most inputs are shorter.
const USUAL_INPUT_BYTES: usize = 1_024;
/// Room for the words that a reply begins with.
const USUAL_WORDS: usize = 64;

/// Says that no model is configured, and quotes the input back.
///
/// Its reply depends on the input alone and comes word by word, so that streaming,
/// busy workers and cancelling can be seen. It counts words as tokens.
#[derive(Clone)]
pub struct OfflineEngine {
    pace: Duration,
    /// The first instructions that it worked under, and their words: nearly always, the next
    /// are the same.
    instructions: OnceLock<(Arc<str>, u64)>,
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
        Self {
            pace,
            instructions: OnceLock::new(),
        }
    }

    fn words_of(&self, instructions: &Arc<str>) -> u64 {
        let counted = || (Arc::clone(instructions), count(instructions));
        match self.instructions.get_or_init(counted) {
            (known, words) if Arc::ptr_eq(known, instructions) => *words,
            _ => count(instructions),
        }
    }
}

/// Without the instructions, which belong in no log.
impl fmt::Debug for OfflineEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OfflineEngine")
            .field("pace", &self.pace)
            .finish_non_exhaustive()
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
        let quotation = Quotation::of(&turn.input);
        let mut words = Vec::with_capacity(USUAL_WORDS);
        words.extend_from_slice(&OPENING_WORDS);
        words.extend(quotation.words());
        if self.pace.is_zero() {
            output.push_all(&words).await?;
        } else {
            for word in &words {
                sync::sleep(self.pace).await;
                output.push(word).await?;
            }
        }
        Ok(Usage {
            input_tokens: self.words_of(&turn.instructions) + turn.transcript.words_with_input(),
            output_tokens: words.len() as u64,
        })
    }
}

/// What of an input is repeated, and how many words more it had.
struct Quotation {
    text: String,
    /// Where its words end, with the space after them. Of the last one, and of what follows,
    /// nothing is noted.
    ends: Vec<usize>,
}

impl Quotation {
    fn of(input: &str) -> Self {
        let [open, close] = QUOTES;
        let room = input.len().min(USUAL_INPUT_BYTES) + open.len() + close.len();
        let mut text = String::with_capacity(room);
        let mut ends = Vec::with_capacity(USUAL_WORDS);
        let mut words = input.split_whitespace();
        text.push_str(open);
        text.push_str(words.next().unwrap_or_default());
        for word in words.by_ref().take(OfflineEngine::QUOTED_WORDS - 1) {
            text.push(' ');
            ends.push(text.len());
            text.push_str(word);
        }
        text.push_str(close);
        match words.count() {
            0 => {}
            1 => text.push_str(" (1 more word)"),
            more => text.push_str(&format!(" ({more} more words)")),
        }
        Self { text, ends }
    }

    fn words(&self) -> impl Iterator<Item = &str> {
        let begins = [0].into_iter().chain(self.ends.iter().copied());
        let noted = begins.zip(&self.ends);
        let last = self.ends.last().copied().unwrap_or(0);
        noted
            .map(|(begin, end)| &self.text[begin..*end])
            .chain(parts(&self.text[last..]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_opening_is_the_words_that_it_consists_of() {
        assert!(OPENING.starts_with("No model is configured"));
        assert_eq!(OPENING_WORDS.concat(), OPENING);
    }

    #[test]
    fn the_words_of_a_quotation_are_all_of_it() {
        let many = "a ".repeat(OfflineEngine::QUOTED_WORDS + 2);
        for input in ["", "one", "one two", "  one\ttwo  three ", &many] {
            let quotation = Quotation::of(input);
            assert!(quotation.words().eq(parts(&quotation.text)), "{input:?}");
        }
    }

    #[test]
    fn words_of_other_instructions_are_counted_as_well() {
        let engine = OfflineEngine::default();
        for (instructions, words) in [("one two", 2), ("one", 1), ("one two", 2)] {
            assert_eq!(engine.words_of(&instructions.into()), words);
        }
    }

    #[test]
    fn the_input_is_quoted_with_one_space_between_its_words() {
        let quotation_of = |input| Quotation::of(input).text;
        assert_eq!(quotation_of("  hello\n there "), "“hello there”");
        assert_eq!(quotation_of(" "), "“”");
    }

    #[test]
    fn a_long_input_is_quoted_by_its_first_words() {
        let quotation_of = |input: &str| Quotation::of(input).text;
        let numbers: Vec<String> = (1..=202).map(|n| n.to_string()).collect();
        let quotation = quotation_of(&numbers.join(" "));
        assert!(
            quotation.contains(" 199 200” (2 more words)"),
            "{quotation}"
        );
        let quotation = quotation_of(&numbers[..201].join(" "));
        assert!(quotation.ends_with(" 200” (1 more word)"), "{quotation}");
        let quotation = quotation_of(&numbers[..200].join(" "));
        assert!(quotation.ends_with(" 200”"), "{quotation}");
    }
}
