//! An event on one line.

use registry_core::projection::{EventKind, WorkerEvent};

use super::time::utc_seconds;
use crate::api_name::{api_name, error_name};

/// Time, kind and fields; text is quoted, so that it stays on the line.
pub(crate) fn line(event: &WorkerEvent) -> String {
    let at = utc_seconds(event.at);
    match &event.kind {
        EventKind::WorkerCreated => format!("{at}  worker_created"),
        EventKind::InputAccepted { run_id, sequence } => {
            format!("{at}  input_accepted  run {run_id}  entry {sequence}")
        }
        EventKind::OutputDelta { run_id, text } => {
            format!("{at}  output_delta    run {run_id}  {text:?}")
        }
        EventKind::ReasoningDelta { run_id, text } => {
            format!("{at}  reasoning_delta run {run_id}  {text:?}")
        }
        EventKind::RunRetrying {
            run_id,
            error_code,
            delay_ms,
        } => {
            let code = api_name(error_code);
            format!("{at}  run_retrying    run {run_id}  [{code}]  in {delay_ms} ms")
        }
        EventKind::RunFinished {
            run_id,
            outcome,
            sequence,
            usage,
            error_code,
            error_detail,
            retry_after_s,
            diagnostics,
        } => {
            let mut line = format!("{at}  run_finished    run {run_id}  {}", api_name(outcome));
            if let Some(code) = error_code {
                line.push_str(&format!(" [{}]", error_name(*code, *error_detail)));
            }
            if let Some(sequence) = sequence {
                line.push_str(&format!("  entry {sequence}"));
            }
            if let Some(seconds) = retry_after_s {
                line.push_str(&format!("  retry after {seconds} s"));
            }
            if let Some(usage) = usage {
                let known = |tokens: Option<u64>| tokens.map_or("?".to_owned(), |n| n.to_string());
                let (input, output) = (known(usage.input_tokens), known(usage.output_tokens));
                line.push_str(&format!("  tokens {input}+{output}"));
            }
            for diagnostic in diagnostics {
                line.push_str(&format!("  {}", diagnostic.code));
            }
            line
        }
        EventKind::WorkerStopped => format!("{at}  worker_stopped"),
    }
}
