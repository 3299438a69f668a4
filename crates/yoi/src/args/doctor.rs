//! Flags of `doctor`.

use clap::Args;
use registry_core::DisplayName;
use yoi_workspace_server::args::StoreArgs;

use super::client::ClientArgs;

pub(super) const LEGEND: &str = "\
✓ works · ✗ fails, with what to do · – was not checked, or is for your information.

Exit codes: 0 nothing is ✗ · 1 something is ✗ · 3 no server reachable. With --json an array of
{check, outcome, detail, advice}, where the outcome is ok, failed or noted.

For health checks: `yoi doctor --quiet` asks only whether the server is ready, needs neither a token
nor a home, and ends within 5 s. It prints nothing, or one line about what fails. Unless --server
names a server or one is found, it asks the address in YOI_LISTEN, as `yoi serve` does.";

#[derive(Args)]
pub(crate) struct DoctorArgs {
    /// Ask only whether the server is ready, and print nothing if it is
    #[arg(long, conflicts_with_all = ["ask_model", "json"])]
    pub(crate) quiet: bool,
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
