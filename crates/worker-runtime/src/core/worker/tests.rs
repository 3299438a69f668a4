//! The rules, one at a time.

use super::*;
use crate::engine::OutputClosed;
use crate::error::{CancelError, InputError};
use crate::run::{RunDiagnostic, RunErrorCode, RunOutcome};
use crate::transcript::Entry;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

/// The run with this number.
fn run(number: u32) -> RunId {
    format!("0198c0de-0000-7000-8000-0000{number:08x}")
        .parse()
        .unwrap()
}

fn worker_id() -> WorkerId {
    "0198c0de-0000-7000-8000-ffffffffffff".parse().unwrap()
}

fn worker_with(limits: Limits) -> Worker {
    let metadata = WorkerMetadata {
        id: worker_id(),
        epoch: Epoch::new(1),
        display_name: "Ada".parse().unwrap(),
        profile: "builtin:default".parse().unwrap(),
        key: None,
        created_at: NOW,
    };
    Worker::new(Arc::new(metadata), Arc::new(limits))
}

fn worker() -> Worker {
    worker_with(Limits::default())
}

fn input(run_id: RunId, content: &str) -> NewRun {
    NewRun {
        run_id,
        content: content.into(),
        key: None,
    }
}

fn keyed(run_id: RunId, content: &str, key: &str) -> NewRun {
    NewRun {
        key: Some((key.parse().unwrap(), Fingerprint::new(&[Some(content)]))),
        ..input(run_id, content)
    }
}

/// A worker in the middle of run 1.
fn running() -> Worker {
    let mut worker = worker();
    worker.accept(input(run(1), "hi"), NOW).unwrap();
    worker
}

fn completed() -> RunEnd {
    RunEnd::Completed(Usage::default())
}

