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
    let text = ReplyUpdate::Text("a".into());
    assert_eq!(reply.apply(&event(delta("a"))), text);
    for other in [
        json!({"kind": "output_delta", "run_id": "run-2", "text": "b"}),
        json!({"kind": "run_finished", "run_id": "run-2", "outcome": "failed"}),
        json!({"kind": "worker_stopped"}),
    ] {
        assert_eq!(reply.apply(&event(other)), ReplyUpdate::None);
    }
    let ReplyUpdate::Ended(end) = reply.apply(&event(finished("timed_out"))) else {
        panic!("not ended");
    };
    assert_eq!(end.outcome, Some(RunOutcome::TimedOut));
}

#[test]
fn catching_up_adds_what_was_missed_and_nothing_twice() {
    let mut reply = reply();
    reply.apply(&event(delta("né")));
    for missed in ["e le", ""] {
        let missed = missed.to_owned();
        let caught_up = reply.catch_up(&page(&json!([]), Some("née le")));
        assert_eq!(caught_up, CaughtUp::InProgress { missed });
    }
    reply.apply(&event(delta(" 1")));
    let missed = "er".to_owned();
    let outcome = Some(RunOutcome::Completed);
    let caught_up = reply.catch_up(&page(&json!([entry("née le 1er", false)]), None));
    assert_eq!(caught_up, CaughtUp::Ended { missed, outcome });
}

#[test]
fn a_run_without_a_whole_reply_has_ended_with_an_unknown_outcome() {
    for entries in [json!([]), json!([entry("", true)])] {
        let (missed, outcome) = (String::new(), None);
        let caught_up = reply().catch_up(&page(&entries, None));
        assert_eq!(caught_up, CaughtUp::Ended { missed, outcome });
    }
}
