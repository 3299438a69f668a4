//! The rules, one at a time.

use super::*;
use crate::engine::OutputClosed;
use crate::error::{CancelError, InputError};
use crate::run::{EngineErrorKind, Report, RunDiagnostic, RunErrorCode, RunOutcome, Usage};
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
        profile: "builtin:default".parse().unwrap(),
        model: None,
        key: None,
        created_at: NOW,
        older_entries: OlderEntries::Dropped,
    };
    Worker::new(Arc::new(metadata), "Ada".parse().unwrap(), Arc::new(limits))
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

/// Admits and accepts an input.
#[expect(clippy::needless_pass_by_value, reason = "callers make it for this")]
fn accept(worker: &mut Worker, input: NewRun, now: Timestamp) -> Result<Accepted, InputError> {
    Ok(match worker.admit(&input, now)? {
        Admission::Replay(accepted) => accepted,
        Admission::Start { input, .. } => worker.accept(input, RunTurn::Now),
    })
}

/// Decides how a run ends, and ends it.
fn finish(worker: &mut Worker, run_id: RunId, end: RunEnd, now: Timestamp) -> Option<RunOutcome> {
    let finished = worker.decide_end(run_id, end, now)?;
    let outcome = finished.run.outcome;
    worker.finish(finished);
    Some(outcome)
}

/// Stops the worker, at once if it is idle. Returns the run that has to end first.
fn stop(worker: &mut Worker, now: Timestamp) -> Option<RunId> {
    match worker.stop() {
        StopStep::Stopped => None,
        StopStep::Idle => {
            worker.stopped(now);
            None
        }
        StopStep::Ending(run_id) => Some(run_id),
    }
}

/// A worker in the middle of run 1.
fn running() -> Worker {
    let mut worker = worker();
    accept(&mut worker, input(run(1), "hi"), NOW).unwrap();
    worker
}

