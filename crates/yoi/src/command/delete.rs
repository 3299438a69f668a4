//! `delete`: after a confirmation, because it can't be undone.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _};

use registry_core::WorkerRef;
use serde_json::json;

use super::session::Session;
use crate::args::DeleteArgs;
use crate::error::{Error, UsageError};
use crate::output::Format;

/// The most bytes of an answer that are read.
const ANSWER_MAX_BYTES: u64 = 1024;

pub(super) async fn delete(
    session: &mut Session<'_>,
    worker: &WorkerRef,
    args: &DeleteArgs,
) -> Result<(), Error> {
    if !args.yes {
        // The question has to be seen, and the answer to come from whoever sees it.
        if !io::stdin().is_terminal() || !session.terminal.stderr_is_terminal() {
            return Err(UsageError::Unconfirmed.into());
        }
        confirm(session, worker).await?;
    }
    let spinner = session.terminal.spinner("deleting");
    let deleted = session.client.delete(worker).await;
    drop(spinner);
    deleted?;
    let WorkerRef {
        runtime_id,
        worker_id,
    } = worker;
    match session.format {
        // The API's own response is empty.
        Format::Json => {
            let document =
                json!({"runtime_id": runtime_id, "worker_id": worker_id, "deleted": true});
            session.terminal.json(&document.to_string())
        }
        Format::Text => session.terminal.line(&format!("{worker_id} is deleted")),
    }
}

/// Asks whether to delete `worker`, by its name.
///
/// # Errors
/// [`Error::Declined`] unless the answer is yes.
async fn confirm(session: &mut Session<'_>, worker: &WorkerRef) -> Result<(), Error> {
    let summary = session.client.worker(worker).await?.value.summary;
    let (name, id) = (&summary.display_name, &worker.worker_id);
    session.terminal.question(&format!(
        "Delete “{name}” ({id}) with its conversation? This can't be undone. [y/N] "
    ));
    let mut answer = Vec::new();
    io::stdin()
        .lock()
        .take(ANSWER_MAX_BYTES)
        .read_until(b'\n', &mut answer)
        .map_err(UsageError::InputUnreadable)?;
    if is_yes(&answer) {
        Ok(())
    } else {
        Err(Error::Declined)
    }
}

/// Whether an answer means yes; nothing, and what is anything else, means no.
fn is_yes(answer: &[u8]) -> bool {
    let answer = answer.trim_ascii();
    answer.eq_ignore_ascii_case(b"y") || answer.eq_ignore_ascii_case(b"yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clear_yes_is_one() {
        for yes in ["y\n", "Y\r\n", " yes \n", "YES"] {
            assert!(is_yes(yes.as_bytes()), "{yes:?}");
        }
        for no in [
            "", "\n", "n\n", "no\n", "yess\n", "y y\n", "да\n", "\u{0}y\n",
        ] {
            assert!(!is_yes(no.as_bytes()), "{no:?}");
        }
    }
}
