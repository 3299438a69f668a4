//! Where log lines go, and how they look.

use std::io::IsTerminal as _;

use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{ParseError, filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::args::LogFormat;
use crate::wire;

/// The filter is not in tracing's syntax.
#[derive(Debug, thiserror::Error)]
#[error("the log filter can't be understood")]
pub(crate) struct InvalidLogFilter(#[source] ParseError);

/// Most lines that wait for standard error to take them: several seconds of a busy server.
const WAITING_LINES_MAX: usize = 16 * 1024;

/// Writes what still waits when it is dropped, unless nobody takes it.
pub(crate) struct LogGuard {
    _writer: WorkerGuard,
}

/// Sends log lines to standard error, for the whole process.
///
/// A thread of its own writes them. When the reader of standard error stalls, lines are
/// dropped, and requests go on.
///
/// # Errors
/// [`InvalidLogFilter`]
pub(crate) fn init(format: LogFormat, filter: &str) -> Result<LogGuard, InvalidLogFilter> {
    let filter = EnvFilter::builder()
        .parse(filter)
        .map_err(InvalidLogFilter)?;
    let terminal = std::io::stderr().is_terminal();
    let (writer, guard) = NonBlockingBuilder::default()
        .buffered_lines_limit(WAITING_LINES_MAX)
        .lossy(true)
        .thread_name("log")
        .finish(std::io::stderr());
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        // It would say with `eprintln!` that a line was not taken, and that panics when
        // standard error can't be written.
        .log_internal_errors(false)
        .with_ansi(terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()));
    let audible = filter_fn(|metadata| wire::may_be_logged(metadata.target()));
    let pretty = match format {
        LogFormat::Auto => terminal,
        LogFormat::Pretty => true,
        LogFormat::Json => false,
    };
    // An embedding program may have set a subscriber of its own; then that one stays.
    let _ = if pretty {
        builder.finish().with(audible).try_init()
    } else {
        // The one span there is, the request's, would stand in the list once more.
        let builder = builder.json().with_span_list(false);
        builder.finish().with(audible).try_init()
    };
    Ok(LogGuard { _writer: guard })
}
