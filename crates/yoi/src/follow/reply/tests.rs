//! What is shown of a reply, and when it is over.

use serde_json::{Value, json};

use super::*;
use crate::scripted_server::{RUN, delta, finished, reply as entry};

fn event(value: Value) -> EventKind {
    serde_json::from_value(value).unwrap()
}

fn page(entries: &Value, in_flight: Option<&str>) -> TranscriptPage {
    let mut page = json!({
        "entries": entries, "has_earlier": false, "has_later": false,
        "cursor": crate::scripted_server::cursor(1),
    });
    if let Some(text) = in_flight {
        page["in_flight"] = json!({"run_id": RUN, "text": text});
    }
    serde_json::from_value(page).unwrap()
}

fn reply() -> Reply {
    Reply::new(RUN.parse().unwrap())
}

#[test]
fn a_reply_is_the_text_of_its_own_run() {
    let mut reply = reply();
    assert_eq!(reply.take(&event(delta("a"))), Shown::Text("a".into()));
    let other = json!({"kind": "output_delta", "run_id": "run-2", "text": "b"});
    assert_eq!(reply.take(&event(other)), Shown::Nothing);
    let other = json!({"kind": "run_finished", "run_id": "run-2", "outcome": "failed"});
    assert_eq!(reply.take(&event(other)), Shown::Nothing);
    assert_eq!(
        reply.take(&event(json!({"kind": "worker_stopped"}))),
        Shown::Nothing
    );
    let Shown::Ended(end) = reply.take(&event(finished("timed_out"))) else {
        panic!("not ended");
    };
    assert_eq!(end.outcome, Some(RunOutcome::TimedOut));
}

#[test]
fn catching_up_shows_what_was_missed_and_nothing_twice() {
    let mut reply = reply();
    reply.take(&event(delta("né")));
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
    reply.take(&event(delta(" 1")));
    let over = reply.catch_up(&page(&json!([entry("née le 1er", false)]), None));
    let guess = Some(RunOutcome::Completed);
    assert_eq!(
        over,
        CaughtUp::Over {
            missed: "er".to_owned(),
            guess
        }
    );
}

#[test]
fn a_run_that_ended_meanwhile_without_a_reply_is_over() {
    let over = |guess| CaughtUp::Over {
        missed: String::new(),
        guess,
    };
    assert_eq!(reply().catch_up(&page(&json!([]), None)), over(None));
    assert_eq!(
        reply().catch_up(&page(&json!([entry("", true)]), None)),
        over(None)
    );
}
