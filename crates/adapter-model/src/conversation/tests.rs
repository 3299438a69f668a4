//! Which entries are sent, and as what.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use worker_runtime::{CreateWorker, EngineError, Input, Output, Runtime, TurnEngine, Usage};

use super::*;

/// A turn as a runtime makes it, after each `(input, reply)`; `…` marks a partial reply,
/// and an empty one is a run that failed without a word.
async fn turn_after(said: &[(&str, &'static str)], input: &str) -> Turn {
    struct Script(Mutex<(Vec<&'static str>, Option<Turn>)>);

    #[async_trait]
    impl TurnEngine for Script {
        async fn run(&self, turn: Turn, output: Output) -> Result<Usage, EngineError> {
            let reply = {
                let (replies, last) = &mut *self.0.lock().unwrap();
                *last = Some(turn);
                replies.pop()
            };
            let reply = reply.unwrap_or_default();
            output.push(reply.trim_end_matches('…')).await?;
            if reply.is_empty() || reply.ends_with('…') {
                return Err(EngineError::new(worker_runtime::EngineErrorKind::TimedOut));
            }
            Ok(Usage::default())
        }
    }

    let replies = said.iter().rev().map(|(_, reply)| *reply).collect();
    let script = Arc::new(Script(Mutex::new((replies, None))));
    let runtime = Runtime::builder().engine(script.clone()).build().unwrap();
    let worker = runtime.create(CreateWorker::default()).unwrap().worker.id;
    let inputs = said.iter().map(|(input, _)| *input).chain([input]);
    for input in inputs {
        runtime.send_input(worker, Input::new(input)).unwrap();
        while runtime.get(worker).unwrap().active_run.is_some() {
            tokio::task::yield_now().await;
        }
    }
    let turn = script.0.lock().unwrap().1.take();
    Turn {
        instructions: " be brief ".into(),
        ..turn.unwrap()
    }
}

fn spoken(conversation: &Conversation) -> Vec<String> {
    let messages = conversation.messages.iter();
    messages
        .map(|message| format!("{}: {}", message.role.as_str(), message.text))
        .collect()
}

#[tokio::test]
async fn everything_that_was_said_is_sent_in_order() {
    let turn = turn_after(&[("one", "two"), ("three", "four")], "five").await;
    let conversation = Conversation::of(&turn, 1_000);
    assert_eq!(conversation.instructions, "be brief");
    assert_eq!(conversation.left_out, 0);
    let expected = [
        "user: one",
        "assistant: two",
        "user: three",
        "assistant: four",
        "user: five",
    ];
    assert_eq!(spoken(&conversation), expected);
}

#[tokio::test]
async fn a_partial_reply_is_marked_and_one_without_a_word_joins_its_neighbours() {
    let turn = turn_after(&[("one", "tw…"), ("three", ""), ("four", "")], "five").await;
    let conversation = Conversation::of(&turn, 1_000);
    let expected = [
        "user: one",
        "assistant: tw\n\n[This reply was cut short.]",
        "user: three\n\nfour\n\nfive",
    ];
    assert_eq!(spoken(&conversation), expected);
}

#[tokio::test]
async fn a_blank_reply_is_not_sent() {
    let turn = turn_after(&[("one", " \n"), ("two", "\n…")], "three").await;
    let conversation = Conversation::of(&turn, 1_000);
    assert_eq!(spoken(&conversation), ["user: one\n\ntwo\n\nthree"]);
    assert_eq!(conversation.left_out, 0);
}

#[tokio::test]
async fn the_oldest_entries_are_left_out_whole_and_never_begin_with_a_reply() {
    let turn = turn_after(&[("old question", "old answer"), ("new", "fresh")], "now").await;
    // Everything but the oldest question fits, so its answer goes with it.
    let fits = " be brief ".len() + "now".len() + "old answernewfresh".len() + 3 * BREAK.len();
    let conversation = Conversation::of(&turn, fits);
    assert_eq!(
        spoken(&conversation),
        ["user: new", "assistant: fresh", "user: now"]
    );
    assert_eq!(conversation.left_out, 2);
}

#[tokio::test]
async fn the_input_is_sent_whatever_the_budget() {
    let turn = turn_after(&[("one", "two")], "a long question").await;
    let conversation = Conversation::of(&turn, 0);
    assert_eq!(spoken(&conversation), ["user: a long question"]);
    assert_eq!(conversation.left_out, 2);
}
