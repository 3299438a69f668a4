//! Which entries are sent, and in which messages.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use worker_runtime::{
    CreateWorker, EngineError, EngineErrorKind, Input, Output, Runtime, TurnEngine,
};

use super::*;

/// Gives the scripted replies, the last one first, and keeps the last turn.
struct ScriptedEngine(Mutex<(Vec<&'static str>, Option<Turn>)>);

#[async_trait]
impl TurnEngine for ScriptedEngine {
    async fn run(&self, turn: Turn, output: Output) -> Result<(), EngineError> {
        let reply = {
            let (replies, last_turn) = &mut *self.0.lock().unwrap();
            *last_turn = Some(turn);
            replies.pop().unwrap_or_default()
        };
        output.push(reply.trim_end_matches('…')).await?;
        if reply.is_empty() || reply.ends_with('…') {
            return Err(EngineError::new(EngineErrorKind::TimedOut));
        }
        Ok(())
    }
}

/// The turn of a real runtime for `input`, after these inputs and replies. `…` marks a
/// partial reply, and an empty one is a run that failed without output.
async fn turn_after(conversation: &[(&str, &'static str)], input: &str) -> Turn {
    let replies = conversation.iter().rev().map(|(_, reply)| *reply);
    let engine = Arc::new(ScriptedEngine(Mutex::new((replies.collect(), None))));
    let runtime = Runtime::builder().engine(engine.clone()).build().unwrap();
    let worker = runtime
        .create(CreateWorker::default())
        .await
        .unwrap()
        .worker
        .id;
    let inputs = conversation.iter().map(|(input, _)| *input);
    for input in inputs.chain([input]) {
        runtime.send_input(worker, Input::new(input)).await.unwrap();
        while runtime.get(worker).await.unwrap().active_run.is_some() {
            tokio::task::yield_now().await;
        }
    }
    let turn = engine.0.lock().unwrap().1.take();
    Turn {
        instructions: " be brief ".into(),
        ..turn.unwrap()
    }
}

/// Checks the prompt's messages and how many entries were omitted.
#[track_caller]
fn assert_prompt(turn: &Turn, max_bytes: usize, omitted_entries: usize, messages: &[&str]) {
    let prompt = Prompt::from_turn(turn, max_bytes);
    let sent = prompt.messages.iter();
    let sent = sent.map(|message| format!("{}: {}", message.role.as_str(), message.text));
    assert_eq!(sent.collect::<Vec<_>>(), messages);
    assert_eq!(prompt.omitted_entries, omitted_entries);
    assert_eq!(prompt.instructions.as_deref(), Some("be brief"));
}

#[tokio::test]
async fn the_whole_conversation_is_sent_in_order() {
    let turn = turn_after(&[("one", "two"), ("three", "four")], "five").await;
    let expected = [
        "user: one",
        "assistant: two",
        "user: three",
        "assistant: four",
        "user: five",
    ];
    assert_prompt(&turn, 1_000, 0, &expected);
}

#[tokio::test]
async fn a_partial_reply_is_marked_and_inputs_without_a_reply_are_not_sent() {
    let turn = turn_after(&[("one", "tw…"), ("three", ""), ("four", "")], "five").await;
    let expected = [
        "user: one",
        "assistant: tw\n\n[This reply was cut short.]",
        "user: five",
    ];
    assert_prompt(&turn, 1_000, 0, &expected);
}

#[tokio::test]
async fn an_exchange_with_a_blank_reply_is_not_sent() {
    let turn = turn_after(&[("one", " \n"), ("two", "\n…")], "three").await;
    assert_prompt(&turn, 1_000, 0, &["user: three"]);
}

#[tokio::test]
async fn the_oldest_exchanges_are_omitted_whole() {
    let turn = turn_after(&[("old question", "old answer"), ("new", "fresh")], "now").await;
    // Everything but the oldest question fits, so its answer goes with it.
    let fits = "be brief".len() + "now".len() + "old answernewfresh".len();
    let expected = ["user: new", "assistant: fresh", "user: now"];
    assert_prompt(&turn, fits, 2, &expected);
}

#[tokio::test]
async fn the_input_is_sent_although_it_exceeds_the_limit() {
    let turn = turn_after(&[("one", "two")], "a long question").await;
    assert_prompt(&turn, 0, 2, &["user: a long question"]);
}

#[tokio::test]
async fn the_newest_exchange_is_cut_in_the_middle_rather_than_omitted() {
    let long: &'static str = Box::leak("é1".repeat(1_000).into_boxed_str());
    let turn = turn_after(&[("old", "older"), ("my name is Ann", long)], "who am I?").await;
    let max_bytes = 1_000;
    let prompt = Prompt::from_turn(&turn, max_bytes);
    assert!(prompt.exchange_truncated);
    assert_eq!(prompt.omitted_entries, 2);
    let texts: Vec<_> = prompt.messages.iter().map(|it| it.text.as_str()).collect();
    assert_eq!((texts[0], texts[2]), ("my name is Ann", "who am I?"));
    assert!(texts[1].starts_with("é1é1") && texts[1].ends_with("é1é1"));
    assert!(texts[1].contains(GAP));
    assert!((max_bytes - 200..=max_bytes).contains(&prompt.bytes()));
    // Without room for a piece of each text that makes sense, it is omitted.
    let prompt = Prompt::from_turn(&turn, 300);
    assert_eq!((prompt.is_input_alone(), prompt.omitted_entries), (true, 4));
    assert!(!prompt.exchange_truncated);
}