/// The events after the first, a word each, with the text of deltas.
fn events_of(worker: &Worker) -> String {
    let events = worker.read(None, usize::MAX).unwrap().events;
    let words = events[1..].iter().map(|event| match &event.kind {
        EventKind::OutputDelta { text, .. } => format!("+{text}"),
        EventKind::ReasoningDelta { text, .. } => format!("?{text}"),
        EventKind::RunFinished(finished) => match finished.error {
            None => finished.outcome.to_string(),
            Some(error) => format!("failed({})", error.code),
        },
        kind @ (EventKind::WorkerCreated
        | EventKind::InputAccepted { .. }
        | EventKind::RunRetrying { .. }
        | EventKind::WorkerStopped) => kind.as_str().to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// The transcript, an entry each: `user:hi`, `user:hi?` for an unanswered one, `assistant:he…`
/// for a partial one, and `assistant:hello(hm)` for one with reasoning.
fn transcript_of(worker: &Worker) -> String {
    let (from_first, no_bound) = (TranscriptPosition::After(0), usize::MAX);
    let slice = worker.transcript.slice(from_first, no_bound, no_bound);
    let entries = slice.entries.iter().map(|entry: &Entry| {
        let partial = if entry.partial { "…" } else { "" };
        let unanswered = if entry.unanswered { "?" } else { "" };
        let reasoning = entry.reasoning.as_ref().map(|text| format!("({text})"));
        let more = format!("{partial}{unanswered}{}", reasoning.unwrap_or_default());
        format!("{}:{}{more}", entry.role.as_str(), entry.content)
    });
    entries.collect::<Vec<_>>().join(" ")
}

#[test]
fn a_run_goes_from_input_to_reply() {
    let mut worker = worker();
    let accepted = accept(&mut worker, input(run(1), "hi"), NOW).unwrap();
    assert_eq!(accepted.sequence, 1);
    assert_eq!(accepted.cursor, worker.cursor());
    assert_eq!(worker.state(), WorkerState::Running);

    worker.append_output(run(1), "he", NOW).unwrap();
    worker.append_output(run(1), "llo", NOW).unwrap();
    let outcome = finish(&mut worker, run(1), RunEnd::Completed, NOW);
    assert_eq!(outcome, Some(RunOutcome::Completed));
    assert_eq!(worker.state(), WorkerState::Idle);
    assert_eq!(events_of(&worker), "input_accepted +he +llo completed");
    assert_eq!(transcript_of(&worker), "user:hi assistant:hello");
}

#[test]
fn a_busy_worker_refuses_an_input_and_does_not_change() {
    let mut worker = running();
    let before = worker.snapshot();
    let refusal = accept(&mut worker, input(run(2), "more"), NOW);
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
            accept(&mut worker, input(run(1), blank), NOW),
            Err(InputError::Empty)
        );
    }
    assert_eq!(
        accept(&mut worker, input(run(1), "12345"), NOW),
        Err(InputError::TooLarge {
            maximum: 4,
            actual: 5,
        })
    );
    assert!(accept(&mut worker, input(run(1), "1234"), NOW).is_ok());
}

#[test]
fn an_accepted_cancel_decides_the_outcome_even_if_the_engine_finishes() {
    let mut worker = running();
    worker.append_output(run(1), "he", NOW).unwrap();
    assert_eq!(
        worker.cancel(None, EndReason::Cancelled),
        Ok(CancelStep::Cancelling(run(1)))
    );
    assert_eq!(worker.state(), WorkerState::Cancelling);
    assert_eq!(
        finish(&mut worker, run(1), RunEnd::Completed, NOW),
        Some(RunOutcome::Cancelled)
    );
    assert_eq!(transcript_of(&worker), "user:hi assistant:he…");
    assert_eq!(worker.state(), WorkerState::Idle);
}

#[test]
fn an_input_is_unanswered_however_its_run_ends_without_text() {
    let panicked = RunEnd::Failed(RunErrorCode::EnginePanicked.into());
    for end in [
        RunEnd::Completed,
        RunEnd::Cancelled,
        RunEnd::TimedOut,
        panicked,
    ] {
        let mut worker = running();
        worker.append_output(run(1), "", NOW).unwrap();
        worker.append_reasoning(run(1), "hm", NOW).unwrap();
        finish(&mut worker, run(1), end, NOW);
        assert_eq!(transcript_of(&worker), "user:hi?", "{end:?}");

        accept(&mut worker, input(run(2), "more"), NOW).unwrap();
        assert_eq!(worker.history().iter().count(), 0, "{end:?}");
        worker.append_output(run(2), "he", NOW).unwrap();
        finish(&mut worker, run(2), end, NOW);
        accept(&mut worker, input(run(3), "again"), NOW).unwrap();
        let seen = worker.history();
        let seen: Vec<_> = seen.iter().map(|entry| &*entry.content).collect();
        assert_eq!(seen, ["more", "he"], "{end:?}");
    }
}

#[test]
fn reasoning_stands_beside_the_reply_up_to_its_limit_and_without_gaps() {
    let mut worker = worker_with(Limits {
        delta_bytes: 4,
        reasoning_bytes: 7,
        ..Limits::default()
    });
    accept(&mut worker, input(run(1), "hi"), NOW).unwrap();
    let before = worker.held_bytes();
    worker.append_reasoning(run(1), "abcde", NOW).unwrap();
    let events = 2 * EVENT_OVERHEAD_BYTES + 5;
    assert_eq!(worker.held_bytes(), before + 5 + events);
    // The € has three bytes, of which only two would fit; the next text would fit, but not follow.
    worker.append_reasoning(run(1), "€", NOW).unwrap();
    worker.append_reasoning(run(1), "f", NOW).unwrap();
    worker.append_output(run(1), "hello", NOW).unwrap();
    let in_flight = worker.in_flight().unwrap();
    let texts = (in_flight.reasoning.concat(), in_flight.text.concat());
    assert_eq!(texts, ("abcde".to_owned(), "hello".to_owned()));

    finish(&mut worker, run(1), RunEnd::Completed, NOW);
    assert_eq!(transcript_of(&worker), "user:hi assistant:hello(abcde)");
    assert_eq!(
        events_of(&worker),
        "input_accepted ?abcd ?e +hell +o completed"
    );
    let late = worker.append_reasoning(run(1), "late", NOW);
    assert_eq!(late, Err(OutputClosed));
}

#[test]
fn reasoning_gets_what_the_input_and_the_reply_leave_of_the_transcript() {
    // What entries cost besides their text, and the texts of an input and a reply.
    let beside = 2 * crate::limits::ENTRY_OVERHEAD_BYTES + "hi".len() + "hello".len();
    for (room, expected) in [
        (5, "user:hi assistant:hello(abcde)"),
        (4, "user:hi assistant:hello(abcd)"),
        (0, "user:hi assistant:hello"),
    ] {
        let mut worker = worker_with(Limits {
            transcript_bytes: beside + room,
            ..Limits::default()
        });
        accept(&mut worker, input(run(1), "hi"), NOW).unwrap();
        worker.append_reasoning(run(1), "abcde", NOW).unwrap();
        worker.append_output(run(1), "hello", NOW).unwrap();
        finish(&mut worker, run(1), RunEnd::Completed, NOW);
        assert_eq!(transcript_of(&worker), expected);
    }
}

#[test]
fn the_bytes_of_a_run_have_room_for_all_its_reasoning() {
    let limits = |reasoning_bytes| Limits {
        reasoning_bytes,
        ..Limits::default()
    };
    let max_bytes = |limits| match worker_with(limits).admit(&input(run(1), "hi"), NOW) {
        Ok(Admission::Start { bytes, .. }) => bytes.max,
        other => panic!("{other:?}"),
    };
    assert_eq!(max_bytes(limits(1_000)), max_bytes(limits(0)) + 1_000);
}

#[test]
fn the_phase_is_what_the_engine_did_last() {
    let mut worker = running();
    let retrying = Report::Retrying {
        kind: EngineErrorKind::Overloaded,
        delay: std::time::Duration::from_secs(2),
    };
    let phase = |worker: &Worker| worker.in_flight().unwrap().phase;
    assert_eq!(phase(&worker), RunPhase::Waiting);
    worker.report(run(1), retrying, NOW);
    assert_eq!(phase(&worker), RunPhase::Retrying);
    worker.append_reasoning(run(1), "", NOW).unwrap();
    assert_eq!(phase(&worker), RunPhase::Reasoning);
    worker.append_output(run(1), "", NOW).unwrap();
    assert_eq!(phase(&worker), RunPhase::Reasoning);
    worker.append_output(run(1), "x", NOW).unwrap();
    worker.report(run(1), RunDiagnostic::BlankReply.into(), NOW);
    assert_eq!(phase(&worker), RunPhase::Answering);
    worker.cancel(None, EndReason::Cancelled).unwrap();
    worker.report(run(1), retrying, NOW);
    assert_eq!(phase(&worker), RunPhase::Answering);
    assert_eq!(events_of(&worker), "input_accepted run_retrying +x");
}

#[test]
fn usage_is_what_was_reported_last_however_the_run_ends() {
    let used = |tokens| Usage {
        input_tokens: Some(tokens),
        output_tokens: None,
    };
    let mut worker = worker();
    let ends = [
        RunEnd::Completed,
        RunEnd::Cancelled,
        RunEnd::TimedOut,
        RunEnd::Failed(RunErrorCode::Interrupted.into()),
    ];
    for (number, end) in (1..).zip(ends) {
        accept(&mut worker, input(run(number), "hi"), NOW).unwrap();
        worker.report(run(number), used(9).into(), NOW);
        worker.report(run(number), used(2).into(), NOW);
        finish(&mut worker, run(number), end, NOW);
        worker.report(run(number), used(9).into(), NOW);
        let events = worker.read(None, usize::MAX).unwrap().events;
        let EventKind::RunFinished(finished) = &events[events.len() - 1].kind else {
            panic!("{events:?}");
        };
        assert_eq!(finished.usage, Some(used(2)), "{end:?}");
    }
    let totals = worker.snapshot().usage;
    assert_eq!((totals.input_tokens, totals.incomplete_runs), (8, 4));
}

#[test]
fn a_run_ends_exactly_once() {
    let mut worker = running();
    assert!(finish(&mut worker, run(1), RunEnd::Completed, NOW).is_some());
    assert_eq!(finish(&mut worker, run(1), RunEnd::TimedOut, NOW), None);
    accept(&mut worker, input(run(2), "again"), NOW).unwrap();
    assert_eq!(finish(&mut worker, run(1), RunEnd::TimedOut, NOW), None);
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
    worker.cancel(None, EndReason::Cancelled).unwrap();
    assert_eq!(worker.append_output(run(1), "late", NOW), Err(OutputClosed));
    finish(&mut worker, run(1), RunEnd::Completed, NOW);
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
        worker.cancel(Some(run(2)), EndReason::Cancelled),
        Err(CancelError::RunMismatch {
            worker_id: worker_id(),
            expected: run(2),
            active: run(1),
        })
    );
    assert_eq!(worker.state(), WorkerState::Running);
    assert_eq!(
        worker.cancel(Some(run(1)), EndReason::Cancelled),
        Ok(CancelStep::Cancelling(run(1)))
    );
    finish(&mut worker, run(1), RunEnd::Completed, NOW);
    assert_eq!(
        worker.cancel(Some(run(1)), EndReason::Cancelled),
        Ok(CancelStep::NotRunning)
    );
}

