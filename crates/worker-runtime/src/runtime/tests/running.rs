//! Runs from their input to their end, and what can go wrong in between.

use super::engine_future::EngineFuture;
use super::*;
use crate::{EngineErrorKind, ErrorDetail, InputError, OfflineEngine};

#[tokio::test(start_paused = true)]
async fn a_worker_answers_and_remembers_the_conversation() {
    let fixture = Fixture::new();
    let worker = fixture.worker();
    for input in ["hello", "bye"] {
        let run = fixture.send(worker, input);
        let completed = ended(RunOutcome::Completed);
        assert_eq!(fixture.wait_for_end(worker, &run).await, completed);
    }
    let transcript_lines = ["user:hello", "assistant:hello", "user:bye", "assistant:bye"];
    assert_eq!(fixture.transcript_lines(worker), transcript_lines);
    let snapshot = at_once(fixture.runtime.get(worker)).unwrap();
    assert_eq!(snapshot.usage.incomplete_runs, 2);
    assert_eq!(snapshot.last_run.unwrap().outcome, RunOutcome::Completed);
}

#[tokio::test(start_paused = true)]
async fn the_offline_engine_streams_a_word_at_a_time_and_counts_words_as_tokens() {
    let runtime = Runtime::builder().build().unwrap();
    let words = |text: &str| text.split_whitespace().count() as u64;
    let instructions = words(runtime.profiles().default_profile().instructions());
    let worker = at_once(runtime.create(CreateWorker::default()))
        .unwrap()
        .worker
        .id;
    let (mut conversation, mut read, mut written) = (0, 0, 0);
    for input in ["one two", "three"] {
        let started = tokio::time::Instant::now();
        let run = at_once(runtime.send_input(worker, Input::new(input))).unwrap();
        let reply = runtime.reply(worker, &run, 20 * SECOND).await.unwrap().text;
        let reply_words = words(&reply);
        assert!(reply_words > 10, "{reply}");
        assert_eq!(
            started.elapsed(),
            OfflineEngine::PACE * u32::try_from(reply_words).unwrap()
        );
        read += instructions + conversation + words(input);
        written += reply_words;
        conversation += words(input) + reply_words;
    }
    let usage = at_once(runtime.get(worker)).unwrap().usage;
    assert_eq!((usage.input_tokens, usage.output_tokens), (read, written));
}

