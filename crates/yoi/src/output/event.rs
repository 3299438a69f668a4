//! An event on one line.

use registry_core::projection::{EventKind, WorkerEvent};

use super::time::utc_seconds;
use crate::api_name::api_name;

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
        EventKind::RunFinished {
            run_id,
            outcome,
            sequence,
            usage,
            error_code,
        } => {
            let mut line = format!("{at}  run_finished    run {run_id}  {}", api_name(outcome));
            if let Some(code) = error_code {
                line.push_str(&format!(" [{}]", api_name(code)));
            }
            if let Some(sequence) = sequence {
                line.push_str(&format!("  entry {sequence}"));
            }
            if let Some(usage) = usage {
                let (input, output) = (usage.input_tokens, usage.output_tokens);
                line.push_str(&format!("  tokens {input}+{output}"));
            }
            line
        }
        EventKind::WorkerStopped => format!("{at}  worker_stopped"),
    }
}
