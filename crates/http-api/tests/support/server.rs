//! A real server on a free port over mocked sources, and a client that sends any bytes.

#![expect(
    clippy::unwrap_used,
    reason = "in a test an unwrap is the shortest way to say so"
)]

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use http_api::wire::Problem;
use http_api::{Api, ApiConfig, Auth, Draining, ServeReport, Token, serve};
use registry_core::mock::MockSource;
use registry_core::port::{
    CatalogPage, CreatedWorkerRecord, InputReceipt, Replay, RuntimeDescriptor, RuntimeSource,
    SourceStatus, WorkerDetailRecord, WorkerRecord,
};
use registry_core::projection::{
    AcceptedInput, CancelResult, EventBatch, Facilities, ImplementationKind, RuntimeCounts,
    RuntimeStatus, TranscriptPage, WorkerState,
};
use registry_core::{Cursor, RuntimeRegistry, SourceError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// The token of every server in these tests.
pub(crate) const TOKEN: &str = "a-secret-of-more-than-22-characters";
/// The one worker of the embedded runtime.
pub(crate) const WORKER: &str = "/api/runtimes/backend-internal/workers/w1";
/// Longer than anything here may take; reaching it is a failure.
pub(crate) const TEST_TIMEOUT: Duration = Duration::from_secs(20);

/// A running server.
pub(crate) struct Server {
    pub(crate) port: u16,
    pub(crate) draining: Draining,
    stop: Option<oneshot::Sender<()>>,
    running: JoinHandle<ServeReport>,
}

/// An answer, taken apart.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Server {
    /// A server with the defaults.
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// A server whose settings were changed.
    pub(crate) async fn with(change: impl FnOnce(&mut ApiConfig)) -> Self {
        Self::over(vec![embedded(), recorded()], change).await
    }

    /// A server over other mocked sources.
    pub(crate) async fn over(
        sources: Vec<MockSource>,
        change: impl FnOnce(&mut ApiConfig),
    ) -> Self {
        let sources = sources.into_iter().map(|source| Arc::new(source) as _);
        Self::over_any(sources.collect(), change).await
    }

    /// A server over any sources.
    pub(crate) async fn over_any(
        sources: Vec<Arc<dyn RuntimeSource>>,
        change: impl FnOnce(&mut ApiConfig),
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let token: Token = TOKEN.parse().unwrap();
        let mut config = ApiConfig::new("Test".parse().unwrap(), Auth::Token(token), port);
        change(&mut config);
        let mut builder = RuntimeRegistry::builder();
        for source in sources {
            builder = builder.register(source).unwrap();
        }
        let api = Api::new(Arc::new(builder.build()), config);
        let draining = api.draining();
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(async move {
            let stopped = async {
                let _ = stopped.await;
            };
            serve(listener, api, stopped).await
        });
        Self {
            port,
            draining,
            stop: Some(stop),
            running,
        }
    }

    /// Ends the server and says what became of its connections.
    pub(crate) async fn stop(mut self) -> ServeReport {
        let _ = self.stop.take().unwrap().send(());
        in_time(self.running).await.unwrap()
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.port)).await.unwrap()
    }

    /// Sends `bytes` and reads until the server closes.
    pub(crate) async fn send(&self, bytes: &[u8]) -> Answer {
        let mut stream = self.connect().await;
        // The server may refuse and stop reading before all is written.
        let _ = stream.write_all(bytes).await;
        Answer::parse(&read_to_end(&mut stream).await)
    }

    /// A request head of this server's own, with the token, to be closed after the answer.
    pub(crate) fn head(&self, method: &str, target: &str, headers: &str) -> String {
        format!(
            "{method} {target} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n\
             Authorization: Bearer {TOKEN}\r\nConnection: close\r\n{headers}\r\n",
            self.port
        )
    }

    pub(crate) async fn get(&self, target: &str) -> Answer {
        self.send(self.head("GET", target, "").as_bytes()).await
    }

    pub(crate) async fn delete(&self, target: &str) -> Answer {
        self.send(self.head("DELETE", target, "").as_bytes()).await
    }

    pub(crate) async fn post(&self, target: &str, body: &str) -> Answer {
        self.post_with(target, "", body).await
    }

    pub(crate) async fn post_with(&self, target: &str, headers: &str, body: &str) -> Answer {
        self.write("POST", target, headers, body).await
    }

    /// Sends a JSON body with any method.
    pub(crate) async fn write(
        &self,
        method: &str,
        target: &str,
        headers: &str,
        body: &str,
    ) -> Answer {
        let headers = format!(
            "{headers}Content-Type: application/json\r\nContent-Length: {}\r\n",
            body.len()
        );
        let request = self.head(method, target, &headers) + body;
        self.send(request.as_bytes()).await
    }
}

