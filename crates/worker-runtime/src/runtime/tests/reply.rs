//! Awaiting a reply.

use super::scripted_engine::ONE_TOKEN_EACH;
use super::*;
use crate::{CapacityExhausted, CursorExpired, LimitName, Reply, ReplyError, RunDiagnostics};

const TIMEOUT: Duration = Duration::from_secs(20);

#[tokio::test(start_paused = true)]
async fn a_reply_has_the_text_the_outcome_and_the_usage() {
    let fixture = Fixture::new();
    let worker = fixture.worker();
    for (input, text, outcome) in [
        (
            "half think usage retry done",
            "halfdone",
            RunOutcome::Completed,
        ),
        ("usage cut half fail", "half", RunOutcome::Failed),
        ("other", "other", RunOutcome::Completed),
    ] {
        let run = fixture.send(worker, input);
        let reply = fixture.runtime.reply(worker, &run, TIMEOUT).await.unwrap();
        let last = at_once(fixture.runtime.get(worker))
            .unwrap()
            .last_run
            .unwrap();
        assert_eq!(last.error.is_some(), outcome == RunOutcome::Failed);
        let expected = Reply {
            run_id: run.run_id,
            outcome,
            text: text.to_owned(),
            usage: input.contains("usage").then_some(ONE_TOKEN_EACH),
            error: last.error,
            diagnostics: RunDiagnostics {
                reply_cut_short: input.contains("cut"),
                ..RunDiagnostics::default()
            },
        };
        assert_eq!(reply, expected);
        let again = fixture.runtime.reply(worker, &run, Duration::ZERO).await;
        assert_eq!(again, Ok(expected));
    }
}

#[tokio::test(start_paused = true)]
async fn a_timeout_gives_up_waiting_and_the_run_goes_on() {
    let fixture = Fixture::new();
    let worker_id = fixture.worker();
    let run = fixture.send(worker_id, "half wait done");
    let run_id = run.run_id;
    let late = fixture.runtime.reply(worker_id, &run, SECOND).await;
    assert_eq!(
        late,
        Err(ReplyError::DeadlineExceeded { worker_id, run_id })
    );
    assert_eq!(fixture.runtime.status().waiting_pollers, 0);
    fixture.engine.gate.notify_one();
    let reply = fixture
        .runtime
        .reply(worker_id, &run, TIMEOUT)
        .await
        .unwrap();
    assert_eq!(
        (reply.outcome, reply.text.as_str()),
        (RunOutcome::Completed, "halfdone")
    );
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_ends_the_wait_together_with_the_run() {
    let fixture = Fixture::new();
    let worker = fixture.worker();
    let run = fixture.send(worker, "half hang");
    fixture.wait_for_output(worker, &run).await;
    let (reply, _) = tokio::join!(
        fixture.runtime.reply(worker, &run, TIMEOUT),
        fixture.runtime.shutdown(SECOND),
    );
    let reply = reply.unwrap();
    assert_eq!(
        (reply.outcome, reply.text.as_str()),
        (RunOutcome::Cancelled, "half")
    );
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_cannot_be_awaited_says_why() {
    let fixture = Fixture::with(Limits {
        events: 4,
        pollers: 1,
        ..Limits::default()
    });
    let (worker_id, other) = (fixture.worker(), fixture.worker());
    let runtime = &fixture.runtime;

    let run = fixture.send(worker_id, "a b c d e");
    fixture.wait_until_idle(worker_id).await;
    let latest = at_once(runtime.get(worker_id)).unwrap().cursor;
    let oldest = Cursor::new(latest.epoch(), latest.sequence() - 4);
    let expired = ReplyError::Expired(CursorExpired { oldest, latest });
    assert_eq!(runtime.reply(worker_id, &run, TIMEOUT).await, Err(expired));

    let waiting = fixture.send(worker_id, "hang");
    let (first, second) = tokio::join!(
        runtime.reply(worker_id, &waiting, SECOND),
        runtime.reply(worker_id, &waiting, SECOND),
    );
    assert!(
        matches!(first, Err(ReplyError::DeadlineExceeded { .. })),
        "{first:?}"
    );
    let limit = LimitName::Pollers;
    assert_eq!(
        second,
        Err(ReplyError::Capacity(CapacityExhausted { limit }))
    );

    runtime.stop(other).await.unwrap();
    let start = Accepted {
        cursor: Cursor::new(latest.epoch(), 0),
        ..waiting
    };
    let run_id = waiting.run_id;
    let unknown = ReplyError::UnknownRun {
        worker_id: other,
        run_id,
    };
    assert_eq!(runtime.reply(other, &start, TIMEOUT).await, Err(unknown));

    let nobody = WorkerId::generate();
    let unknown = ReplyError::UnknownWorker(UnknownWorker { worker_id: nobody });
    assert_eq!(runtime.reply(nobody, &run, TIMEOUT).await, Err(unknown));
}
