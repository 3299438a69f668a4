//! Flags of `export`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::client::ClientArgs;
use super::worker::WorkerArgs;

pub(super) const EXAMPLES: &str = "\
Examples:
  yoi export \"$W\" --output conversation.md
  yoi export \"$W\" --format json | jq -r '.entries[].content'

What is said while the export runs is left out, and so is a reply that is in progress. JSON is one
document, {\"worker\": …, \"entries\": […]}, with all that the server keeps of each entry, reasoning
included; --json means --format json, unless --format says otherwise.";

#[derive(Args)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    pub(crate) worker: WorkerArgs,
    /// What to write [default: markdown]
    #[arg(long, value_enum)]
    pub(crate) format: Option<ExportFormat>,
    /// Write a new file, readable by you alone, instead of standard output
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// For people: a section for each entry
    Markdown,
    /// For programs
    Json,
}
