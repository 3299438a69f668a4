//! What a registry is made of, and what its sources' ports make possible.

use super::*;
use crate::capability::Capability::{self, *};
use crate::port::{EVENT_WAIT_MAX, EventWait, Input};

fn names(registry: &RuntimeRegistry) -> Vec<&str> {
    let ids = registry.descriptors();
    ids.map(|runtime| runtime.runtime_id.as_str()).collect()
}

#[test]
fn runtimes_stand_in_the_order_of_their_registration() {
    let source = |id| MockSource::with_catalog_only(descriptor(id));
    assert_eq!(names(&registry(vec![source("b"), source("a")])), ["b", "a"]);
}

#[test]
fn a_port_that_is_there_is_a_capability_and_one_that_is_not_is_none() {
    let of = |source: &MockSource| -> Vec<Capability> {
        CapabilitySet::of_source(source).iter().collect()
    };
    let mut source = MockSource::with_catalog_only(descriptor("a"));
    assert_eq!(of(&source), [ListWorkers, GetWorker]);
    source = MockSource::with_all_ports(descriptor("a"));
    assert_eq!(of(&source), Capability::ALL);
    source.lifecycle = None;
    assert_eq!(
        of(&source),
        [
            ListWorkers,
            GetWorker,
            SendInput,
            ReadTranscript,
            ReadEvents
        ]
    );
    source.observation = None;
    assert_eq!(of(&source), [ListWorkers, GetWorker, SendInput]);
}

#[tokio::test(start_paused = true)]
async fn the_deadlines_are_those_it_was_built_with() {
    let deadlines = Deadlines {
        read: Duration::from_millis(30),
        mutation: Duration::from_millis(70),
    };
    let registry = RuntimeRegistry::builder().deadlines(deadlines);
    let hanging = Arc::new(Hanging(descriptor("a")));
    let registry = registry.register(hanging).unwrap().build();
    let begun = tokio::time::Instant::now();
    registry.worker(&reference("a", "w")).await.unwrap_err();
    assert_eq!(begun.elapsed(), deadlines.read);
    registry.stop(&reference("a", "w")).await.unwrap_err();
    assert_eq!(begun.elapsed(), deadlines.read + deadlines.mutation);
}

#[tokio::test]
async fn a_registry_shows_its_runtimes_and_deadlines_and_looks_at_the_clock() {
    let mut source = MockSource::with_catalog_only(descriptor("a"));
    source.status.expect_status().returning(|| Ok(available()));
    let registry = registry(vec![source]);
    let debug = format!("{registry:?}");
    assert!(
        debug.contains("RuntimeId(a)") && debug.contains("read: 2s"),
        "{debug}"
    );
    let before = Timestamp::now().as_millisecond();
    let observed = registry.runtimes().await[0].observed_at.as_millisecond();
    assert!(before <= observed && observed <= Timestamp::now().as_millisecond());
}

#[test]
fn an_input_shows_its_size_alone_and_a_wait_is_what_was_asked_for() {
    let input = Input {
        content: "secret".into(),
        idempotency_key: None,
    };
    assert_eq!(format!("{input:?}"), "Input { content_bytes: 6, .. }");
    assert_eq!(
        EventWait::new(EVENT_WAIT_MAX).unwrap().get(),
        EVENT_WAIT_MAX
    );
    let longer = EVENT_WAIT_MAX + Duration::from_millis(1);
    assert!(EventWait::new(longer).is_err());
}
