//! What is shown of a model's reasoning.

use clap::ValueEnum;

/// The value of `--reasoning`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReasoningMode {
    /// All of its text
    Show,
    /// One line with its time and size
    #[default]
    Summary,
    /// Nothing
    Hide,
}
