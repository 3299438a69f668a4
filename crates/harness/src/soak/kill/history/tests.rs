//! What a history holds to be consistent, and what it finds.

use registry_core::Cursor;
use registry_core::projection::{RunErrorCode, RunOutcome};
use serde_json::{Value, json};

use super::*;
use crate::engine::{Numbered, Script};
use crate::soak::kill::input_ledger::{InputAnswer, Replay};

const RUN: &str = "r1";
const REPLY: Numbered = Numbered {
    id: 7,
    words: 2,
    pause_ms: 0,
    fails: false,
};

/// A worker that was given one input, and what it is like.
struct Fixture {
    history: History,
    findings: Findings,
    detail: Value,
    entries: Vec<Value>,
}

impl Fixture {
    /// A worker whose input was answered and whose run completed.
    fn new() -> Self {
        let detail = json!({
            "runtime_id": "backend-internal", "worker_id": "w1",
            "display_ref": "w1@backend-internal", "display_name": "name-1",
            "implementation_kind": "embedded", "state": "idle", "capabilities": [],
            "diagnostics": [],
            "conversation": {
                "transcript": { "entries": 2, "first_sequence": 1, "last_sequence": 2 },
                "latest_cursor": Cursor::new(1, 3),
                "usage": { "input_tokens": 0, "output_tokens": 2, "incomplete_runs": 0 },
                "last_run": last_run("completed", None),
            },
        });
        let input = Script::Numbered(REPLY).input();
        let entries = vec![
            entry(1, "user", &input),
            entry(2, "assistant", &REPLY.text()),
        ];
        let created: WorkerDetail = serde_json::from_value(detail.clone()).unwrap();
        let mut history = History::new(created.summary, Span::between(0, 1));
        let mut findings = Findings::default();
        let index = history.inputs.add(input, None, Moment::NEVER);
        let accepted = json!({ "run_id": RUN, "sequence": 1, "cursor": Cursor::new(1, 1) });
        let accepted = serde_json::from_value(accepted).unwrap();
        let answer = InputAnswer::Accepted(accepted, Replay::Fresh);
        history.inputs.answered(index, answer, "w1", &mut findings);
        Self {
            history,
            findings,
            detail,
            entries,
        }
    }

    /// Verifies what is there; what is found.
    fn verify(&mut self, begun: u64) -> Vec<Promise> {
        let detail: WorkerDetail = serde_json::from_value(self.detail.clone()).unwrap();
        let entries: Vec<TranscriptEntry> = serde_json::from_value(json!(self.entries)).unwrap();
        let span = Span::between(begun, begun + 1);
        let (history, findings) = (&mut self.history, &mut self.findings);
        history.verify(&detail, &entries, span, findings);
        let found = findings.promises();
        *findings = Findings::default();
        found
    }

    /// The run was interrupted when this much of the reply was stored.
    fn interrupt(&mut self, reply: &str) {
        self.detail["conversation"]["last_run"] = last_run("failed", Some("interrupted"));
        self.entries[1]["content"] = json!(reply);
        self.entries[1]["partial"] = json!(true);
    }

    /// The run left no reply.
    fn leave_unanswered(&mut self) {
        self.entries.truncate(1);
        self.entries[0]["unanswered"] = json!(true);
        self.detail["conversation"]["transcript"]["entries"] = json!(1);
    }
}

fn last_run(outcome: &str, error_code: Option<&str>) -> Value {
    let mut run = json!({
        "run_id": RUN, "outcome": outcome, "finished_at": "2026-01-01T00:00:01Z",
    });
    if let Some(code) = error_code {
        run["error_code"] = json!(code);
    }
    run
}

fn entry(sequence: u64, role: &str, content: &str) -> Value {
    json!({
        "sequence": sequence, "role": role, "content": content, "run_id": RUN,
        "created_at": "2026-01-01T00:00:00Z",
    })
}

#[test]
fn a_worker_that_is_as_it_was_is_consistent() {
    let mut completed = Fixture::new();
    assert_eq!(completed.verify(10), []);
    assert_eq!(completed.verify(20), []);
    let mut interrupted = Fixture::new();
    interrupted.interrupt("7.0 ");
    assert_eq!(interrupted.verify(10), []);
    let mut unanswered = Fixture::new();
    unanswered.interrupt("");
    unanswered.leave_unanswered();
    assert_eq!(unanswered.verify(10), []);
}