#[test]
fn a_stop_ends_the_run_first_and_is_final() {
    let mut worker = running();
    assert_eq!(stop(&mut worker, NOW), Some(run(1)));
    assert_eq!(stop(&mut worker, NOW), Some(run(1)));
    let stopped = InputError::WorkerStopped {
        worker_id: worker_id(),
    };
    assert_eq!(
        accept(&mut worker, input(run(2), "more"), NOW),
        Err(stopped)
    );
    // A cancel that comes later must not take the stop back.
    assert_eq!(
        worker.cancel(None, EndReason::Cancelled),
        Ok(CancelStep::Cancelling(run(1)))
    );
    finish(&mut worker, run(1), RunEnd::Completed, NOW);
    assert_eq!(worker.state(), WorkerState::Stopped);
    assert_eq!(stop(&mut worker, NOW), None);
    assert_eq!(
        worker.cancel(None, EndReason::Cancelled),
        Ok(CancelStep::NotRunning)
    );
    assert_eq!(
        accept(&mut worker, input(run(2), "more"), NOW),
        Err(stopped)
    );
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
    accept(&mut worker, input(run(1), "hi"), NOW).unwrap();
    worker.append_output(run(1), "abc", NOW).unwrap();
    // The é has two bytes, of which only one would fit.
    assert_eq!(worker.append_output(run(1), "dé", NOW), Err(OutputClosed));
    assert_eq!(worker.state(), WorkerState::Cancelling);
    finish(&mut worker, run(1), RunEnd::Completed, NOW);
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
    accept(&mut worker, input(run(1), "hi"), NOW).unwrap();
    worker.append_output(run(1), "", NOW).unwrap();
    worker.append_output(run(1), "ééééx", NOW).unwrap();
    assert_eq!(events_of(&worker), "input_accepted +éé +ééx");
}

