//! A progress indicator.

use std::fmt::Write;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressState, ProgressStyle};

use super::quantity::seconds;

/// Time between two frames.
const INTERVAL: Duration = Duration::from_millis(120);

/// Dropping it removes it.
#[must_use = "dropping it removes it"]
pub(crate) struct Spinner(ProgressBar);

impl Spinner {
    /// It is hidden at first.
    pub(super) fn new(message: &'static str) -> Self {
        Self::hidden(ProgressBar::new_spinner().with_message(message))
    }

    /// The same, with the time since `since`.
    pub(super) fn timed(message: String, since: Instant) -> Self {
        let time = |state: &ProgressState, out: &mut dyn Write| {
            // It only fails when the line can't grow.
            let _ = out.write_str(&seconds(state.elapsed().as_secs()));
        };
        let style = ProgressStyle::with_template("{spinner} {msg} · {time}")
            .expect("the template is well formed")
            .with_key("time", time);
        let bar = ProgressBar::new_spinner()
            .with_style(style)
            .with_message(message)
            .with_elapsed(since.elapsed());
        Self::hidden(bar)
    }

    pub(super) fn show_on_stderr(&self) {
        self.0.set_draw_target(ProgressDrawTarget::stderr());
        self.0.enable_steady_tick(INTERVAL);
    }

    pub(crate) fn set_message(&self, message: String) {
        self.0.set_message(message);
    }

    fn hidden(bar: ProgressBar) -> Self {
        bar.set_draw_target(ProgressDrawTarget::hidden());
        Self(bar.with_finish(ProgressFinish::AndClear))
    }
}
