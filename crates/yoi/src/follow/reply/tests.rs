//! What is printed of a reply, and when its run has ended.

use serde_json::{Value, json};

use super::*;
use crate::scripted_server::{RUN, delta, finished, reply_entry as entry, transcript_json};

fn event(value: Value) -> EventKind {
    serde_json::from_value(value).unwrap()
}

fn page(entries: &Value, in_flight: Option<&str>) -> TranscriptPage {
    serde_json::from_value(transcript_json(1, entries, in_flight)).unwrap()
}

fn reply() -> ReplyProgress {
    ReplyProgress::new(RUN.parse().unwrap())
}

#[test]
fn a_reply_is_the_text_of_its_own_run() {
    let mut reply = reply();
    assert_eq!(
        reply.apply(&event(delta("a"))),
        ReplyUpdate::Text("a".into())
    );
    let other = json!({"kind": "output_delta", "run_id": "run-2", "text": "b"});
    assert_eq!(reply.apply(&event(other)), ReplyUpdate::None);
    let other = json!({"kind": "run_finished", "run_id": "run-2", "outcome": "failed"});
    assert_eq!(reply.apply(&event(other)), ReplyUpdate::None);
    assert_eq!(
        reply.apply(&event(json!({"kind": "worker_stopped"}))),
        ReplyUpdate::None
    );
    let ReplyUpdate::Ended(end) = reply.apply(&event(finished("timed_out"))) else {
        panic!("not ended");
    };
    assert_eq!(end.outcome, Some(RunOutcome::TimedOut));
}

#[test]
fn catching_up_adds_what_was_missed_and_nothing_twice() {
    let mut reply = reply();
    reply.apply(&event(delta("né")));
    let in_progress = |missed: &str| CaughtUp::InProgress {
        missed: missed.to_owned(),
    };
    assert_eq!(
        reply.catch_up(&page(&json!([]), Some("née le"))),
        in_progress("e le")
    );
    assert_eq!(
        reply.catch_up(&page(&json!([]), Some("née le"))),
        in_progress("")
    );
    reply.apply(&event(delta(" 1")));
    let ended = reply.catch_up(&page(&json!([entry("née le 1er", false)]), None));
    assert_eq!(
        ended,
        CaughtUp::Ended {
            missed: "er".to_owned(),
            outcome: Some(RunOutcome::Completed),
        }
    );
}

#[test]
fn a_run_that_ended_meanwhile_without_a_reply_has_ended() {
    let ended = || CaughtUp::Ended {
        missed: String::new(),
        outcome: None,
    };
    assert_eq!(reply().catch_up(&page(&json!([]), None)), ended());
    assert_eq!(
        reply().catch_up(&page(&json!([entry("", true)]), None)),
        ended()
    );
}
