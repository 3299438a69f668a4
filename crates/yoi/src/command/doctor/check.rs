//! One row of a report.

use serde::Serialize;

use crate::failure::{Failure, hint};

/// What was looked at, what was found, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Check {
    pub(super) check: &'static str,
    pub(super) outcome: Outcome,
    pub(super) detail: String,
    pub(super) advice: Option<String>,
}

/// What a check came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    /// It works.
    Ok,
    /// It does not.
    Failed,
    /// It was not checked, or is good to know.
    Noted,
}

impl Check {
    pub(super) fn ok(check: &'static str, detail: impl Into<String>) -> Self {
        Self::new(check, Outcome::Ok, detail.into())
    }

    pub(super) fn failed(check: &'static str, detail: impl Into<String>) -> Self {
        Self::new(check, Outcome::Failed, detail.into())
    }

    pub(super) fn noted(check: &'static str, detail: impl Into<String>) -> Self {
        Self::new(check, Outcome::Noted, detail.into())
    }

    /// A check that ended with `failure`.
    pub(super) fn failed_by(check: &'static str, failure: &Failure) -> Self {
        Self {
            advice: hint(failure),
            ..Self::failed(check, failure.line())
        }
    }

    /// The same, and what to do about it.
    pub(super) fn advise(self, advice: impl Into<String>) -> Self {
        Self {
            advice: Some(advice.into()),
            ..self
        }
    }

    /// The row for people.
    pub(super) fn cells(&self) -> [String; 4] {
        let mark = match self.outcome {
            Outcome::Ok => "✓",
            Outcome::Failed => "✗",
            Outcome::Noted => "–",
        };
        [
            mark.to_owned(),
            self.check.to_owned(),
            self.detail.clone(),
            self.advice.clone().unwrap_or_default(),
        ]
    }

    fn new(check: &'static str, outcome: Outcome, detail: String) -> Self {
        Self {
            check,
            outcome,
            detail,
            advice: None,
        }
    }
}