#[test]
fn the_same_key_and_content_gets_the_first_answer_in_every_state() {
    let mut worker = worker();
    let first = accept(&mut worker, keyed(run(1), "hi", "k"), NOW).unwrap();
    let replay = Accepted {
        replayed: true,
        ..first
    };
    for step in 0..3 {
        let again = accept(&mut worker, keyed(run(9), "hi", "k"), NOW);
        assert_eq!(again, Ok(replay), "step {step}");
        let other = accept(&mut worker, keyed(run(9), "ho", "k"), NOW);
        let worker_id = worker_id();
        assert_eq!(
            other,
            Err(InputError::IdempotencyConflict { worker_id }),
            "step {step}"
        );
        match step {
            0 => drop(finish(&mut worker, run(1), RunEnd::Completed, NOW)),
            _ => drop(stop(&mut worker, NOW)),
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
    let in_flight = worker.in_flight().unwrap();
    let told = (in_flight.run_id, in_flight.text.concat());
    assert_eq!(told, (run(1), "hel".to_owned()));
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
    stop(&mut worker, NOW);
    assert_eq!(worker.held_bytes(), before);
}

#[test]
fn diagnostics_of_a_run_stand_in_its_end_its_reply_and_until_the_next_run_in_the_snapshot() {
    let mut worker = running();
    let truncated = |entries| RunDiagnostic::ContextTruncated { entries }.into();
    worker.report(run(1), truncated(3), NOW);
    worker.report(run(9), truncated(7), NOW);
    worker.append_output(run(1), "hello", NOW).unwrap();
    finish(&mut worker, run(1), RunEnd::Completed, NOW);
    worker.report(run(1), truncated(8), NOW);
    let expected = RunDiagnostics {
        omitted_entries: 3,
        ..RunDiagnostics::default()
    };
    let (slice, _) = worker.slice(TranscriptPosition::Newest, 2);
    assert_eq!(slice.entries[0].diagnostics, RunDiagnostics::default());
    assert_eq!(slice.entries[1].diagnostics, expected);
    let events = worker.read(None, usize::MAX).unwrap().events;
    let EventKind::RunFinished(finished) = &events[events.len() - 1].kind else {
        panic!("{events:?}");
    };
    assert_eq!(finished.diagnostics, expected);
    assert_eq!(worker.snapshot().diagnostics, expected);
    accept(&mut worker, input(run(2), "more"), NOW).unwrap();
    assert_eq!(worker.snapshot().diagnostics, RunDiagnostics::default());
}

#[test]
fn a_shutdown_takes_no_accepted_cancel_back() {
    let mut worker = running();
    worker.cancel(None, EndReason::Cancelled).unwrap();
    worker.cancel(None, EndReason::Interrupted).unwrap();
    let outcome = finish(&mut worker, run(1), RunEnd::Completed, NOW);
    assert_eq!(outcome, Some(RunOutcome::Cancelled));
}

#[test]
fn a_queued_run_starts_once_unless_it_is_being_ended() {
    let queued = |number| {
        let mut worker = worker();
        let Ok(Admission::Start { input, .. }) = worker.admit(&input(run(number), "hi"), NOW)
        else {
            panic!("it is idle");
        };
        worker.accept(input, RunTurn::Later);
        assert_eq!(worker.state(), WorkerState::Queued);
        assert_eq!(worker.active_run(), Some(run(number)));
        worker
    };
    let mut started = queued(1);
    let cursor = started.cursor();
    started.start_queued(run(2));
    assert_eq!(started.state(), WorkerState::Queued, "it is another run");
    started.start_queued(run(1));
    assert_eq!(started.state(), WorkerState::Running);
    assert_eq!(started.cursor(), cursor, "that is no event");

    let mut cancelled = queued(1);
    cancelled.cancel(None, EndReason::Cancelled).unwrap();
    cancelled.start_queued(run(1));
    assert_eq!(cancelled.state(), WorkerState::Cancelling);
}
