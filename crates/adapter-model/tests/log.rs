//! What the log says of a run that fails. The log is the process's, so this test is alone in its
//! process: tracing asks the thread that first reaches an event whether it is logged, and remembers the
//! answer for all others.

#![expect(
    clippy::unwrap_used,
    reason = "in a test, an unwrap is the shortest way to say what must hold"
)]

#[path = "support/fixture.rs"]
#[expect(dead_code, reason = "this test needs a part of the fixture alone")]
mod fixture;

use fixture::{Fixture, config};
use testkit::provider::{ScriptedProvider, ScriptedResponse};
use tracing::Level;

#[tokio::test]
async fn the_line_of_a_failed_run_names_it_and_its_worker_where_only_warnings_are_logged() {
    let log = tempfile::NamedTempFile::new().unwrap();
    tracing_subscriber::fmt()
        .with_max_level(Level::WARN)
        .with_ansi(false)
        .with_writer(log.reopen().unwrap())
        .init();
    let provider = ScriptedProvider::start().await;
    let fixture = Fixture::new(&config("m", provider.address));
    provider.enqueue(ScriptedResponse::new(401, &[]));
    let accepted = fixture.start_run("hi");
    fixture.run_end(&accepted).await;
    let log = std::fs::read_to_string(log.path()).unwrap();
    let names = format!(
        "run{{worker_id={} run_id={}}}: adapter_model::engine: no whole reply",
        fixture.worker, accepted.run_id
    );
    assert!(log.contains(&names), "{log}");
}
