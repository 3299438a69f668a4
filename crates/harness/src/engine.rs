//! A turn engine that does what its input says: each fault that an engine can have, and each
//! length of reply.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use async_trait::async_trait;
use worker_runtime::{EngineError, EngineErrorKind, Output, Turn, TurnEngine, Usage};

/// The word that a reply is made of; with its space, what one delta holds.
pub(crate) const WORD: &str = "w ";
/// How long a drop that clings to its run blocks: more than a scheduler's slice, less than
/// what would stall the other runs of the thread.
const CLINGING: Duration = Duration::from_millis(20);
/// The pause between two words of an engine that insists: its readers can follow.
const INSISTING: Duration = Duration::from_millis(2);
/// The character of a text that is six times as long in JSON.
const ESCAPED: char = '\u{1}';
/// Characters of such a text that are pushed at once.
const ESCAPED_PIECE: usize = 8 * 1024;

/// What an input can tell the engine to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Panic before the first await.
    PanicAtOnce,
    /// Say something, then panic.
    PanicMidway,
    /// Say something, hang, and panic when dropped.
    PanicAtDrop,
    /// Hang for ever.
    Hang,
    /// Never stop pushing, whatever the output answers.
    Insist,
    /// Never wait for anything, and never come to an end.
    Spin,
    /// Hang, and block for a while when dropped.
    Cling,
    /// Fail.
    Fail,
    /// Say this many words, one delta each.
    Say(u64),
    /// Say this many bytes that JSON has to escape.
    Escape(usize),
    /// Say how many other runs the engine still has in hand.
    Count,
}

impl Order {
    /// The input that says so.
    pub(crate) fn text(self) -> String {
        match self {
            Self::PanicAtOnce => "panic-at-once".to_owned(),
            Self::PanicMidway => "panic-midway".to_owned(),
            Self::PanicAtDrop => "panic-at-drop".to_owned(),
            Self::Hang => "hang".to_owned(),
            Self::Insist => "insist".to_owned(),
            Self::Spin => "spin".to_owned(),
            Self::Cling => "cling".to_owned(),
            Self::Fail => "fail".to_owned(),
            Self::Count => "count".to_owned(),
            Self::Say(words) => format!("say {words}"),
            Self::Escape(bytes) => format!("escape {bytes}"),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let (word, number) = text.split_once(' ').unwrap_or((text, ""));
        Some(match word {
            "panic-at-once" => Self::PanicAtOnce,
            "panic-midway" => Self::PanicMidway,
            "panic-at-drop" => Self::PanicAtDrop,
            "hang" => Self::Hang,
            "insist" => Self::Insist,
            "spin" => Self::Spin,
            "cling" => Self::Cling,
            "fail" => Self::Fail,
            "count" => Self::Count,
            "say" => Self::Say(number.parse().ok()?),
            "escape" => Self::Escape(number.parse().ok()?),
            _ => return None,
        })
    }
}

/// The engine.
#[derive(Default)]
pub(crate) struct Obedient {
    /// Runs whose future has not been dropped.
    in_hand: Arc<AtomicU64>,
}

/// A run that the engine has in hand.
struct InHand(Arc<AtomicU64>);

impl InHand {
    fn begin(count: &Arc<AtomicU64>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for InHand {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Panics when dropped.
struct PanicsAtDrop;

impl Drop for PanicsAtDrop {
    fn drop(&mut self) {
        panic!("an engine panics while it is dropped");
    }
}

/// Blocks when dropped.
struct ClingsAtDrop;

impl Drop for ClingsAtDrop {
    fn drop(&mut self) {
        thread::sleep(CLINGING);
    }
}

#[async_trait]
impl TurnEngine for Obedient {
    async fn run(&self, turn: Turn, output: Output) -> Result<Usage, EngineError> {
        let _in_hand = InHand::begin(&self.in_hand);
        let order = Order::parse(&turn.input)
            .ok_or_else(|| EngineError::new(EngineErrorKind::InvalidResponse))?;
        match order {
            Order::PanicAtOnce => panic!("an engine panics before its first await"),
            Order::PanicMidway => {
                output.push(WORD).await?;
                panic!("an engine panics in the middle of a reply");
            }
            Order::PanicAtDrop => {
                let _bomb = PanicsAtDrop;
                output.push(WORD).await?;
                pending().await
            }
            Order::Hang => pending().await,
            Order::Insist => loop {
                // It takes no refusal for an answer.
                let _ = output.push(WORD).await;
                tokio::time::sleep(INSISTING).await;
            },
            Order::Spin => loop {
                tokio::task::yield_now().await;
            },
            Order::Cling => {
                let _clings = ClingsAtDrop;
                pending().await
            }
            Order::Fail => Err(EngineError::new(EngineErrorKind::Internal)),
            Order::Say(words) => {
                for _ in 0..words {
                    output.push(WORD).await?;
                }
                Ok(said(words))
            }
            Order::Escape(bytes) => {
                let piece = ESCAPED.to_string().repeat(ESCAPED_PIECE);
                for from in (0..bytes).step_by(ESCAPED_PIECE) {
                    let length = ESCAPED_PIECE.min(bytes - from);
                    output.push(&piece[..length]).await?;
                }
                Ok(Usage::default())
            }
            Order::Count => {
                let others = self.in_hand.load(Ordering::SeqCst) - 1;
                output.push(&others.to_string()).await?;
                Ok(said(1))
            }
        }
    }
}

fn said(words: u64) -> Usage {
    Usage {
        input_tokens: 0,
        output_tokens: words,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_understood_as_it_was_meant() {
        for order in [
            Order::PanicAtOnce,
            Order::PanicMidway,
            Order::PanicAtDrop,
            Order::Hang,
            Order::Insist,
            Order::Spin,
            Order::Cling,
            Order::Fail,
            Order::Count,
            Order::Say(7),
            Order::Escape(8),
        ] {
            assert_eq!(Order::parse(&order.text()), Some(order));
        }
        assert_eq!(Order::parse("say much"), None);
    }
}
