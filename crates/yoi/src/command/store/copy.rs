//! `store copy`: the workers of one store in another.

use serde_json::json;
use yoi_workspace_server::config::StoreSetting;
use yoi_workspace_server::store::{self, Copied};

use super::setting;
use crate::args::StoreCopyArgs;
use crate::command::block_on;
use crate::error::{Error, Exit, UsageError};
use crate::output::{Format, Terminal};

pub(super) fn copy(
    args: &StoreCopyArgs,
    terminal: &mut Terminal,
    format: Format,
) -> Result<Exit, Error> {
    let (from, to) = (
        kept(setting(&args.source())?)?,
        kept(setting(&args.target())?)?,
    );
    let spinner = terminal.spinner("copying");
    let copied = block_on(async {
        let progress = |done, of| {
            spinner.set_message(format!("copying: {done} of {of} workers"));
        };
        Ok(store::copy(&from, &to, progress).await?)
    });
    drop(spinner);
    let copied = copied?;
    match format {
        Format::Json => terminal.json(&document(&copied))?,
        Format::Text => print(&copied, terminal)?,
    }
    Ok(if copied.is_whole() {
        Exit::Success
    } else {
        Exit::Failed
    })
}

fn kept(setting: StoreSetting) -> Result<StoreSetting, UsageError> {
    match setting {
        StoreSetting::File { .. } | StoreSetting::Database(_) => Ok(setting),
        StoreSetting::Memory | StoreSetting::Own(_) => Err(UsageError::StoreInMemory),
    }
}

fn document(copied: &Copied) -> String {
    let unreadable: Vec<_> = copied.unreadable.iter().map(ToString::to_string).collect();
    let document = json!({
        "workers": copied.workers,
        "entries": copied.entries,
        "runs": copied.runs,
        "unreadable_workers": unreadable,
        "nameless_workers": copied.nameless_workers,
    });
    document.to_string()
}

fn print(copied: &Copied, terminal: &mut Terminal) -> Result<(), Error> {
    let (workers, entries, runs) = (copied.workers, copied.entries, copied.runs);
    terminal.line(&format!(
        "copied {workers} workers, {entries} entries, {runs} runs"
    ))?;
    for id in &copied.unreadable {
        terminal.line(&format!(
            "not copied, because it can't be read: worker {id}"
        ))?;
    }
    if copied.nameless_workers > 0 {
        let nameless = copied.nameless_workers;
        terminal.line(&format!(
            "not copied, and without a trace of their ids: {nameless} workers"
        ))?;
    }
    if !copied.is_whole() {
        terminal.hint("with a file, `yoi store recover` saves what can be read of them");
    }
    Ok(())
}
