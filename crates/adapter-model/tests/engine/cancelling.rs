//! Cancelling lets go of the provider at once, wherever the request stands.

use std::time::Duration;

use tokio::time::{Instant, timeout};
use worker_runtime::{EventKind, RunOutcome};

use crate::provider::{Answer, Provider, Step, delta, head, refusal, reply};
use crate::world::{World, config};

/// The longest that a provider may see a cancelled request.
const AT_ONCE: Duration = Duration::from_millis(100);

#[tokio::test]
async fn the_connection_is_closed_and_what_was_said_is_kept() {
    let mut provider = Provider::start().await;
    let world = World::new(&config("m", provider.address));
    provider.will(vec![head(200, &[]), delta("Hel"), Step::Stall]);
    provider.will(reply(&["fine"]));

    let accepted = world.begin("hi");
    let is_delta = |kind: &EventKind| matches!(kind, EventKind::OutputDelta { .. });
    world.until(accepted.cursor, is_delta).await;
    let cancelled = Instant::now();
    world.runtime.cancel(world.worker, None).await.unwrap();
    let hung_up = provider.hung_up().await;
    assert!(hung_up - cancelled < AT_ONCE, "{:?}", hung_up - cancelled);
    let run = world.end(&accepted).await;
    assert_eq!((run.outcome, run.code), (RunOutcome::Cancelled, None));
    assert_eq!(world.transcript(), ["user: hi", "assistant: Hel…"]);

    assert_eq!(world.says("go on").await.text(), "fine");
    let sent = provider.last_request().body;
    let marked = "Hel\n\n[This reply was cut short.]";
    assert_eq!(sent["messages"][2]["content"], marked);
    assert_eq!(world.ends().await, [1, 1]);
}

#[tokio::test]
async fn a_request_without_an_answer_is_let_go_too() {
    for unanswered in [vec![Step::Stall], vec![head(200, &[]), Step::Stall]] {
        let mut provider = Provider::start().await;
        let world = World::new(&config("m", provider.address));
        provider.will(unanswered);
        let accepted = world.begin("hi");
        while provider.requests().is_empty() {
            tokio::task::yield_now().await;
        }
        let cancelled = Instant::now();
        world.runtime.cancel(world.worker, None).await.unwrap();
        assert!(provider.hung_up().await - cancelled < AT_ONCE);
        assert_eq!(world.end(&accepted).await.outcome, RunOutcome::Cancelled);
        assert_eq!(world.transcript(), ["user: hi"]);
    }
}

#[tokio::test]
async fn a_cancelled_request_is_not_tried_again() {
    let provider = Provider::start().await;
    let world = World::new(&config("m", provider.address));
    let overloaded: Answer = refusal(503, &[("retry-after", "20")], "");
    provider.will(overloaded);
    provider.will(reply(&["fine"]));
    let accepted = world.begin("hi");
    while provider.requests().is_empty() {
        tokio::task::yield_now().await;
    }
    let cancel = world.runtime.cancel(world.worker, None);
    timeout(Duration::from_secs(1), cancel)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(world.end(&accepted).await.outcome, RunOutcome::Cancelled);
    assert_eq!(world.says("again").await.text(), "fine");
    assert_eq!(provider.requests().len(), 2);
}
