//! Broken promises that were found, each with where it was found.

use crate::report::Report;

/// What must never happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Promise {
    /// What was answered is there.
    Lost,
    /// What was asked for once, or repeated under its key, happens once.
    Twice,
    /// What a reader saw stays.
    TakenBack,
    /// A store is whole after every kill.
    Torn,
    /// Requests are answered as the API documents it.
    Answer,
}

impl Promise {
    const ALL: [Self; 5] = [
        Self::Lost,
        Self::Twice,
        Self::TakenBack,
        Self::Torn,
        Self::Answer,
    ];

    fn what(self) -> &'static str {
        match self {
            Self::Lost => "answered operations lost",
            Self::Twice => "done twice",
            Self::TakenBack => "taken back that a reader saw",
            Self::Torn => "workers not whole",
            Self::Answer => "answers that nothing explains",
        }
    }
}

#[derive(Debug)]
struct Finding {
    promise: Promise,
    cycle: usize,
    about: String,
    text: String,
}

#[derive(Debug, Default)]
pub(super) struct Findings {
    /// The number of kills so far.
    pub(super) cycle: usize,
    found: Vec<Finding>,
}

impl Findings {
    /// Adds a broken promise about a worker or a name; `text` says what was expected and found.
    pub(super) fn add(&mut self, promise: Promise, about: &str, text: impl Into<String>) {
        self.found.push(Finding {
            promise,
            cycle: self.cycle,
            about: about.to_owned(),
            text: text.into(),
        });
    }

    /// Adds a broken promise unless `held`.
    pub(super) fn check(
        &mut self,
        held: bool,
        promise: Promise,
        about: &str,
        text: impl FnOnce() -> String,
    ) {
        if !held {
            self.add(promise, about, text());
        }
    }

    pub(super) fn len(&self) -> usize {
        self.found.len()
    }

    #[cfg(test)]
    pub(super) fn promises(&self) -> Vec<Promise> {
        self.found.iter().map(|finding| finding.promise).collect()
    }

    pub(super) fn report(&self, report: &mut Report, seed: u64) {
        for promise in Promise::ALL {
            let of = |finding: &&Finding| finding.promise == promise;
            report.expect_zero(promise.what(), self.found.iter().filter(of).count());
        }
        for finding in &self.found {
            let Finding { cycle, about, .. } = finding;
            let text = &finding.text;
            report.check(false, format!("seed {seed}, kill {cycle}, {about}: {text}"));
        }
    }
}
