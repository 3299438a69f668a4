//! One row of a report.

use serde::Serialize;

use crate::error::Error;
use crate::hint::hint;
use crate::output::table::Column;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Check {
    /// What was checked.
    pub(super) check: &'static str,
    pub(super) outcome: Outcome,
    pub(super) detail: String,
    /// What to do about it.
    pub(super) advice: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    Ok,
    Failed,
    /// It was not checked, or is for information.
    Noted,
}

pub(super) const COLUMNS: &[Column<Check>] = &[
    ("", |check| {
        let mark = match check.outcome {
            Outcome::Ok => "✓",
            Outcome::Failed => "✗",
            Outcome::Noted => "–",
        };
        Some(mark.to_owned())
    }),
    ("CHECK", |check| Some(check.check.to_owned())),
    ("FOUND, → WHAT TO DO", |check| {
        Some(match &check.advice {
            Some(advice) => format!("{}\n→ {advice}", check.detail),
            None => check.detail.clone(),
        })
    }),
];

impl Check {
    pub(super) fn ok(check: &'static str, detail: impl Into<String>) -> Self {
        Self::new(check, Outcome::Ok, detail)
    }

    pub(super) fn failed(check: &'static str, detail: impl Into<String>) -> Self {
        Self::new(check, Outcome::Failed, detail)
    }

    pub(super) fn noted(check: &'static str, detail: impl Into<String>) -> Self {
        Self::new(check, Outcome::Noted, detail)
    }

    /// A check that failed with `error`.
    pub(super) fn error(check: &'static str, error: &Error) -> Self {
        Self {
            advice: hint(error),
            ..Self::failed(check, error.message())
        }
    }

    pub(super) fn advise(self, advice: impl Into<String>) -> Self {
        Self {
            advice: Some(advice.into()),
            ..self
        }
    }

    fn new(check: &'static str, outcome: Outcome, detail: impl Into<String>) -> Self {
        Self {
            check,
            outcome,
            detail: detail.into(),
            advice: None,
        }
    }
}
