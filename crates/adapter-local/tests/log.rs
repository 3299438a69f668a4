//! What the log says of records that can't be read. The log is the process's, so this test is alone in
//! its process.

use std::fs;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adapter_local::{LocalConfig, LocalLimits, LocalSource};
use registry_core::port::RuntimeSource as _;
use registry_core::projection::RuntimeStatus;
use testkit::clock::StoppedClock;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no test panics with it").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn it_says_once_why_earlier_records_are_shown_and_that_they_are_new_again() {
    let _stopped_clock = StoppedClock::new();
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .init();
    let home = tempfile::tempdir().expect("a directory");
    let data_dir = home.path().join("canary-data");
    let source = LocalSource::new(LocalConfig {
        data_dir: data_dir.clone(),
        workspace_roots: Vec::new(),
        limits: LocalLimits {
            refresh_interval: Duration::ZERO,
            ..LocalLimits::default()
        },
    });
    let status = async || source.status().await.expect("records").status;
    for _ in 0..2 {
        fs::create_dir(&data_dir).expect("a data directory");
        assert_eq!(status().await, RuntimeStatus::Available);
        fs::remove_dir(&data_dir).expect("it is empty");
        fs::write(&data_dir, "").expect("a file in its place");
        for _ in 0..2 {
            assert_eq!(status().await, RuntimeStatus::Degraded);
        }
        fs::remove_file(&data_dir).expect("it is there");
    }
    let log = log.0.lock().expect("no test panics with it").clone();
    let log = String::from_utf8(log).expect("a log is text");
    let failure = "WARN adapter_local::refresh: local records can not be read runtime_id=\"local-compat\" \
                   error=the local data directory can't be opened: not a directory";
    for (line, times) in [(failure, 2), ("local records can be read again", 1)] {
        assert_eq!(log.matches(line).count(), times, "{log}");
    }
    assert!(!log.contains("canary"), "{log}");
}
