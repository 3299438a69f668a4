//! Flags of `doctor`.

use clap::Args;
use registry_core::DisplayName;
use yoi_workspace_server::args::StoreArgs;

use super::client::ClientArgs;

pub(super) const LEGEND: &str = "\
✓ works · ✗ fails, with what to do · – was not checked, or is for your information.

Exit codes: 0 nothing is ✗ · 1 something is ✗ · 3 no server reachable. With --json an array of
{check, outcome, detail, advice}, where the outcome is ok, failed or noted.";

#[derive(Args)]
pub(crate) struct DoctorArgs {
    /// Send the model one short message, which may cost something
    #[arg(long)]
    pub(crate) ask_model: bool,
    /// The model to send it to [default: the server's first one]
    #[arg(long, value_name = "NAME", requires = "ask_model")]
    pub(crate) model: Option<DisplayName>,
    /// Where conversations are kept, when no server runs
    #[command(flatten)]
    pub(crate) place: StoreArgs,
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}
