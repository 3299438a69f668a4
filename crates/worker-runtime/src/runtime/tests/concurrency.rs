//! Many callers at once, on several threads.

use std::collections::HashMap;

use super::*;
use crate::OfflineEngine;

/// How often each run of a worker has ended, by its events.
async fn histories(runtime: &Runtime, worker: WorkerId, begin: Cursor) -> HashMap<RunId, usize> {
    let mut active = None;
    let mut ends = HashMap::new();
    let mut before = begin;
    let mut stream = std::pin::pin!(runtime.subscribe(worker, begin));
    while let Some(event) = stream.next().await {
        let event = event.unwrap();
        assert_eq!(event.cursor.sequence(), before.sequence() + 1, "no gap");
        before = event.cursor;
        match event.kind {
            EventKind::InputAccepted { run_id, .. } => {
                assert_eq!(active.replace(run_id), None, "one run at a time");
                ends.insert(run_id, 0);
            }
            EventKind::OutputDelta { run_id, .. }
            | EventKind::ReasoningDelta { run_id, .. }
            | EventKind::RunRetrying { run_id, .. } => assert_eq!(active, Some(run_id)),
            EventKind::RunFinished(finished) => {
                assert_eq!(active.take(), Some(finished.run_id));
                *ends.get_mut(&finished.run_id).unwrap() += 1;
            }
            EventKind::WorkerCreated => panic!("created twice"),
            EventKind::WorkerStopped => assert_eq!(active, None),
        }
    }
    ends
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whatever_callers_do_at_once_every_accepted_input_ends_once() {
    let limits = Limits {
        events: 100_000,
        event_bytes: 32 * 1024 * 1024,
        concurrent_runs: 2,
        // However busy the machine is.
        cancel_wait: Duration::from_secs(60),
        ..Limits::default()
    };
    let engine = Arc::new(OfflineEngine::new(Duration::ZERO));
    let runtime = Runtime::builder()
        .engine(engine)
        .limits(limits)
        .build()
        .unwrap();
    let workers: Vec<_> = (0..3)
        .map(|_| {
            at_once(runtime.create(CreateWorker::default()))
                .unwrap()
                .worker
        })
        .collect();

    let readers: Vec<_> = workers
        .iter()
        .map(|worker| {
            let (runtime, id, begin) = (runtime.clone(), worker.id, worker.cursor);
            tokio::spawn(async move { histories(&runtime, id, begin).await })
        })
        .collect();
    let callers: Vec<_> = (0..8)
        .map(|caller| {
            let (runtime, id) = (runtime.clone(), workers[caller % 3].id);
            tokio::spawn(async move {
                let mut accepted = Vec::new();
                for round in 0..200 {
                    if (caller + round) % 3 == 0 {
                        runtime.cancel(id, None).await.unwrap();
                    }
                    accepted.extend(at_once(runtime.send_input(id, Input::new("a b"))).ok());
                    tokio::task::yield_now().await;
                }
                accepted
            })
        })
        .collect();

    let mut accepted = Vec::new();
    for caller in callers {
        accepted.extend(caller.await.unwrap());
    }
    for (at, worker) in workers.iter().enumerate() {
        if at > 0 {
            runtime.stop(worker.id).await.unwrap();
        }
    }
    runtime.shutdown(10 * SECOND).await;

    let mut ends = HashMap::new();
    for reader in readers {
        ends.extend(in_time(reader).await.unwrap());
    }
    assert!(accepted.len() > 10, "{}", accepted.len());
    assert_eq!(ends.len(), accepted.len());
    assert!(accepted.iter().all(|run| ends[&run.run_id] == 1));
    let status = runtime.status();
    assert_eq!((status.active_runs, status.waiting_pollers), (0, 0));
    assert_eq!((status.workers.idle, status.workers.stopped), (1, 2));
}
