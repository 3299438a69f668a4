//! Cancelling a run closes the connection to the provider at once.

use std::time::Duration;

use tokio::time::Instant;
use worker_runtime::RunOutcome;

use crate::fixture::{Fixture, config};
use testkit::provider::{ScriptedProvider, ScriptedResponse};

/// Time in which the provider must see that a cancelled request is closed, on a busy machine. A run
/// that does not end by itself is given up after five seconds.
const AT_ONCE: Duration = Duration::from_secs(2);

async fn first_request(provider: &ScriptedProvider) {
    while provider.requests().is_empty() {
        tokio::task::yield_now().await;
    }
}

/// Cancels the run, and checks that the provider sees it at once.
async fn cancel(fixture: &Fixture, provider: &mut ScriptedProvider) {
    let cancelled = Instant::now();
    fixture.runtime.cancel(fixture.worker, None).await.unwrap();
    let elapsed = provider.client_disconnected().await - cancelled;
    assert!(elapsed < AT_ONCE, "{elapsed:?}");
}

#[tokio::test]
async fn cancelling_a_reply_closes_the_connection_and_keeps_its_text() {
    let mut provider = ScriptedProvider::start().await;
    let fixture = Fixture::new(&config("m", provider.address));
    provider.enqueue(ScriptedResponse::new(200, &[]).delta("Hel").stall());
    provider.enqueue(ScriptedResponse::openai(&["fine"]));

    let accepted = fixture.start_run("hi");
    fixture.first_delta(&accepted).await;
    cancel(&fixture, &mut provider).await;
    let run = fixture.run_end(&accepted).await;
    assert_eq!((run.outcome, run.code), (Some(RunOutcome::Cancelled), None));
    assert_eq!(fixture.transcript(), ["user: hi", "assistant: Hel…"]);

    assert_eq!(fixture.complete_run("go on").await.text(), "fine");
    let sent = provider.last_request().body;
    let marked = "Hel\n\n[This reply was cut short.]";
    assert_eq!(sent["messages"][2]["content"], marked);
    assert_eq!(fixture.run_ends().await, 2);
}

#[tokio::test]
async fn cancelling_before_any_text_closes_the_connection() {
    let headers_only = ScriptedResponse::new(200, &[]).stall();
    for response in [ScriptedResponse::no_answer(), headers_only] {
        let mut provider = ScriptedProvider::start().await;
        let fixture = Fixture::new(&config("m", provider.address));
        provider.enqueue(response);
        let accepted = fixture.start_run("hi");
        first_request(&provider).await;
        cancel(&fixture, &mut provider).await;
        let run = fixture.run_end(&accepted).await;
        assert_eq!(run.outcome, Some(RunOutcome::Cancelled));
        assert_eq!(fixture.transcript(), ["user: hi"]);
    }
}

#[tokio::test]
async fn a_cancelled_request_is_not_sent_again() {
    let provider = ScriptedProvider::start().await;
    let fixture = Fixture::new(&config("m", provider.address));
    provider.enqueue(ScriptedResponse::new(503, &[("retry-after", "20")]));
    provider.enqueue(ScriptedResponse::openai(&["fine"]));
    let accepted = fixture.start_run("hi");
    first_request(&provider).await;
    fixture.runtime.cancel(fixture.worker, None).await.unwrap();
    let run = fixture.run_end(&accepted).await;
    assert_eq!(run.outcome, Some(RunOutcome::Cancelled));
    assert_eq!(fixture.complete_run("again").await.text(), "fine");
    assert_eq!(provider.requests().len(), 2);
}
