//! Events go in, lines come out, and what the reader leaves is counted.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use serde_json::{Value, json};

use super::dropped::REPORT_INTERVAL;
use super::*;

/// Far more time than anything here takes.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Keeps whatever is written.
#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("a buffer").extend_from_slice(lines);
        Ok(lines.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A JSON log at `info` that writes to `out`.
pub(crate) fn log(out: impl Write + Send + 'static) -> (Dispatch, LogGuard) {
    log_to(out, LineFormat::Json, "info", BUFFERED_LINES_MAX).expect("a log")
}

/// Everything that `act` logs.
fn logged(format: LineFormat, filter: &str, act: impl FnOnce()) -> String {
    let captured = Captured::default();
    let (log, guard) = log_to(captured.clone(), format, filter, BUFFERED_LINES_MAX).expect("a log");
    dispatcher::with_default(&log, act);
    drop(guard);
    let lines = captured.0.lock().expect("a buffer").clone();
    String::from_utf8(lines).expect("a log of text")
}

/// The one line that `act` logs as JSON.
fn json_line(filter: &str, act: impl FnOnce()) -> Value {
    let log = logged(LineFormat::Json, filter, act);
    assert_eq!(log.matches('\n').count(), 1, "{log}");
    serde_json::from_str(&log).expect("a line is JSON")
}

#[test]
fn a_json_line_has_the_time_in_utc_level_target_and_fields() {
    let before = jiff::Timestamp::now();
    let mut line = json_line("info", || {
        tracing::info!(target: "yoi::access", method = "GET", status = 200_u16, code = None::<&str>, "answered \"\n");
    });
    let time = line["timestamp"].take();
    let time = time.as_str().expect("a text");
    assert!(time.ends_with('Z'), "{time}");
    let time: jiff::Timestamp = time.parse().expect("RFC 3339");
    let micros = before.as_microsecond()..=jiff::Timestamp::now().as_microsecond();
    assert!(micros.contains(&time.as_microsecond()), "{time}");
    assert_eq!(
        line,
        json!({
            "timestamp": null,
            "level": "INFO",
            "target": "yoi::access",
            "fields": { "message": "answered \"\n", "method": "GET", "status": 200 },
        })
    );
}

#[test]
fn lines_of_a_request_have_its_id_whatever_the_filter_says_of_the_span() {
    for filter in ["info", "warn", "off,yoi::audit=info"] {
        let line = json_line(filter, || {
            let request =
                tracing::info_span!(target: "http_api::middleware", "request", request_id = %"r-1");
            let _entered = request.entered();
            tracing::warn!(target: "yoi::audit", "created");
        });
        let span = json!({ "name": "request", "request_id": "r-1" });
        assert_eq!(line["span"], span, "{filter}");
        assert_eq!(line.get("spans"), None);
    }
}

#[test]
fn the_filter_decides_what_is_logged() {
    let log = logged(LineFormat::Json, "info,loud=trace,quiet=off", || {
        tracing::debug!("too fine");
        tracing::trace!(target: "loud", "logged one");
        tracing::error!(target: "quiet", "not asked for");
        tracing::info!("logged two");
    });
    assert_eq!(log.lines().count(), 2, "{log}");
    assert_eq!(log.matches("logged").count(), 2, "{log}");
}

#[test]
fn silenced_targets_are_silent_at_every_level_and_by_name() {
    for filter in ["trace", "hyper_util=trace,axum=trace,ours=trace"] {
        let line = json_line(filter, || {
            tracing::error!(target: "hyper_util::client", "an address");
            tracing::error!(target: "reqwest", "an address");
            tracing::trace!(target: "axum::rejection", "the content of a body");
            tracing::error!(target: "tower_http::trace", "a path");
            let _span = tracing::info_span!(target: "hyper", "request", address = 1).entered();
            tracing::error!(target: "ours", "logged");
        });
        assert_eq!(line["target"], "ours");
        assert_eq!(line.get("span"), None);
    }
}

#[test]
fn a_target_that_only_begins_like_a_silenced_one_is_logged() {
    let line = json_line("info", || tracing::info!(target: "hyperspace", "logged"));
    assert_eq!(line["target"], "hyperspace");
}

#[test]
fn a_filter_that_makes_no_sense_is_refused() {
    let refused = log_to(io::sink(), LineFormat::Json, "info,=,", 1).err();
    assert!(refused.is_some());
}

#[test]
fn lines_for_people_have_colours_only_where_they_are_asked_for() {
    let act = || tracing::info!(target: "ours", count = 3, "hello");
    let plain = logged(LineFormat::Plain, "info", act);
    assert!(plain.ends_with("Z  INFO ours: hello count=3\n"), "{plain}");
    let coloured = logged(LineFormat::Coloured, "info", act);
    assert!(coloured.contains("\u{1b}[32m INFO\u{1b}["), "{coloured}");
}

/// A reader that takes a batch of lines only when the test lets it, and all once the test is done.
struct Stalled {
    offered: Sender<String>,
    taken: Receiver<()>,
}

impl Write for Stalled {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        for line in String::from_utf8_lossy(lines).lines() {
            let _ = self.offered.send(line.to_owned());
        }
        let _ = self.taken.recv();
        Ok(lines.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Lines that fit the queue of [`stalled_log`].
const LINES_MAX: usize = 4;

/// A log whose reader has the first line in hand, with a full queue and three lines dropped. The
/// reader is the receiver; it goes on once the sender is gone.
fn stalled_log() -> (Dispatch, LogGuard, Receiver<String>, Sender<()>) {
    let (offered, lines) = mpsc::channel();
    let (take, taken) = mpsc::channel();
    let reader = Stalled { offered, taken };
    let (log, guard) = log_to(reader, LineFormat::Json, "info", LINES_MAX).expect("a log");
    dispatcher::with_default(&log, || {
        tracing::info!("the reader has this line in hand");
        lines.recv_timeout(TIMEOUT).expect("a line");
        for _ in 0..LINES_MAX + 3 {
            tracing::info!("waits or is dropped");
        }
    });
    (log, guard, lines, take)
}

#[test]
fn lines_that_a_stalled_reader_leaves_no_room_for_are_counted_and_reported_once_it_reads() {
    let (log, guard, lines, take) = stalled_log();
    let dropped = guard.dropped_lines();
    assert_eq!(dropped.count(), 3);
    dispatcher::with_default(&log, || {
        dropped.report();
        assert_eq!(dropped.count(), 4, "the report finds no room either");
        drop(take);
        for _ in 0..LINES_MAX {
            lines.recv_timeout(TIMEOUT).expect("a line that waited");
        }
        // The end of the log reports what is not reported yet.
        drop(guard);
    });
    let report = lines.recv_timeout(TIMEOUT).expect("a report");
    let report: Value = serde_json::from_str(&report).expect("a line is JSON");
    assert_eq!(report["level"], "WARN");
    assert_eq!(
        report["fields"],
        json!({ "message": "log lines were lost", "lines": 1, "total": 4 })
    );
    assert!(lines.try_recv().is_err(), "there is one report");
}

#[tokio::test(start_paused = true)]
async fn dropped_lines_are_reported_once_an_interval() {
    let (log, guard, _lines, take) = stalled_log();
    let dropped = guard.dropped_lines();
    let _default = dispatcher::set_default(&log);
    let reports = tokio::time::timeout(REPORT_INTERVAL * 5 / 2, dropped.report_regularly());
    assert!(reports.await.is_err(), "it reports until it is cancelled");
    // Each report is dropped, too.
    assert_eq!(dropped.count(), 3 + 2);
    drop(take);
}

/// A reader that has gone away.
struct Gone;

impl Write for Gone {
    fn write(&mut self, _line: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn lines_that_the_reader_fails_to_take_are_counted() {
    let (log, guard) = log(Gone);
    let dropped = guard.dropped_lines();
    dispatcher::with_default(&log, || {
        tracing::info!("first");
        tracing::info!("second");
    });
    drop(guard);
    assert_eq!(dropped.count(), 2);
}

/// A disk that is full until the flag is set; then it hands on what is written.
struct Disk {
    has_space: Arc<AtomicBool>,
    written: Sender<String>,
}

impl Write for Disk {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        // Before the test knows of these lines, and changes it.
        let has_space = self.has_space.load(Ordering::Relaxed);
        let text = String::from_utf8_lossy(lines).into_owned();
        let _ = self.written.send(text);
        if has_space {
            Ok(lines.len())
        } else {
            Err(io::ErrorKind::StorageFull.into())
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn lines_that_a_full_disk_lost_are_reported_as_soon_as_it_has_space() {
    let (has_space, (written, lines)) = (Arc::new(AtomicBool::new(false)), mpsc::channel());
    let (log, guard) = log(Disk {
        has_space: Arc::clone(&has_space),
        written,
    });
    let dropped = guard.dropped_lines();
    let _default = dispatcher::set_default(&log);
    let next = || lines.recv_timeout(TIMEOUT).expect("a line");
    tracing::info!("lost");
    next();
    has_space.store(true, Ordering::Relaxed);
    // When the second one is written, the first has been as a whole.
    for _ in 0..2 {
        tracing::info!("written");
        next();
    }
    let soon = REPORT_INTERVAL / 2;
    let _ = tokio::time::timeout(soon, dropped.report_regularly()).await;
    let report = next();
    assert!(
        report.contains(r#""message":"log lines were lost","lines":1"#),
        "{report}"
    );
}
