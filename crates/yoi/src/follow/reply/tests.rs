//! What is printed of a reply, and when its run has ended.

use serde_json::{Value, json};

use super::*;
use crate::scripted_server::{
    RUN, cursor, delta, finished, reply_entry as entry, thought, transcript_json,
};

fn event(mut value: Value) -> WorkerEvent {
    value["cursor"] = cursor(1).into();
    if value.get("at").is_none() {
        value["at"] = "2026-01-01T00:00:00Z".into();
    }
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
        let caught_up = reply.catch_up(&page(&json!([]), Some("née le")));
        assert_eq!(caught_up.missed_text, missed);
        assert_eq!(caught_up.state, RunState::Active(RunPhase::Answering));
    }
    reply.apply(&event(delta(" 1")));
    let caught_up = reply.catch_up(&page(&json!([entry("née le 1er", false)]), None));
    assert_eq!(caught_up.missed_text, "er");
    assert_eq!(caught_up.state, ended(Some(RunOutcome::Completed)));
}

#[test]
fn a_run_without_a_whole_reply_has_ended_with_an_unknown_outcome() {
    for entries in [json!([]), json!([entry("", true)])] {
        let caught_up = reply().catch_up(&page(&entries, None));
        assert_eq!(caught_up.missed_text, "");
        assert_eq!(caught_up.state, ended(None));
    }
}

#[test]
fn catching_up_adds_the_reasoning_that_was_missed_and_the_diagnostics_of_the_reply() {
    let mut reply = reply();
    reply.apply(&event(thought("Let me")));
    let mut thinking = transcript_json(1, &json!([]), Some(""));
    thinking["in_flight"]["reasoning"] = "Let me see".into();
    thinking["in_flight"]["phase"] = "reasoning".into();
    let caught_up = reply.catch_up(&serde_json::from_value(thinking).unwrap());
    assert_eq!(caught_up.missed_reasoning, " see");
    assert_eq!(caught_up.state, RunState::Active(RunPhase::Reasoning));

    let mut entry = entry("Yes", false);
    // The server keeps only the beginning.
    entry["reasoning"] = "Let".into();
    entry["diagnostics"] = json!([{
        "code": "reply_cut_short", "severity": "warning", "message": "Cut.", "count": 1,
    }]);
    let caught_up = reply.catch_up(&page(&json!([entry]), None));
    assert_eq!(caught_up.missed_reasoning, "");
    let RunState::Ended { diagnostics, .. } = caught_up.state else {
        panic!("not ended");
    };
    assert_eq!(diagnostics[0].code.as_str(), "reply_cut_short");
}

#[test]
fn reasoning_lasts_from_the_first_thought_to_the_first_text_by_the_clock_of_the_server() {
    let at = |mut value: Value, second: u32| {
        value["at"] = format!("2026-01-01T00:00:{second:02}Z").into();
        event(value)
    };
    let with_text = page(&json!([]), Some("Yes"));
    let mut thinking = transcript_json(1, &json!([]), Some(""));
    thinking["in_flight"]["reasoning"] = "Hmm. ".into();
    let thinking: TranscriptPage = serde_json::from_value(thinking).unwrap();
    let (so, yes) = ((thought("So?"), 9), (delta("Yes"), 15));
    let whole = [
        (thought("Hmm. "), 3),
        so.clone(),
        yes.clone(),
        (delta("!"), 30),
    ];
    for (caught_up_before, events, caught_up_after, summary) in [
        (None, &whole[..], None, Some("thought for 12 s, 8 bytes")),
        (
            None,
            &whole[..1],
            Some(&with_text),
            Some("thought, 5 bytes"),
        ),
        (
            Some(&thinking),
            &[so, yes][..],
            None,
            Some("thought, 8 bytes"),
        ),
        (None, &whole[2..], None, None),
    ] {
        let mut reply = reply();
        caught_up_before.map(|page| reply.catch_up(page));
        for (value, second) in events {
            reply.apply(&at(value.clone(), *second));
        }
        caught_up_after.map(|page| reply.catch_up(page));
        assert_eq!(reply.reasoning().summary().as_deref(), summary);
    }
}

fn ended(outcome: Option<RunOutcome>) -> RunState {
    RunState::Ended {
        outcome,
        diagnostics: Vec::new(),
    }
}
