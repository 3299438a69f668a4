//! The process's log: tracing-subscriber formats the lines, and a thread of tracing-appender
//! writes them to standard error. Lines that don't fit its queue are dropped and counted.

mod dropped;

use std::io::{self, IsTerminal as _, Write};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;

use tracing::level_filters::LevelFilter;
use tracing::{Dispatch, Metadata, dispatcher};
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::{FilterExt as _, ParseError, filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, fmt, registry};

use crate::args::LogFormat;
use crate::compose::MODEL_CLIENT_TARGETS;

use dropped::BatchWriter;

pub use dropped::DroppedLines;

/// Most lines that wait to be written. With lines of 250 to 500 bytes that is at most 8 MiB,
/// about a second of a busy server.
const BUFFERED_LINES_MAX: usize = 16_384;

/// Targets of HTTP libraries whose lines may quote what a client sent, such as the value that a
/// body was refused for. Those of the model's client name its address ([`MODEL_CLIENT_TARGETS`]).
const HTTP_TARGETS: &[&str] = &["axum", "axum_core", "tower", "tower_http"];

/// The span around each request of the HTTP API; its field `request_id` is in the request's lines.
const REQUEST_SPAN: (&str, &str) = ("http_api", "request");

/// The filter is not in tracing's syntax.
#[derive(Debug, thiserror::Error)]
#[error("the log filter can't be understood")]
pub struct InvalidFilter(#[source] ParseError);

/// How lines are formatted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LineFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Plain,
    /// For people, with the colours of a terminal.
    Coloured,
}

impl LineFormat {
    /// Resolves the flag for the standard error of this process.
    fn from_flag(format: LogFormat) -> Self {
        let terminal = io::stderr().is_terminal();
        let colours = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        match format {
            LogFormat::Json => Self::Json,
            LogFormat::Auto if !terminal => Self::Json,
            LogFormat::Auto | LogFormat::Pretty if terminal && colours => Self::Coloured,
            LogFormat::Auto | LogFormat::Pretty => Self::Plain,
        }
    }
}

/// Reports lines that were dropped, and flushes the log, when it is dropped. Waits for a stalled
/// reader for one second at most.
#[must_use = "the log ends when this is dropped"]
pub(crate) struct LogGuard {
    worker: Option<WorkerGuard>,
    dropped: DroppedLines,
}

impl LogGuard {
    /// The counter of this log's dropped lines.
    pub(crate) fn dropped_lines(&self) -> DroppedLines {
        self.dropped.clone()
    }
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        self.dropped.report();
        let worker = self.worker.take();
        // When the queue stays full, tracing-appender writes to standard output, which panics if
        // that is closed. The process must still end with its own exit code.
        let _ = panic::catch_unwind(AssertUnwindSafe(|| drop(worker)));
    }
}

/// Sends log lines to standard error, for the whole process.
///
/// # Errors
/// [`InvalidFilter`]
///
/// # Panics
/// When the system refuses the thread that writes the lines.
pub(crate) fn init(format: LogFormat, filter: &str) -> Result<LogGuard, InvalidFilter> {
    let format = LineFormat::from_flag(format);
    let (log, guard) = log_to(io::stderr(), format, filter, BUFFERED_LINES_MAX)?;
    // An embedding program may have set a subscriber of its own; then that one stays.
    let _ = dispatcher::set_global_default(log);
    Ok(guard)
}

fn log_to(
    out: impl Write + Send + 'static,
    format: LineFormat,
    filter: &str,
    lines_max: usize,
) -> Result<(Dispatch, LogGuard), InvalidFilter> {
    // Without the request's span, warnings would not name their request at `--log warn`.
    let filter = EnvFilter::builder()
        .parse(filter)
        .map_err(InvalidFilter)?
        .or(filter_fn(is_request_span).with_max_level_hint(LevelFilter::INFO))
        .and(filter_fn(may_be_logged).with_max_level_hint(LevelFilter::TRACE));
    let failed_writes = Arc::default();
    let out = BatchWriter::new(out, Arc::clone(&failed_writes));
    let (lines, worker) = NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(lines_max)
        .thread_name("log")
        .finish(out);
    let dropped = DroppedLines::new(lines.error_counter(), failed_writes);
    // Internal errors would go to `eprintln!`, which panics when standard error is closed.
    let layer = fmt::layer().with_writer(lines).log_internal_errors(false);
    let layer = match format {
        LineFormat::Json => layer
            .json()
            .with_current_span(true)
            .with_span_list(false)
            .boxed(),
        LineFormat::Plain => layer.with_ansi(false).boxed(),
        LineFormat::Coloured => layer.with_ansi(true).boxed(),
    };
    let log = Dispatch::new(registry().with(layer.with_filter(filter)));
    let guard = LogGuard {
        worker: Some(worker),
        dropped,
    };
    Ok((log, guard))
}

fn is_request_span(metadata: &Metadata<'_>) -> bool {
    let (target, name) = REQUEST_SPAN;
    metadata.is_span() && metadata.name() == name && is_below(metadata.target(), target)
}

fn may_be_logged(metadata: &Metadata<'_>) -> bool {
    let mut silenced = MODEL_CLIENT_TARGETS.iter().chain(HTTP_TARGETS);
    !silenced.any(|module| is_below(metadata.target(), module))
}

/// Whether `target` is `module` or a module below it.
fn is_below(target: &str, module: &str) -> bool {
    let rest = target.strip_prefix(module);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

#[cfg(test)]
pub(crate) mod tests;
