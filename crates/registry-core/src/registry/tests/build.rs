//! How a registry is built, and which capabilities its sources' ports make possible.

use super::memory::available;
use super::*;
use crate::capability::Capability::{self, *};

#[test]
fn runtimes_are_listed_in_the_order_of_their_registration_and_each_once() {
    let source = |id| Memory::with_workers(id, 0);
    let registry = registry_of([source("b") as Arc<dyn RuntimeSource>, source("a")]);
    let ids = registry
        .descriptors()
        .map(|runtime| runtime.runtime_id.as_str());
    assert_eq!(ids.collect::<Vec<_>>(), ["b", "a"]);

    let builder = RuntimeRegistry::builder()
        .register(source("twice"))
        .unwrap();
    let refused = builder.register(source("twice")).err().unwrap();
    assert_eq!(refused.runtime_id.as_str(), "twice");
}

#[test]
fn a_port_that_is_there_is_a_capability_and_one_that_is_not_is_none() {
    let capabilities = |ports| -> Vec<Capability> {
        let source = Memory::new(descriptor("a"), ports, Health::Sound);
        (source as Arc<dyn RuntimeSource>)
            .capabilities()
            .iter()
            .collect()
    };
    assert_eq!(capabilities(Ports::NONE), [ListWorkers, GetWorker]);
    assert_eq!(capabilities(Ports::ALL), Capability::ALL);
    let ports = Ports {
        lifecycle: false,
        ..Ports::ALL
    };
    let without = [
        ListWorkers,
        GetWorker,
        SendInput,
        ReadTranscript,
        ReadEvents,
    ];
    assert_eq!(capabilities(ports), without);
    let ports = Ports {
        interaction: true,
        ..Ports::NONE
    };
    assert_eq!(capabilities(ports), [ListWorkers, GetWorker, SendInput]);
}

#[tokio::test(start_paused = true)]
async fn the_deadlines_are_those_it_was_built_with() {
    let deadlines = Deadlines {
        read: Duration::from_millis(30),
        mutation: Duration::from_millis(70),
    };
    let builder = RuntimeRegistry::builder().deadlines(deadlines);
    let registry = builder.register(Memory::hanging("a")).unwrap().build();
    let began = tokio::time::Instant::now();
    registry.worker(&reference("a", "w")).await.unwrap_err();
    assert_eq!(began.elapsed(), deadlines.read);
    registry.stop(&reference("a", "w")).await.unwrap_err();
    assert_eq!(began.elapsed(), deadlines.read + deadlines.mutation);
}

#[tokio::test]
async fn a_deadline_may_be_as_long_as_a_duration_can_be() {
    let deadlines = Deadlines {
        read: Duration::MAX,
        mutation: Duration::MAX,
    };
    let source = Memory::new(descriptor("r"), Ports::ALL, Health::Sound);
    let builder = RuntimeRegistry::builder().deadlines(deadlines);
    let registry = builder.register(source).unwrap().build();
    let query = EventsQuery {
        wait: EventWait::MAX,
        ..EventsQuery::default()
    };
    let answer = registry.events(&reference("r", "w"), &query).await;
    assert!(matches!(answer, Err(RegistryError::UnknownWorker { .. })));
}

#[tokio::test]
async fn a_registry_debugs_its_runtimes_and_deadlines_and_reads_the_clock() {
    let mut source = MockSource::with_catalog_only(descriptor("a"));
    source.status.expect_status().returning(|| Ok(available()));
    let registry = registry_of_mock(source);
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
fn an_input_debugs_as_its_size_alone_and_a_wait_beyond_its_bound_is_refused() {
    let input = input("secret");
    assert_eq!(format!("{input:?}"), "Input { content_bytes: 6, .. }");
    let longest = EventWait::MAX.get();
    assert_eq!(EventWait::new(longest), Ok(EventWait::MAX));
    assert!(EventWait::new(longest + Duration::from_millis(1)).is_err());
}
