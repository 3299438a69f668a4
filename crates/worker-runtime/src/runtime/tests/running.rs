//! Runs from their input to their end, and what can go wrong in between.

use super::contained::Contained;
use super::*;
use crate::{EngineErrorKind, InputError, OfflineEngine};

#[tokio::test(start_paused = true)]
async fn a_worker_answers_and_remembers_the_conversation() {
    let stage = Stage::new();
    let worker = stage.worker();
    for (input, outcome) in [
        ("hello", RunOutcome::Completed),
        ("bye", RunOutcome::Completed),
    ] {
        let run = stage.send(worker, input);
        assert_eq!(stage.end(worker, &run).await, ended(outcome));
    }
    let said = ["user:hello", "assistant:hello", "user:bye", "assistant:bye"];
    assert_eq!(stage.said(worker), said);
    let snapshot = stage.runtime.get(worker).unwrap();
    assert_eq!(snapshot.usage.output_tokens, 2);
    assert_eq!(snapshot.last_run.unwrap().outcome, RunOutcome::Completed);
}

#[tokio::test(start_paused = true)]
async fn the_offline_engine_streams_a_word_at_a_time() {
    let runtime = Runtime::builder().build().unwrap();
    let worker = runtime.create(CreateWorker::default()).unwrap().worker.id;
    let run = runtime.send_input(worker, Input::new("a b")).unwrap();
    let begun = tokio::time::Instant::now();
    let mut words = 0;
    let mut stream = std::pin::pin!(runtime.subscribe(worker, run.cursor));
    while let EventKind::OutputDelta { .. } = stream.next().await.unwrap().unwrap().kind {
        words += 1;
    }
    assert!(words > 10, "{words}");
    assert_eq!(begun.elapsed(), OfflineEngine::PACE * words);
}

#[tokio::test(start_paused = true)]
async fn the_offline_engine_says_the_same_at_any_pace_and_that_there_is_no_model() {
    let mut said = Vec::new();
    for pace in [Duration::ZERO, OfflineEngine::PACE] {
        let engine = Arc::new(OfflineEngine::new(pace));
        let runtime = Runtime::builder().engine(engine).build().unwrap();
        let worker = runtime.create(CreateWorker::default()).unwrap().worker.id;
        let run = runtime.send_input(worker, Input::new("a  b c")).unwrap();
        let slot = runtime.inner.slot(worker).unwrap();
        slot.ended(run.run_id, None).await.unwrap();
        let events = runtime.events(worker, EventsQuery::default()).await;
        let deltas = events.unwrap().events.into_iter().map(|event| event.kind);
        let page = runtime.transcript(worker, TranscriptQuery::default());
        let reply = page.unwrap().entries.pop().unwrap().content;
        let of_run = deltas.filter_map(|kind| match kind {
            EventKind::OutputDelta { text, .. } => Some(text.to_string()),
            EventKind::WorkerCreated
            | EventKind::InputAccepted { .. }
            | EventKind::RunFinished { .. }
            | EventKind::WorkerStopped => None,
        });
        let of_run: Vec<String> = of_run.collect();
        assert_eq!(of_run.concat(), *reply);
        said.push(of_run);
    }
    assert_eq!(said[0], said[1]);
    assert_eq!(said[0].concat().find("No model is configured"), Some(0));
    assert_eq!(said[0].last().unwrap(), "c”");
}

#[tokio::test(start_paused = true)]
async fn the_offline_engine_counts_words_as_tokens() {
    let runtime = Runtime::builder().build().unwrap();
    let words = |text: &str| text.split_whitespace().count() as u64;
    let instructions = words(runtime.profiles().default_profile().instructions());
    let worker = runtime.create(CreateWorker::default()).unwrap().worker.id;
    let (mut said, mut read, mut written) = (0, 0, 0);
    for input in ["one two", "three"] {
        let run = runtime.send_input(worker, Input::new(input)).unwrap();
        let slot = runtime.inner.slot(worker).unwrap();
        slot.ended(run.run_id, None).await.unwrap();
        let page = runtime.transcript(worker, TranscriptQuery::default());
        let reply = words(&page.unwrap().entries.last().unwrap().content);
        read += instructions + said + words(input);
        written += reply;
        said += words(input) + reply;
    }
    let usage = runtime.get(worker).unwrap().usage;
    assert_eq!((usage.input_tokens, usage.output_tokens), (read, written));
}

