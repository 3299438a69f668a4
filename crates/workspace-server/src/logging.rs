//! Where log lines go, and how they look.
//!
//! Events pass a filter, become lines (`json`, `pretty`) on the thread that logs them, and wait
//! in a buffer (`waiting`) from which a thread of its own writes them (`writer`). An embedding
//! program, as the bench, can make one log of its own with [`dispatch`].

mod json;
mod pretty;
mod waiting;
mod writer;

use std::io::{self, IsTerminal as _, Write};

use tracing::Dispatch;
use tracing::dispatcher;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{ParseError, filter_fn};
use tracing_subscriber::fmt::format::JsonFields;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::args::LogFormat;
use crate::logging::json::JsonLines;
use crate::logging::pretty::Heading;
use crate::logging::writer::{Bounds, Lines};
use crate::wire;

pub use writer::LogGuard;

/// The target of the log's own events.
const TARGET: &str = module_path!();
/// What the log says when lines were lost.
const LOST: &str = "log lines were lost";

/// There is no log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The filter is not in tracing's syntax.
    #[error("the log filter can't be understood")]
    Filter(#[source] ParseError),
    /// The system has no thread for the log.
    #[error("the log has no thread")]
    Thread(#[source] io::Error),
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// One JSON object a line.
    Json,
    /// For people.
    Plain,
    /// For people, with the colours of a terminal.
    Coloured,
}

impl Look {
    /// What `format` asks for, on the standard error of this process.
    fn of(format: LogFormat) -> Self {
        let terminal = io::stderr().is_terminal();
        let pretty = match format {
            LogFormat::Auto => terminal,
            LogFormat::Pretty => true,
            LogFormat::Json => false,
        };
        let colourless = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        match (pretty, terminal && !colourless) {
            (false, _) => Self::Json,
            (true, false) => Self::Plain,
            (true, true) => Self::Coloured,
        }
    }
}

/// Sends log lines to standard error, for the whole process.
///
/// # Errors
/// [`LogError`]
pub(crate) fn init(format: LogFormat, filter: &str) -> Result<LogGuard, LogError> {
    let (log, guard) = dispatch(Look::of(format), filter, io::stderr())?;
    // An embedding program may have set a subscriber of its own; then that one stays.
    let _ = dispatcher::set_global_default(log);
    Ok(guard)
}

/// A log that writes to `out` what `filter` lets through.
///
/// A thread of its own writes the lines, many at once and at most 5 ms late, until the guard is
/// dropped. At most 8 MiB of lines wait; when `out` stalls, further ones are dropped and
/// counted, and requests go on.
///
/// # Errors
/// [`LogError`]
pub fn dispatch(
    look: Look,
    filter: &str,
    out: impl Write + Send + 'static,
) -> Result<(Dispatch, LogGuard), LogError> {
    paced(look, filter, out, Bounds::default())
}

fn paced(
    look: Look,
    filter: &str,
    out: impl Write + Send + 'static,
    bounds: Bounds,
) -> Result<(Dispatch, LogGuard), LogError> {
    let filter = EnvFilter::builder()
        .parse(filter)
        .map_err(LogError::Filter)?;
    let lost = match look {
        Look::Json => json::lost,
        Look::Plain | Look::Coloured => pretty::lost,
    };
    let (lines, guard) = Lines::to(out, bounds, lost).map_err(LogError::Thread)?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(lines)
        // It would say with `eprintln!` that a line was not taken, and that panics when
        // standard error can't be written.
        .log_internal_errors(false)
        .with_ansi(look == Look::Coloured);
    let audible = filter_fn(|metadata| wire::may_be_logged(metadata.target()));
    let log = match look {
        Look::Json => {
            let builder = builder.fmt_fields(JsonFields::new());
            Dispatch::new(builder.event_format(JsonLines).finish().with(audible))
        }
        Look::Plain | Look::Coloured => {
            Dispatch::new(builder.with_timer(Heading).finish().with(audible))
        }
    };
    Ok((log, guard))
}

#[cfg(test)]
mod tests;