#[test]
fn what_a_reader_saw_and_is_gone_or_different_is_found() {
    let mut worker = Fixture::new();
    assert_eq!(worker.verify(10), []);
    // The end of the run, its reply and what it used.
    worker.interrupt("7.0 ");
    let back = Promise::TakenBack;
    assert_eq!(worker.verify(20), [back, back, Promise::Torn]);
    let mut worker = Fixture::new();
    assert_eq!(worker.verify(10), []);
    worker.detail["conversation"]["usage"]["output_tokens"] = json!(1);
    assert_eq!(worker.verify(20), [back]);
    let mut worker = Fixture::new();
    worker.verify(10);
    worker.entries[0]["created_at"] = json!("2026-01-01T00:00:00.001Z");
    assert_eq!(worker.verify(20), [back]);
    let mut worker = Fixture::new();
    worker.verify(10);
    worker.detail["model"] = json!("another");
    assert_eq!(worker.verify(20), [back]);
}

#[test]
fn a_transcript_that_is_not_whole_is_found() {
    let torn = Promise::Torn;
    let mut gap = Fixture::new();
    gap.entries[1]["sequence"] = json!(3);
    assert_eq!(gap.verify(10)[0], torn);
    let mut foreign = Fixture::new();
    foreign.entries[1]["run_id"] = json!("r2");
    assert_eq!(foreign.verify(10)[0], torn);
    let mut open = Fixture::new();
    open.detail["conversation"]["last_run"] = Value::Null;
    assert_eq!(open.verify(10), [torn]);
    let mut miscounted = Fixture::new();
    miscounted.detail["conversation"]["transcript"]["entries"] = json!(3);
    assert_eq!(miscounted.verify(10), [torn]);
}

#[test]
fn a_run_that_ended_as_it_could_not_is_found() {
    let torn = Promise::Torn;
    let mut invented = Fixture::new();
    invented.interrupt("8.0 ");
    assert_eq!(invented.verify(10), [torn]);
    let mut cut = Fixture::new();
    cut.entries[1]["content"] = json!("7.0 ");
    assert_eq!(cut.verify(10), [torn]);
    let mut cancelled = Fixture::new();
    cancelled.interrupt("7.0 ");
    cancelled.detail["conversation"]["last_run"] = last_run("cancelled", None);
    assert_eq!(cancelled.verify(10), [torn]);
    let mut forgotten = Fixture::new();
    forgotten.interrupt("");
    forgotten.leave_unanswered();
    forgotten.entries[0]["unanswered"] = json!(false);
    assert_eq!(forgotten.verify(10), [torn]);
}

#[test]
fn a_cancelled_run_stays_cancelled() {
    let mut worker = Fixture::new();
    let end = RunEnd::without_error(RunOutcome::Cancelled);
    let run: RunId = RUN.parse().unwrap();
    worker.history.see_end(&run, end, &mut worker.findings);
    assert!(worker.verify(10).contains(&Promise::TakenBack));
    let failed = RunEnd {
        outcome: RunOutcome::Failed,
        error_code: Some(RunErrorCode::Interrupted),
    };
    worker.history.see_end(&run, failed, &mut worker.findings);
    assert_eq!(worker.findings.promises(), [Promise::TakenBack]);
}

#[test]
fn a_stop_and_a_delete_are_final_and_happen_to_nobody_else() {
    let mut worker = Fixture::new();
    worker.detail["state"] = json!("stopped");
    assert_eq!(worker.verify(10), [Promise::Torn]);

    let mut worker = Fixture::new();
    let begun = Span::between(2, 3);
    worker.history.begin_ending(Ending::Stop, begun.begun);
    worker.detail["state"] = json!("stopped");
    assert_eq!(worker.verify(10), []);
    worker.detail["state"] = json!("idle");
    assert_eq!(worker.verify(20), [Promise::Lost]);

    let mut worker = Fixture::new();
    let (history, findings) = (&mut worker.history, &mut worker.findings);
    history.see_unknown(Span::between(4, 5), findings);
    assert_eq!(findings.promises(), [Promise::Lost]);

    let mut worker = Fixture::new();
    worker.history.begin_ending(Ending::Delete, begun.begun);
    worker.history.deleted(begun);
    assert_eq!(worker.verify(10), [Promise::Lost]);
}

#[test]
fn a_request_that_did_nothing_by_the_next_start_does_nothing_later() {
    let mut worker = Fixture::new();
    let begun = Span::between(2, 3);
    worker.history.begin_ending(Ending::Delete, begun.begun);
    assert_eq!(worker.verify(10), []);
    worker.detail["state"] = json!("stopped");
    assert_eq!(worker.verify(20), [Promise::Torn]);
    let (history, findings) = (&mut worker.history, &mut worker.findings);
    history.see_unknown(Span::between(30, 31), findings);
    assert_eq!(findings.promises(), [Promise::Lost]);
}

#[test]
fn an_event_tells_the_end_of_a_run() {
    let mut worker = Fixture::new();
    let event = json!({ "kind": "run_finished", "run_id": RUN, "outcome": "cancelled" });
    let event: EventKind = serde_json::from_value(event).unwrap();
    let span = Span::between(2, 3);
    worker.history.see_event(&event, span, &mut worker.findings);
    assert!(worker.verify(10).contains(&Promise::TakenBack));
}