#[tokio::test(start_paused = true)]
async fn a_second_input_is_busy_until_the_run_has_ended() {
    let stage = Stage::new();
    let worker = stage.worker();
    let run = stage.send(worker, "wait");
    let refused = stage.runtime.send_input(worker, Input::new("more"));
    let (worker_id, run_id) = (worker, run.run_id);
    assert_eq!(refused, Err(InputError::Busy { worker_id, run_id }));
    stage.script.gate.notify_one();
    stage.end(worker, &run).await;
    let next = stage.send(worker, "more");
    assert_eq!(stage.end(worker, &next).await, ended(RunOutcome::Completed));
}

#[tokio::test(start_paused = true)]
async fn a_panic_ends_its_own_run_wherever_it_happens() {
    let stage = Stage::new();
    let bystander = stage.worker();
    let other = stage.send(bystander, "wait done");
    for script in [
        "panic-at-creation",
        "half panic",
        "half panic-at-drop",
        "panic-at-drop fail",
    ] {
        let worker = stage.worker();
        let run = stage.send(worker, script);
        let panicked = failed(RunErrorCode::EnginePanicked);
        assert_eq!(stage.end(worker, &run).await, panicked, "{script}");
        assert_eq!(stage.ends(worker, run.run_id).await, 1, "{script}");
        let kept = stage.said(worker).contains(&"assistant:half…".to_owned());
        assert_eq!(kept, script.contains("half"), "{script}");
        let next = stage.send(worker, "ok");
        assert_eq!(stage.end(worker, &next).await, ended(RunOutcome::Completed));
    }
    stage.script.gate.notify_one();
    assert_eq!(
        stage.end(bystander, &other).await,
        ended(RunOutcome::Completed)
    );
}

