//! What becomes of a change whose client goes away. The log is the process's, so this test is alone in
//! its process.

#![expect(
    clippy::unwrap_used,
    reason = "in a test an unwrap is the shortest way to say so"
)]

#[path = "support/log.rs"]
mod log;
#[path = "support/server.rs"]
#[expect(dead_code, reason = "this test needs a part of the fixture alone")]
mod server;

use std::sync::Arc;

use async_trait::async_trait;
use log::Log;
use registry_core::mock::MockSource;
use registry_core::port::{
    Input, InputReceipt, RuntimeDescriptor, RuntimeSource, SourceStatus, WorkerCatalog,
    WorkerInteraction,
};
use registry_core::{SourceError, WorkerId};
use server::{Server, WORKER, embedded, in_time, receipt};
use tokio::io::AsyncWriteExt as _;
use tokio::sync::Notify;

/// A source that commits an input when it is told to.
struct Slow {
    source: MockSource,
    began: Arc<Notify>,
    commit: Arc<Notify>,
}

#[async_trait]
impl WorkerInteraction for Slow {
    async fn send_input(&self, _: &WorkerId, _: Input) -> Result<InputReceipt, SourceError> {
        self.began.notify_one();
        self.commit.notified().await;
        Ok(receipt())
    }
}

#[async_trait]
impl RuntimeSource for Slow {
    fn descriptor(&self) -> &RuntimeDescriptor {
        self.source.descriptor()
    }

    async fn status(&self) -> Result<SourceStatus, SourceError> {
        self.source.status().await
    }

    fn catalog(&self) -> &dyn WorkerCatalog {
        self.source.catalog()
    }

    fn interaction(&self) -> Option<&dyn WorkerInteraction> {
        Some(self)
    }
}

#[tokio::test]
async fn its_audit_event_says_what_it_came_to_and_in_which_request() {
    let log = Log::default();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::INFO)
        .with_writer(log.clone())
        .with_ansi(false)
        .init();
    let source = Slow {
        source: embedded(),
        began: Arc::default(),
        commit: Arc::default(),
    };
    let (began, commit) = (Arc::clone(&source.began), Arc::clone(&source.commit));
    let server = Server::over_any(vec![Arc::new(source)], |_| {}).await;
    let mut client = server.connect().await;
    let body = r#"{"content":"Hi"}"#;
    let headers = format!(
        "Content-Type: application/json\r\nContent-Length: {}\r\n",
        body.len()
    );
    let request = server.head("POST", &format!("{WORKER}/input"), &headers) + body;
    client.write_all(request.as_bytes()).await.unwrap();
    in_time(began.notified()).await;
    client.set_zero_linger().unwrap();
    drop(client);
    let gone = "/input\",status=\"499\"} 1";
    let counted = async {
        while !String::from_utf8_lossy(&server.get("/metrics").await.body).contains(gone) {}
    };
    in_time(counted).await;
    commit.notify_one();
    let audited = async {
        while !log.text().contains("outcome=") {
            tokio::task::yield_now().await;
        }
    };
    in_time(audited).await;
    let text = log.text();
    let event = text.lines().find(|line| line.contains("yoi::audit"));
    let event = event.unwrap();
    assert!(event.contains("run_id=r1 outcome=\"done\""), "{event}");
    assert!(event.contains("request{request_id="), "{event}");
}
