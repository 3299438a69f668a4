//! How measurements over HTTP run.

use std::future::Future;
use std::process::ExitCode;

use crate::failure::Failure;
use crate::report::print_line;

/// Runs a measurement. The exit code tells whether everything could be measured, not whether the
/// goals were reached.
pub(crate) fn run(measure: impl Future<Output = Result<(), Failure>>) -> ExitCode {
    // One thread, so that the client leaves the rest of the machine to the servers.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::io("starting tokio"));
    match runtime.and_then(|runtime| runtime.block_on(measure)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            print_line(&format!("error: {failure}"));
            ExitCode::FAILURE
        }
    }
}