#[tokio::test(start_paused = true)]
async fn an_error_of_the_engine_is_told_by_its_code_and_keeps_the_text() {
    let stage = Stage::new();
    let worker = stage.worker();
    let run = stage.send(worker, "half fail");
    let code = RunErrorCode::Engine(EngineErrorKind::RateLimited);
    assert_eq!(stage.end(worker, &run).await, failed(code));
    assert_eq!(stage.said(worker)[1], "assistant:half…");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_takes_too_long_times_out_and_keeps_its_text() {
    let stage = Stage::with(Limits {
        run_time: 7 * SECOND,
        ..Limits::default()
    });
    let worker = stage.worker();
    let begun = tokio::time::Instant::now();
    let run = stage.send(worker, "half hang");
    assert_eq!(stage.end(worker, &run).await, ended(RunOutcome::TimedOut));
    assert!(begun.elapsed() >= 7 * SECOND && begun.elapsed() < 8 * SECOND);
    assert_eq!(stage.said(worker)[1], "assistant:half…");
}

#[tokio::test(start_paused = true)]
async fn a_panic_while_a_run_is_ended_is_still_the_engines() {
    let stage = Stage::with(Limits {
        run_time: SECOND,
        ..Limits::default()
    });
    let worker = stage.worker();
    let run = stage.send(worker, "half hang panic-at-drop");
    let panicked = failed(RunErrorCode::EnginePanicked);
    assert_eq!(stage.end(worker, &run).await, panicked);
}

/// In real time: while a task spins, paused time doesn't pass.
#[tokio::test]
async fn an_engine_that_never_rests_times_out_as_well() {
    let stage = Stage::with(Limits {
        run_time: Duration::from_millis(10),
        ..Limits::default()
    });
    let worker = stage.worker();
    let run = stage.send(worker, "spin");
    assert_eq!(stage.end(worker, &run).await, ended(RunOutcome::TimedOut));
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_floods_its_output_is_ended_at_the_limit() {
    for script in ["flood", "spate", "deaf-flood"] {
        let stage = Stage::with(Limits {
            output_bytes: 1_000,
            ..Limits::default()
        });
        let worker = stage.worker();
        let run = stage.send(worker, script);
        let full = failed(RunErrorCode::OutputLimit);
        assert_eq!(stage.end(worker, &run).await, full, "{script}");
        let reply = &stage.said(worker)[1];
        assert_eq!(reply.len(), "assistant:".len() + 1_000 + "…".len());
    }
}

#[tokio::test]
async fn a_run_that_speaks_without_end_can_be_heard_and_cancelled_on_the_thread_that_it_shares() {
    for script in ["flood", "spate"] {
        let stage = Stage::new();
        let worker = stage.worker();
        let run = stage.send(worker, script);
        stage.spoken(worker, &run).await;
        let cancelled = stage.runtime.cancel(worker, None).await.unwrap();
        let run_id = run.run_id;
        assert_eq!(
            cancelled,
            crate::Cancellation::Cancelled { run_id },
            "{script}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn two_runs_of_a_worker_never_overlap() {
    let stage = Stage::new();
    let worker = stage.worker();
    for _ in 0..20 {
        let run = stage.send(worker, "a hang");
        stage.spoken(worker, &run).await;
        let (one, two) = tokio::join!(
            stage.runtime.cancel(worker, None),
            stage.runtime.cancel(worker, Some(run.run_id)),
        );
        assert_eq!((one.is_ok(), one), (true, two));
    }
    assert_eq!(stage.script.most_live(), 1);
}

#[test]
fn a_run_whose_executor_goes_away_is_interrupted() {
    let stage = Stage::new();
    let worker = stage.worker();
    let executor = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    executor.block_on(async {
        let run = stage.send(worker, "half hang panic-at-drop");
        stage.spoken(worker, &run).await;
    });
    drop(executor);
    let snapshot = stage.runtime.get(worker).unwrap();
    assert_eq!(snapshot.state, WorkerState::Idle);
    let last = snapshot.last_run.unwrap();
    assert_eq!(last.error_code, Some(RunErrorCode::Interrupted));
    assert_eq!(stage.said(worker)[1], "assistant:half…");
    assert_eq!(stage.runtime.status().active_runs, 0);
}

/// On an executor without timers, where setting one panics and interrupts the run.
#[test]
fn a_run_that_never_waits_sets_no_timer() {
    let stage = Stage::new();
    let worker = stage.worker();
    let executor = tokio::runtime::Builder::new_current_thread().build();
    executor.unwrap().block_on(async {
        let run = stage.send(worker, "at once");
        let slot = stage.runtime.inner.slot(worker).unwrap();
        slot.ended(run.run_id, None).await.unwrap();
    });
    let last = stage.runtime.get(worker).unwrap().last_run.unwrap();
    assert_eq!(last.outcome, RunOutcome::Completed);
}

#[tokio::test]
async fn an_engine_that_panics_as_it_is_dropped_with_its_task_keeps_that_to_itself() {
    let turn = crate::Turn {
        worker_id: WorkerId::mint(),
        run_id: RunId::mint(),
        instructions: "".into(),
        transcript: crate::History::default(),
        input: "hang panic-at-drop".into(),
    };
    let engine = Arc::new(Script::default());
    let output = crate::Output::new(|_| Ok(()));
    let mut contained = Contained::new(engine.clone(), turn, output);
    let polled = std::future::poll_fn(|cx| std::task::Poll::Ready(contained.poll(cx)));
    assert!(polled.await.is_pending());
    drop(contained);
    in_time(engine.dropped.notified()).await;
}

#[tokio::test(start_paused = true)]
async fn dropping_the_last_handle_cancels_the_runs() {
    let stage = Stage::new();
    let worker = stage.worker();
    let run = stage.send(worker, "half hang");
    stage.spoken(worker, &run).await;
    drop(stage.runtime);
    tokio::time::timeout(SECOND, stage.script.dropped.notified())
        .await
        .expect("the engine's future is dropped");
}

#[test]
#[should_panic(expected = "no reactor running")]
fn an_input_outside_of_an_executor_panics() {
    let stage = Stage::new();
    let worker = stage.worker();
    stage.send(worker, "hello");
}
