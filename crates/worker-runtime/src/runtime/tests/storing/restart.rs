//! What is kept over the end of a process.

use super::*;
use crate::{IdempotencyKey, Usage, UsageTotals};

fn key(text: &str) -> Option<IdempotencyKey> {
    Some(text.parse().unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_worker_is_after_a_restart_what_it_was() {
    let before = Stored::new().await;
    let request = CreateWorker {
        display_name: Some("Ada".into()),
        profile: Some("builtin:companion".into()),
        model: None,
        idempotency_key: key("create"),
    };
    let created = before.runtime().create(request.clone()).await.unwrap();
    let worker = created.worker.id;
    before.complete(worker, "think a usage cut").await;
    before.complete(worker, "fail").await;
    let input = Input {
        content: "b".into(),
        idempotency_key: key("input"),
    };
    let accepted = before
        .runtime()
        .send_input(worker, input.clone())
        .await
        .unwrap();
    before.fixture.wait_for_end(worker, &accepted).await;
    before.runtime().rename(worker, "Bob").await.unwrap();
    before.runtime().stop(worker).await.unwrap();
    let was = before.snapshot(worker).await;
    let page = before
        .runtime()
        .transcript(worker, TranscriptQuery::default())
        .await
        .unwrap();
    let used = UsageTotals {
        input_tokens: 1,
        output_tokens: 1,
        incomplete_runs: 2,
    };
    assert_eq!((was.display_name.as_str(), was.usage), ("Bob", used));

    let after = before.after_a_crash().await;
    let cursor = Cursor::new(after.runtime().status().epoch, 0);
    assert_eq!(
        after.snapshot(worker).await,
        WorkerSnapshot { cursor, ..was }
    );
    let again = after
        .runtime()
        .transcript(worker, TranscriptQuery::default())
        .await
        .unwrap();
    assert_eq!(again, crate::TranscriptPage { cursor, ..page });
    let replayed = after.runtime().create(request).await.unwrap();
    let past = Cursor::new(crate::Epoch::PAST, 1);
    let first = WorkerSnapshot {
        cursor: past,
        ..created.worker
    };
    assert_eq!((replayed.worker, replayed.replayed), (first, true));
    let query = EventsQuery {
        after: Some(past),
        ..EventsQuery::default()
    };
    let missed = after.runtime().events(worker, query).await;
    assert!(matches!(missed, Err(crate::EventsError::Expired(_))));
    let replayed = after.runtime().send_input(worker, input).await.unwrap();
    assert_eq!(
        replayed,
        Accepted {
            replayed: true,
            ..accepted
        }
    );
    let counts = after.runtime().status().workers;
    assert_eq!((counts.stopped, counts.total()), (1, 1));
    let restarted = after.runtime().subscribe(worker, accepted.cursor);
    let expired = std::pin::pin!(restarted).next().await.unwrap();
    assert!(
        matches!(expired, Err(crate::EventsError::Expired(_))),
        "{expired:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_conversation_goes_on_after_a_restart() {
    let before = Stored::new().await;
    let worker = before.worker().await;
    before.complete(worker, "a").await;

    let after = before.after_a_crash().await;
    let cursor = after.snapshot(worker).await.cursor;
    let end = after.complete(worker, "b usage").await;
    assert_eq!(end, ended(RunOutcome::Completed));
    let expected = ["user:a", "assistant:a", "user:b usage", "assistant:b"];
    assert_eq!(after.lines(worker).await, expected);
    let events = after.runtime().events(
        worker,
        EventsQuery {
            after: Some(cursor),
            ..EventsQuery::default()
        },
    );
    let kinds: Vec<_> = events
        .await
        .unwrap()
        .events
        .iter()
        .map(|event| event.kind.as_str())
        .collect();
    assert_eq!(kinds, ["input_accepted", "output_delta", "run_finished"]);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_a_crash_cut_off_is_interrupted_and_keeps_its_drafts() {
    let before = Stored::new().await;
    let worker = before.worker().await;
    let run = before.send(worker, "half wait more hang").await;
    before.fixture.wait_for_output(worker, &run).await;
    tokio::time::sleep(3 * SECOND).await;
    before.fixture.engine.gate.notify_one();
    before.fixture.wait_for_output(worker, &run).await;

    let after = before.after_a_crash().await;
    let worker_now = after.snapshot(worker).await;
    assert_eq!(worker_now.state, WorkerState::Idle);
    let last = worker_now.last_run.unwrap();
    assert_eq!(
        (last.run_id, last.outcome),
        (run.run_id, RunOutcome::Failed)
    );
    assert_eq!(last.error, Some(RunErrorCode::Interrupted.into()));
    let half = ["user:half wait more hang", "assistant:half…"];
    assert_eq!(after.lines(worker).await, half);
    after.complete(worker, "b").await;
    let seen = after.lines(worker).await;
    assert_eq!(seen[2..], ["user:b", "assistant:b"]);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_a_crash_cut_off_before_a_word_leaves_its_input_unanswered() {
    let before = Stored::new().await;
    let worker = before.worker().await;
    before.send(worker, "hang").await;
    let after = before.after_a_crash().await;
    assert_eq!(after.lines(worker).await, ["user:hang?"]);
    // Not a second time.
    let last = after.snapshot(worker).await.last_run;
    let again = after.after_a_crash().await;
    assert_eq!(again.snapshot(worker).await.last_run, last);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_a_crash_cut_off_has_no_reports_of_the_run_before_it() {
    let before = Stored::new().await;
    let worker = before.worker().await;
    before.complete(worker, "a cut").await;
    let reported = before.snapshot(worker).await.diagnostics;
    assert!(reported.reply_cut_short);
    before.send(worker, "hang").await;
    let after = before.after_a_crash().await;
    let none = crate::RunDiagnostics::default();
    assert_eq!(after.snapshot(worker).await.diagnostics, none);
}

#[tokio::test(start_paused = true)]
async fn each_draft_is_what_came_since_the_last_one() {
    let stored = Stored::new().await;
    let worker = stored.worker().await;
    let run = stored.send(worker, "a b wait c wait d").await;
    for _ in 0..2 {
        tokio::time::sleep(5 * SECOND).await;
        stored.fixture.engine.gate.notify_one();
    }
    stored.fixture.wait_for_end(worker, &run).await;
    let changes = stored.store.committed();
    let drafts = changes.iter().filter_map(|change| {
        let Change::Draft { text, run_id, .. } = change else {
            return None;
        };
        assert_eq!(*run_id, run.run_id);
        Some(&**text)
    });
    assert_eq!(drafts.collect::<Vec<_>>(), ["ab", "c"]);
    assert_eq!(stored.lines(worker).await[1], "assistant:abcd");
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_interrupts_runs_and_the_next_start_finds_them_so() {
    let before = Stored::new().await;
    let worker = before.worker().await;
    let run = before.send(worker, "half hang").await;
    before.fixture.wait_for_output(worker, &run).await;
    let report = before.runtime().shutdown(5 * SECOND).await;
    assert_eq!((report.cancelled.len(), report.abandoned.len()), (1, 0));
    let interrupted = failed(RunErrorCode::Interrupted);
    assert_eq!(before.fixture.wait_for_end(worker, &run).await, interrupted);

    let after = before.after_a_crash().await;
    let last = after.snapshot(worker).await.last_run;
    assert_eq!(last, before.snapshot(worker).await.last_run);
    assert_eq!(after.lines(worker).await[1], "assistant:half…");
}

#[tokio::test(start_paused = true)]
async fn a_deleted_worker_stays_deleted_and_its_key_is_free() {
    let before = Stored::new().await;
    let request = CreateWorker {
        idempotency_key: key("create"),
        ..CreateWorker::default()
    };
    let created = before.runtime().create(request.clone()).await.unwrap();
    let worker = created.worker.id;
    before.send(worker, "hang").await;
    before.runtime().delete(worker).await.unwrap();
    let unknown = UnknownWorker { worker_id: worker };
    assert_eq!(before.runtime().get(worker).await, Err(unknown.into()));
    assert_eq!(before.runtime().status().workers.total(), 0);

    let after = before.after_a_crash().await;
    assert_eq!(after.runtime().get(worker).await, Err(unknown.into()));
    let created = after.runtime().create(request).await.unwrap();
    assert!(!created.replayed && created.worker.id != worker);
}

#[tokio::test(start_paused = true)]
async fn usage_and_diagnostics_of_a_run_are_kept() {
    let before = Stored::new().await;
    let worker = before.worker().await;
    before.complete(worker, "a usage cut fail").await;
    let changes = before.store.committed().into_iter();
    let finished = changes.filter_map(|change| {
        let Change::Finish(run) = change else {
            return None;
        };
        Some(run)
    });
    let finished = finished.last();
    let finished = finished.unwrap();
    let one = Usage {
        input_tokens: Some(1),
        output_tokens: Some(1),
    };
    assert_eq!(finished.usage, Some(one));
    assert!(finished.diagnostics.reply_cut_short);
    assert!(finished.reply.unwrap().partial);
}

#[tokio::test(start_paused = true)]
async fn workers_that_were_stopped_long_ago_are_deleted_if_that_is_wanted() {
    let store: Arc<ScriptedStore> = Arc::new(ScriptedStore::new(Arc::new(MemoryStore::new())));
    let now = Arc::new(std::sync::atomic::AtomicI64::new(0));
    let hand = Arc::clone(&now);
    let clock = move || {
        let now = hand.load(std::sync::atomic::Ordering::Relaxed);
        jiff::Timestamp::from_second(now).unwrap()
    };
    let builder = Runtime::builder().clock(Arc::new(clock));
    let builder = builder.delete_stopped_after(Duration::from_secs(7_200));
    let runtime = builder.open(store as _).await.unwrap();
    let (old, young, idle) = (
        runtime
            .create(CreateWorker::default())
            .await
            .unwrap()
            .worker
            .id,
        runtime
            .create(CreateWorker::default())
            .await
            .unwrap()
            .worker
            .id,
        runtime
            .create(CreateWorker::default())
            .await
            .unwrap()
            .worker
            .id,
    );
    runtime.stop(old).await.unwrap();
    now.store(3_600, std::sync::atomic::Ordering::Relaxed);
    runtime.stop(young).await.unwrap();
    now.store(7_300, std::sync::atomic::Ordering::Relaxed);
    while runtime.get(old).await.is_ok() {
        tokio::time::sleep(Duration::from_secs(600)).await;
    }
    assert!(runtime.get(young).await.is_ok() && runtime.get(idle).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_queued_input_is_stored_and_a_crash_interrupts_it() {
    let before = Stored::with(Limits {
        concurrent_runs: 1,
        ..Limits::default()
    })
    .await;
    let (first, second) = (before.worker().await, before.worker().await);
    before.send(first, "wait").await;
    let queued = before.send(second, "b").await;
    assert_eq!(before.snapshot(second).await.state, WorkerState::Queued);
    let after = before.after_a_crash().await;
    assert_eq!(after.lines(second).await, ["user:b?"]);
    let last = after.snapshot(second).await.last_run.unwrap();
    assert_eq!(
        (last.run_id, last.error),
        (queued.run_id, Some(RunErrorCode::Interrupted.into()))
    );
}
