//! A sign of life on standard error while something takes a while.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget};

/// Time between two pictures of the sign.
const TICK: Duration = Duration::from_millis(120);

/// Shown until it is dropped.
#[must_use = "dropping it takes the sign away"]
pub(crate) struct Spinner(ProgressBar);

impl Spinner {
    /// A sign that says `what` is awaited.
    pub(super) fn shown(what: &'static str) -> Self {
        let bar = ProgressBar::new_spinner().with_message(what);
        bar.set_draw_target(ProgressDrawTarget::stderr());
        bar.enable_steady_tick(TICK);
        Self(bar)
    }

    /// No sign at all.
    pub(super) fn hidden() -> Self {
        Self(ProgressBar::hidden())
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