#[tokio::test(start_paused = true)]
async fn the_offline_engine_replies_the_same_at_any_pace_and_that_there_is_no_model() {
    for pace in [Duration::ZERO, OfflineEngine::PACE] {
        let engine = Arc::new(OfflineEngine::new(pace));
        let runtime = Runtime::builder().engine(engine).build().unwrap();
        let worker = at_once(runtime.create(CreateWorker::default()))
            .unwrap()
            .worker
            .id;
        let run = at_once(runtime.send_input(worker, Input::new("a  b c"))).unwrap();
        let reply = runtime.reply(worker, &run, SECOND).await.unwrap().text;
        assert!(reply.starts_with("No model is configured"), "{reply}");
        assert!(reply.ends_with(": “a b c”"), "{reply}");
        let page = at_once(runtime.transcript(worker, TranscriptQuery::default()));
        assert_eq!(*page.unwrap().entries.pop().unwrap().content, *reply);
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_input_is_busy_until_the_run_has_ended() {
    let fixture = Fixture::new();
    let worker = fixture.worker();
    let run = fixture.send(worker, "wait");
    let refused = at_once(fixture.runtime.send_input(worker, Input::new("more")));
    let (worker_id, run_id) = (worker, run.run_id);
    assert_eq!(refused, Err(InputError::Busy { worker_id, run_id }));
    fixture.engine.gate.notify_one();
    fixture.wait_for_end(worker, &run).await;
    let next = fixture.send(worker, "more");
    assert_eq!(
        fixture.wait_for_end(worker, &next).await,
        ended(RunOutcome::Completed)
    );
}

#[tokio::test(start_paused = true)]
async fn a_panic_ends_its_own_run_wherever_it_happens() {
    let fixture = Fixture::new();
    let bystander = fixture.worker();
    let other = fixture.send(bystander, "wait done");
    for input in [
        "panic-at-creation",
        "half panic",
        "half panic-at-drop",
        "panic-at-drop fail",
    ] {
        let worker = fixture.worker();
        let run = fixture.send(worker, input);
        let panicked = failed(RunErrorCode::EnginePanicked);
        assert_eq!(
            fixture.wait_for_end(worker, &run).await,
            panicked,
            "{input}"
        );
        assert_eq!(fixture.count_ends(worker, run.run_id).await, 1, "{input}");
        let kept = fixture
            .transcript_lines(worker)
            .contains(&"assistant:half…".to_owned());
        assert_eq!(kept, input.contains("half"), "{input}");
        let next = fixture.send(worker, "ok");
        assert_eq!(
            fixture.wait_for_end(worker, &next).await,
            ended(RunOutcome::Completed)
        );
    }
    fixture.engine.gate.notify_one();
    assert_eq!(
        fixture.wait_for_end(bystander, &other).await,
        ended(RunOutcome::Completed)
    );
}

#[tokio::test(start_paused = true)]
async fn an_engine_error_shows_what_it_is_and_keeps_the_text() {
    let fixture = Fixture::new();
    let worker = fixture.worker();
    let run = fixture.send(worker, "half fail");
    let end = fixture.wait_for_end(worker, &run).await;
    let error = RunError {
        code: RunErrorCode::Engine(EngineErrorKind::RateLimited),
        detail: Some(ErrorDetail::KeyRefused),
        retry_after: Some(7 * SECOND),
    };
    let outcome = RunOutcome::Failed;
    let error = Some(error);
    assert_eq!(end, RunEnd { outcome, error });
    let last = at_once(fixture.runtime.get(worker))
        .unwrap()
        .last_run
        .unwrap();
    assert_eq!(last.error, error);
    assert_eq!(fixture.transcript_lines(worker)[1], "assistant:half…");
}

#[tokio::test(start_paused = true)]
async fn an_input_without_a_reply_is_shown_and_not_given_to_the_engine_again() {
    let runtime = Runtime::builder().build().unwrap();
    let instructions = runtime.profiles().default_profile().instructions().clone();
    let worker = at_once(runtime.create(CreateWorker::default()))
        .unwrap()
        .worker
        .id;
    at_once(runtime.send_input(worker, Input::new("one two"))).unwrap();
    // The offline engine has not begun to reply yet.
    runtime.cancel(worker, None).await.unwrap();
    let run = at_once(runtime.send_input(worker, Input::new("three"))).unwrap();
    let reply = runtime.reply(worker, &run, 20 * SECOND).await.unwrap();
    let words = instructions.split_whitespace().count() as u64 + 1;
    assert_eq!(reply.usage.unwrap().input_tokens, Some(words));
    let page = at_once(runtime.transcript(worker, TranscriptQuery::default()));
    let page = page.unwrap().entries;
    assert!(page.iter().map(|it| it.unanswered).eq([true, false, false]));
    assert_eq!(
        at_once(runtime.get(worker)).unwrap().usage.incomplete_runs,
        1
    );
}

#[tokio::test(start_paused = true)]
async fn a_run_that_takes_too_long_times_out_and_keeps_its_text() {
    let fixture = Fixture::with(Limits {
        run_time: 7 * SECOND,
        ..Limits::default()
    });
    let worker = fixture.worker();
    let started = tokio::time::Instant::now();
    let run = fixture.send(worker, "half hang");
    assert_eq!(
        fixture.wait_for_end(worker, &run).await,
        ended(RunOutcome::TimedOut)
    );
    assert!(started.elapsed() >= 7 * SECOND && started.elapsed() < 8 * SECOND);
    assert_eq!(fixture.transcript_lines(worker)[1], "assistant:half…");
}

#[tokio::test(start_paused = true)]
async fn a_panic_while_a_run_is_ended_is_still_the_engines() {
    let fixture = Fixture::with(Limits {
        run_time: SECOND,
        ..Limits::default()
    });
    let worker = fixture.worker();
    let run = fixture.send(worker, "half hang panic-at-drop");
    let panicked = failed(RunErrorCode::EnginePanicked);
    assert_eq!(fixture.wait_for_end(worker, &run).await, panicked);
}

/// In real time: while a task spins, paused time doesn't pass.
#[tokio::test]
async fn an_engine_that_never_waits_times_out_as_well() {
    let fixture = Fixture::with(Limits {
        run_time: Duration::from_millis(10),
        ..Limits::default()
    });
    let worker = fixture.worker();
    let run = fixture.send(worker, "spin");
    assert_eq!(
        fixture.wait_for_end(worker, &run).await,
        ended(RunOutcome::TimedOut)
    );
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_floods_its_output_is_ended_at_the_limit() {
    for input in ["flood", "deaf-flood"] {
        let fixture = Fixture::with(Limits {
            output_bytes: 1_000,
            ..Limits::default()
        });
        let worker = fixture.worker();
        let run = fixture.send(worker, input);
        let full = failed(RunErrorCode::OutputLimit);
        assert_eq!(fixture.wait_for_end(worker, &run).await, full, "{input}");
        let reply = &fixture.transcript_lines(worker)[1];
        assert_eq!(reply.len(), "assistant:".len() + 1_000 + "…".len());
    }
}

#[tokio::test]
async fn an_endless_reply_can_be_read_and_cancelled_on_the_thread_that_it_shares() {
    let fixture = Fixture::new();
    let worker = fixture.worker();
    let run = fixture.send(worker, "flood");
    fixture.wait_for_output(worker, &run).await;
    let cancelled = fixture.runtime.cancel(worker, None).await.unwrap();
    let run_id = run.run_id;
    assert_eq!(cancelled, crate::Cancellation::Cancelled { run_id });
}

#[test]
fn a_run_whose_executor_goes_away_is_interrupted() {
    let fixture = Fixture::new();
    let worker = fixture.worker();
    let executor = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    executor.block_on(async {
        let run = fixture.send(worker, "half hang panic-at-drop");
        fixture.wait_for_output(worker, &run).await;
    });
    drop(executor);
    let snapshot = at_once(fixture.runtime.get(worker)).unwrap();
    assert_eq!(snapshot.state, WorkerState::Idle);
    let last = snapshot.last_run.unwrap();
    assert_eq!(last.error, Some(RunErrorCode::Interrupted.into()));
    assert_eq!(fixture.transcript_lines(worker)[1], "assistant:half…");
    assert_eq!(fixture.runtime.status().active_runs, 0);
}

/// On an executor without timers, where setting one panics and interrupts the run.
#[test]
fn a_run_that_never_waits_sets_no_timer() {
    let fixture = Fixture::new();
    let worker = fixture.worker();
    let executor = tokio::runtime::Builder::new_current_thread().build();
    executor.unwrap().block_on(async {
        let run = fixture.send(worker, "at once");
        let slot = fixture.runtime.inner.slot(worker).await.unwrap();
        slot.ended(run.run_id, None).await.unwrap();
    });
    let last = at_once(fixture.runtime.get(worker))
        .unwrap()
        .last_run
        .unwrap();
    assert_eq!(last.outcome, RunOutcome::Completed);
}

#[tokio::test]
async fn an_engine_that_panics_as_it_is_dropped_with_its_task_keeps_that_to_itself() {
    let turn = crate::Turn {
        worker_id: WorkerId::generate(),
        run_id: RunId::generate(),
        model: None,
        sampling: crate::Sampling::default(),
        instructions: "".into(),
        transcript: crate::History::default(),
        input: "hang panic-at-drop".into(),
    };
    let engine = Arc::new(ScriptedEngine::default());
    let output = crate::Output::new(|_| Ok(()));
    let mut future = EngineFuture::new(engine.clone(), turn, output);
    let polled = std::future::poll_fn(|cx| std::task::Poll::Ready(future.poll(cx)));
    assert!(polled.await.is_pending());
    drop(future);
    in_time(engine.dropped.notified()).await;
}

#[tokio::test(start_paused = true)]
async fn dropping_the_last_handle_cancels_the_runs() {
    let fixture = Fixture::new();
    let worker = fixture.worker();
    let run = fixture.send(worker, "half hang");
    fixture.wait_for_output(worker, &run).await;
    drop(fixture.runtime);
    tokio::time::timeout(SECOND, fixture.engine.dropped.notified())
        .await
        .expect("the engine's future is dropped");
}

#[test]
#[should_panic(expected = "no reactor running")]
fn an_input_outside_of_an_executor_panics() {
    let fixture = Fixture::new();
    let worker = fixture.worker();
    fixture.send(worker, "hello");
}
