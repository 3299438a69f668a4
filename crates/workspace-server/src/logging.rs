//! Where log lines go, and how they look.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::args::LogFormat;

/// The filter is not in tracing's syntax.
#[derive(Debug, thiserror::Error)]
#[error("the log filter can't be understood")]
pub(crate) struct InvalidLogFilter(#[source] ParseError);

/// Sends log lines to standard error, for the whole process. A second call changes nothing.
///
/// # Errors
/// [`InvalidLogFilter`]
pub(crate) fn init(format: LogFormat, filter: &str) -> Result<(), InvalidLogFilter> {
    let filter = EnvFilter::builder()
        .parse(filter)
        .map_err(InvalidLogFilter)?;
    let terminal = std::io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // Says with `eprintln!` that standard error can't be written, which panics: a full
        // disk or a log reader that has gone would end every request.
        .log_internal_errors(false)
        .with_ansi(terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()));
    let pretty = match format {
        LogFormat::Auto => terminal,
        LogFormat::Pretty => true,
        LogFormat::Json => false,
    };
    // An embedding program may have set a subscriber of its own; then that one stays.
    let _ = if pretty {
        builder.finish().try_init()
    } else {
        builder.json().finish().try_init()
    };
    Ok(())
}
