//! Flags of `doctor`.

use clap::Args;

use super::ClientArgs;

pub(super) const MEANING: &str = "\
✓ works · ✗ does not, and what to do · – was not checked, or is good to know.

Exit codes: 0 nothing is ✗ · 1 something is · 3 no server reachable. With --json an array of
{check, outcome, detail, advice}, where the outcome is ok, failed or noted.";

/// How far to look.
#[derive(Args)]
pub(crate) struct DoctorArgs {
    /// Have the model answer one short message, which may cost something
    #[arg(long)]
    pub(crate) ask_model: bool,
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}
