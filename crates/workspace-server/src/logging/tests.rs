//! The log as a whole: events go in, lines come out.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::*;

/// Far more time than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Takes whatever is written.
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

/// Everything that the log has written of what `act` says.
pub(in crate::logging) fn logged(look: Look, filter: &str, act: impl FnOnce()) -> String {
    let captured = Captured::default();
    let bounds = Bounds {
        patience: PATIENCE,
        ..Bounds::default()
    };
    let (log, guard) = paced(look, filter, captured.clone(), bounds).expect("a log");
    dispatcher::with_default(&log, act);
    drop(guard);
    let lines = captured.0.lock().expect("a buffer").clone();
    String::from_utf8(lines).expect("a log of text")
}

#[test]
fn the_filter_decides_what_is_heard() {
    let log = logged(Look::Json, "info,loud=trace,quiet=off", || {
        tracing::debug!("too fine");
        tracing::trace!(target: "loud", "heard one");
        tracing::error!(target: "quiet", "not asked for");
        tracing::info!("heard two");
    });
    assert_eq!(log.lines().count(), 2, "{log}");
    assert_eq!(log.matches("heard").count(), 2, "{log}");
}

#[test]
fn what_the_models_client_says_is_heard_at_no_level() {
    let log = logged(Look::Json, "trace", || {
        tracing::error!(target: "hyper_util::client", "an address");
        tracing::error!(target: "ours", "heard");
    });
    assert_eq!(log.lines().count(), 1, "{log}");
}

#[test]
fn a_filter_that_makes_no_sense_is_refused() {
    let refused = dispatch(Look::Json, "info,=,", io::sink()).err();
    assert!(matches!(refused, Some(LogError::Filter(_))), "{refused:?}");
}

#[test]
fn lines_for_people_have_colours_only_where_they_are_asked_for() {
    let say = || tracing::info!(target: "ours", count = 3, "hello");
    let plain = logged(Look::Plain, "info", say);
    assert!(plain.ends_with("Z  INFO ours: hello count=3\n"), "{plain}");
    let coloured = logged(Look::Coloured, "info", say);
    assert!(coloured.contains("\u{1b}[32m INFO\u{1b}["), "{coloured}");
}

#[test]
fn the_number_of_lost_lines_is_told_in_the_format_in_use() {
    let told = String::from_utf8(pretty::lost(7)).unwrap();
    let ours = "  WARN yoi_workspace_server::logging: log lines were lost lines=7\n";
    assert!(told.ends_with(ours), "{told}");

    let told: serde_json::Value = serde_json::from_slice(&json::lost(7)).unwrap();
    assert_eq!(told["level"], "WARN");
    assert_eq!(told["target"], "yoi_workspace_server::logging");
    assert_eq!(told["fields"]["message"], "log lines were lost");
    assert_eq!(told["fields"]["lines"], 7);
}
