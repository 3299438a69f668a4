//! Flags of `chat`.

use clap::Args;
use registry_core::{DisplayName, ProfileId, RuntimeId};

use super::client::ClientArgs;
use super::reasoning::ReasoningMode;
use super::worker::{WorkerName, worker_name};

pub(super) const EXAMPLES: &str = "\
Examples:
  yoi chat                     talk to a new worker
  yoi chat WORKER              continue with an existing one
  git diff | yoi chat          one message, one reply, nothing else on standard output

At the prompt, Ctrl-C clears the line and Ctrl-D leaves; during a reply, Ctrl-C cancels it.
The history of what you type is kept in $XDG_STATE_HOME/yoi/chat-history (~/.local/state by
default), readable by you alone. When standard input is not a terminal, all of it is one
message, --json prints the reply's events, one per line, and the exit code is that of
`yoi send --follow`.";

#[derive(Args)]
pub(crate) struct ChatArgs {
    /// The worker's name, its id, or the beginning or end of its id; `-` is the one used last.
    /// Without it a new worker is created
    #[arg(value_name = "WORKER", value_parser = worker_name)]
    pub(crate) worker: Option<WorkerName>,
    /// The worker's runtime
    #[arg(long, value_name = "ID")]
    pub(crate) runtime: Option<RuntimeId>,
    /// The new worker's name, for people
    #[arg(long, conflicts_with = "worker")]
    pub(crate) name: Option<DisplayName>,
    /// The new worker's profile; `yoi runtimes --json` lists them
    #[arg(long, value_name = "ID", conflicts_with = "worker")]
    pub(crate) profile: Option<ProfileId>,
    /// The new worker's model; `yoi runtimes --json` lists them
    #[arg(long, value_name = "NAME", conflicts_with = "worker")]
    pub(crate) model: Option<DisplayName>,
    /// What to print of the model's reasoning, on standard error
    #[arg(long, value_enum, default_value_t)]
    pub(crate) reasoning: ReasoningMode,
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}