impl Answer {
    /// Takes apart one whole answer whose body is what follows the head.
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let end = bytes
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .unwrap_or_else(|| panic!("no answer: {:?}", String::from_utf8_lossy(bytes)));
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap();
        let headers = lines.map(|line| {
            let (name, value) = line.split_once(':').unwrap();
            (name.to_ascii_lowercase(), value.trim().to_owned())
        });
        Self {
            status: status.parse().unwrap(),
            headers: headers.collect(),
            body: bytes[end + 4..].to_vec(),
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(n, _)| n == name);
        let value = found.next().map(|(_, value)| value.as_str());
        assert!(found.next().is_none(), "{name} stands twice");
        value
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The problem, after checking what every problem must be.
    #[track_caller]
    pub(crate) fn problem(&self) -> Problem {
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json")
        );
        let problem: Problem = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(problem.status, self.status);
        assert_eq!(problem.code.status(), self.status);
        assert_eq!(
            Some(problem.request_id.as_str()),
            self.header("x-request-id")
        );
        problem
    }

    /// The problem's code, as clients see it.
    #[track_caller]
    pub(crate) fn code(&self) -> &'static str {
        self.problem().code.as_str()
    }
}

pub(crate) async fn read_to_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = in_time(stream.read_to_end(&mut bytes)).await;
    bytes
}

pub(crate) async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(TEST_TIMEOUT, work)
        .await
        .expect("it should not have taken so long")
}

/// A deadline short enough to reach in a test. It is for the one that a test is about: a busy machine
/// may come too late for any other.
pub(crate) const SHORT_DEADLINE: Duration = Duration::from_millis(500);

fn descriptor(runtime_id: &str, kind: ImplementationKind) -> RuntimeDescriptor {
    RuntimeDescriptor {
        runtime_id: runtime_id.parse().unwrap(),
        display_name: "A runtime".parse().unwrap(),
        implementation_kind: kind,
        facilities: Facilities::default(),
        models: Vec::new(),
        limits: Vec::new(),
    }
}

pub(crate) fn worker(state: WorkerState) -> WorkerDetailRecord {
    let (id, name) = ("w1".parse().unwrap(), "Worker".parse().unwrap());
    WorkerRecord::new(id, name, state).into()
}

/// What an input comes to that started the run `r1`.
pub(crate) fn receipt() -> InputReceipt {
    InputReceipt {
        accepted: AcceptedInput {
            run_id: "r1".parse().unwrap(),
            sequence: 1,
            cursor: Cursor::new(1, 2),
        },
        replay: Replay::First,
    }
}

/// A source with every port, which answers everything it is asked about worker `w1`.
pub(crate) fn embedded() -> MockSource {
    let descriptor = descriptor("backend-internal", ImplementationKind::EMBEDDED);
    let mut source = MockSource::with_all_ports(descriptor);
    answering_catalog(&mut source, WorkerState::Idle);
    let lifecycle = source.lifecycle.as_mut().unwrap();
    lifecycle.expect_create().returning(|request| {
        let seen = request
            .idempotency_key
            .is_some_and(|key| key.as_str() == "seen");
        Ok(CreatedWorkerRecord {
            worker: worker(WorkerState::Idle),
            replay: if seen {
                Replay::Replayed
            } else {
                Replay::First
            },
        })
    });
    lifecycle
        .expect_stop()
        .returning(|_| Ok(worker(WorkerState::Stopped)));
    lifecycle
        .expect_cancel()
        .returning(|_, _| Ok(CancelResult::NotRunning));
    lifecycle.expect_rename().returning(|_, name| {
        let mut renamed = worker(WorkerState::Idle);
        renamed.worker.display_name = name;
        Ok(renamed)
    });
    lifecycle.expect_delete().returning(|worker_id| {
        if worker_id.as_str() == "w1" {
            Ok(())
        } else {
            Err(SourceError::UnknownWorker)
        }
    });
    let interaction = source.interaction.as_mut().unwrap();
    interaction
        .expect_send_input()
        .returning(|_, _| Ok(receipt()));
    let observation = source.observation.as_mut().unwrap();
    observation.expect_transcript().returning(|_, _| {
        Ok(TranscriptPage {
            entries: Vec::new(),
            first_sequence: None,
            last_sequence: None,
            has_earlier: false,
            has_later: false,
            pruned_before: None,
            in_flight: None,
            cursor: Cursor::new(1, 0),
        })
    });
    observation.expect_events().returning(|_, _| {
        Ok(EventBatch {
            events: Vec::new(),
            next_cursor: Cursor::new(1, 0),
            caught_up: true,
        })
    });
    source
}

/// A source with a catalog and nothing else.
pub(crate) fn recorded() -> MockSource {
    let descriptor = descriptor("local-compat", ImplementationKind::LOCAL_COMPAT);
    let mut source = MockSource::with_catalog_only(descriptor);
    answering_catalog(&mut source, WorkerState::Recorded);
    source
}

fn answering_catalog(source: &mut MockSource, state: WorkerState) {
    source.status.expect_status().returning(|| {
        Ok(SourceStatus {
            status: RuntimeStatus::Available,
            profiles: Vec::new(),
            counts: RuntimeCounts::default(),
            diagnostics: Vec::new(),
        })
    });
    source.catalog.expect_list().returning(move |_| {
        Ok(CatalogPage {
            workers: vec![worker(state).worker],
            next: None,
            diagnostics: Vec::new(),
        })
    });
    source.catalog.expect_get().returning(move |worker_id| {
        if worker_id.as_str() == "w1" {
            Ok(worker(state))
        } else {
            Err(SourceError::UnknownWorker)
        }
    });
}