/// The events after the first, a word each, with the text of deltas.
fn events_of(worker: &Worker) -> String {
    let events = worker.read(None, usize::MAX).unwrap().events;
    let words = events[1..].iter().map(|event| match &event.kind {
        EventKind::OutputDelta { text, .. } => format!("+{text}"),
        EventKind::RunFinished {
            outcome,
            error_code: None,
            ..
        } => outcome.to_string(),
        EventKind::RunFinished {
            error_code: Some(code),
            ..
        } => format!("failed({code})"),
        kind @ (EventKind::WorkerCreated
        | EventKind::InputAccepted { .. }
        | EventKind::WorkerStopped) => kind.as_str().to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// The transcript, an entry each: `user:hi`, or `assistant:he…` for a partial one.
fn transcript_of(worker: &Worker) -> String {
    let (from_first, no_bound) = (TranscriptPosition::After(0), usize::MAX);
    let slice = worker.transcript.slice(from_first, no_bound, no_bound);
    let entries = slice.entries.iter().map(|entry: &Entry| {
        let more = if entry.partial { "…" } else { "" };
        format!("{}:{}{more}", entry.role.as_str(), entry.content)
    });
    entries.collect::<Vec<_>>().join(" ")
}

#[test]
fn a_run_goes_from_input_to_reply() {
    let mut worker = worker();
    let accepted = worker.accept(input(run(1), "hi"), NOW).unwrap();
    assert_eq!(accepted.sequence, 1);
    assert_eq!(accepted.cursor, worker.cursor());
    assert_eq!(worker.state(), WorkerState::Running);

    worker.append_output(run(1), "he", NOW).unwrap();
    worker.append_output(run(1), "llo", NOW).unwrap();
    let usage = Usage {
        input_tokens: 2,
        output_tokens: 3,
    };
    let outcome = worker.finish(run(1), RunEnd::Completed(usage), NOW);
    assert_eq!(outcome, Some(RunOutcome::Completed));
    assert_eq!(worker.state(), WorkerState::Idle);
    assert_eq!(events_of(&worker), "input_accepted +he +llo completed");
    assert_eq!(transcript_of(&worker), "user:hi assistant:hello");
    assert_eq!(worker.snapshot().usage, usage);
}

#[test]
fn a_busy_worker_refuses_an_input_and_does_not_change() {
    let mut worker = running();
    let before = worker.snapshot();
    let refusal = worker.accept(input(run(2), "more"), NOW);
    assert_eq!(
        refusal,
        Err(InputError::Busy {
            worker_id: worker_id(),
            run_id: run(1),
        })
    );
    assert_eq!(worker.snapshot(), before);
}

#[test]
fn an_input_must_not_be_blank_and_must_fit() {
    let mut worker = worker_with(Limits {
        input_bytes: 4,
        ..Limits::default()
    });
    for blank in ["", " \n\t", "\u{3000}"] {
        assert_eq!(
            worker.accept(input(run(1), blank), NOW),
            Err(InputError::Empty)
        );
    }
    assert_eq!(
        worker.accept(input(run(1), "12345"), NOW),
        Err(InputError::TooLarge {
            maximum: 4,
            actual: 5,
        })
    );
    assert!(worker.accept(input(run(1), "1234"), NOW).is_ok());
}

#[test]
fn an_accepted_cancel_decides_the_outcome_even_if_the_engine_finishes() {
    let mut worker = running();
    worker.append_output(run(1), "he", NOW).unwrap();
    assert_eq!(worker.cancel(None), Ok(Some(run(1))));
    assert_eq!(worker.state(), WorkerState::Cancelling);
    assert_eq!(
        worker.finish(run(1), completed(), NOW),
        Some(RunOutcome::Cancelled)
    );
    assert_eq!(transcript_of(&worker), "user:hi assistant:he…");
    assert_eq!(worker.state(), WorkerState::Idle);
}

#[test]
fn a_run_that_ends_early_without_text_leaves_no_entry() {
    for end in [
        RunEnd::TimedOut,
        RunEnd::Failed(RunErrorCode::EnginePanicked),
    ] {
        let mut worker = running();
        worker.finish(run(1), end, NOW);
        assert_eq!(transcript_of(&worker), "user:hi");
    }
}

#[test]
fn a_run_ends_exactly_once() {
    let mut worker = running();
    assert!(worker.finish(run(1), completed(), NOW).is_some());
    assert_eq!(worker.finish(run(1), RunEnd::TimedOut, NOW), None);
    worker.accept(input(run(2), "again"), NOW).unwrap();
    assert_eq!(worker.finish(run(1), RunEnd::TimedOut, NOW), None);
    assert_eq!(worker.active_run(), Some(run(2)));
    assert_eq!(
        events_of(&worker),
        "input_accepted completed input_accepted"
    );
}

#[test]
fn text_is_only_taken_from_the_running_run() {
    let mut worker = running();
    assert_eq!(
        worker.append_output(run(2), "stray", NOW),
        Err(OutputClosed)
    );
    worker.cancel(None).unwrap();
    assert_eq!(worker.append_output(run(1), "late", NOW), Err(OutputClosed));
    worker.finish(run(1), completed(), NOW);
    assert_eq!(
        worker.append_output(run(1), "later", NOW),
        Err(OutputClosed)
    );
    assert_eq!(events_of(&worker), "input_accepted cancelled");
}

#[test]
fn a_named_run_is_only_cancelled_if_it_is_the_active_one() {
    let mut worker = running();
    assert_eq!(
        worker.cancel(Some(run(2))),
        Err(CancelError::RunMismatch {
            worker_id: worker_id(),
            expected: run(2),
            active: run(1),
        })
    );
    assert_eq!(worker.state(), WorkerState::Running);
    assert_eq!(worker.cancel(Some(run(1))), Ok(Some(run(1))));
    worker.finish(run(1), completed(), NOW);
    assert_eq!(worker.cancel(Some(run(1))), Ok(None));
}

#[test]
fn a_stop_ends_the_run_first_and_is_final() {
    let mut worker = running();
    assert_eq!(worker.stop(NOW), Some(run(1)));
    assert_eq!(worker.stop(NOW), Some(run(1)));
    let stopped = InputError::WorkerStopped {
        worker_id: worker_id(),
    };
    assert_eq!(worker.accept(input(run(2), "more"), NOW), Err(stopped));
    // A cancel that comes later must not take the stop back.
    assert_eq!(worker.cancel(None), Ok(Some(run(1))));
    worker.finish(run(1), completed(), NOW);
    assert_eq!(worker.state(), WorkerState::Stopped);
    assert_eq!(worker.stop(NOW), None);
    assert_eq!(worker.cancel(None), Ok(None));
    assert_eq!(worker.accept(input(run(2), "more"), NOW), Err(stopped));
    assert_eq!(
        events_of(&worker),
        "input_accepted cancelled worker_stopped"
    );
}

#[test]
fn a_reply_past_the_limit_keeps_what_fits_and_fails() {
    let mut worker = worker_with(Limits {
        output_bytes: 5,
        ..Limits::default()
    });
    worker.accept(input(run(1), "hi"), NOW).unwrap();
    worker.append_output(run(1), "abc", NOW).unwrap();
    // The é has two bytes, of which only one would fit.
    assert_eq!(worker.append_output(run(1), "dé", NOW), Err(OutputClosed));
    assert_eq!(worker.state(), WorkerState::Cancelling);
    worker.finish(run(1), completed(), NOW);
    assert_eq!(transcript_of(&worker), "user:hi assistant:abcd…");
    assert_eq!(
        events_of(&worker),
        "input_accepted +abc +d failed(output_limit)"
    );
}

#[test]
fn a_long_delta_is_split_between_characters_and_an_empty_one_is_none() {
    let mut worker = worker_with(Limits {
        delta_bytes: 5,
        ..Limits::default()
    });
    worker.accept(input(run(1), "hi"), NOW).unwrap();
    worker.append_output(run(1), "", NOW).unwrap();
    worker.append_output(run(1), "ééééx", NOW).unwrap();
    assert_eq!(events_of(&worker), "input_accepted +éé +ééx");
}

#[test]
fn the_same_key_and_content_gets_the_first_answer_in_every_state() {
    let mut worker = worker();
    let first = worker.accept(keyed(run(1), "hi", "k"), NOW).unwrap();
    let replay = Accepted {
        replayed: true,
        ..first
    };
    for step in 0..3 {
        let again = worker.accept(keyed(run(9), "hi", "k"), NOW);
        assert_eq!(again, Ok(replay), "step {step}");
        let other = worker.accept(keyed(run(9), "ho", "k"), NOW);
        let worker_id = worker_id();
        assert_eq!(
            other,
            Err(InputError::IdempotencyConflict { worker_id }),
            "step {step}"
        );
        match step {
            0 => drop(worker.finish(run(1), completed(), NOW)),
            _ => drop(worker.stop(NOW)),
        }
    }
    assert_eq!(
        events_of(&worker),
        "input_accepted completed worker_stopped"
    );
}

#[test]
fn the_reply_in_progress_is_seen_with_the_cursor_of_the_same_instant() {
    let mut worker = running();
    worker.append_output(run(1), "hel", NOW).unwrap();
    let (run_id, pieces) = worker.in_flight().unwrap();
    assert_eq!((run_id, pieces.concat()), (run(1), "hel".to_owned()));
    let cursor = worker.cursor();
    worker.append_output(run(1), "lo", NOW).unwrap();
    let suffix = worker.read(Some(cursor), 10).unwrap().events;
    let EventKind::OutputDelta { text, .. } = &suffix[0].kind else {
        panic!("{suffix:?}");
    };
    assert_eq!((&**text, suffix.len()), ("lo", 1));
}

#[test]
fn an_idle_worker_counts_the_same_before_and_after_it_is_stopped() {
    let mut worker = worker();
    let before = worker.held_bytes();
    worker.stop(NOW);
    assert_eq!(worker.held_bytes(), before);
}

#[test]
fn diagnostics_of_a_run_are_kept_until_the_next_run() {
    let mut worker = running();
    let truncated = |entries| RunDiagnostic::ContextTruncated { entries };
    worker.report(run(1), truncated(3));
    worker.report(run(9), truncated(7));
    worker.finish(run(1), completed(), NOW);
    worker.report(run(1), truncated(8));
    assert_eq!(worker.snapshot().diagnostics.omitted_entries, 3);
    assert!(!worker.snapshot().diagnostics.reply_cut_short);
    worker.accept(input(run(2), "more"), NOW).unwrap();
    assert_eq!(worker.snapshot().diagnostics.omitted_entries, 0);
    worker.report(run(2), RunDiagnostic::ReplyCutShort);
    assert!(worker.snapshot().diagnostics.reply_cut_short);
}
