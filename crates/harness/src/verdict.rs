//! What one scenario has to say: what was tried, what was seen, and which promises broke.

/// The outcome of a scenario. It holds when nothing is broken.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    tried: Vec<String>,
    seen: Vec<String>,
    broken: Vec<String>,
}

/// Most broken promises that are listed one by one; the rest is counted.
const LISTED_MAX: usize = 8;

impl Verdict {
    /// Nothing said yet.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A scenario that could not be played to its end.
    pub(crate) fn cut_short(why: &dyn std::fmt::Display) -> Self {
        let mut verdict = Self::new();
        verdict.broken.push(format!("cut short: {why}"));
        verdict
    }

    /// Says what was done, with its measured number.
    pub(crate) fn tried(&mut self, what: impl Into<String>) {
        self.tried.push(what.into());
    }

    /// Says what was measured.
    pub(crate) fn seen(&mut self, what: impl Into<String>) {
        self.seen.push(what.into());
    }

    /// A promise: `kept` or else broken, as `promise` says.
    pub(crate) fn must(&mut self, kept: bool, promise: impl Into<String>) {
        if !kept {
            self.broken.push(promise.into());
        }
    }

    /// A promise that something has not happened at all; its number is shown either way.
    pub(crate) fn none(&mut self, what: &str, number: usize) {
        self.seen.push(format!("{number} {what}"));
        self.must(number == 0, format!("{number} {what}"));
    }

    /// Whether every promise was kept.
    pub(crate) fn holds(&self) -> bool {
        self.broken.is_empty()
    }

    /// The three columns of the table: tried, seen, broken.
    pub(crate) fn columns(&self) -> [String; 3] {
        let mut broken = self.broken.clone();
        let unlisted = broken.len().saturating_sub(LISTED_MAX);
        broken.truncate(LISTED_MAX);
        if unlisted > 0 {
            broken.push(format!("and {unlisted} more"));
        }
        if broken.is_empty() {
            broken.push("nothing".to_owned());
        }
        [
            self.tried.join("\n"),
            self.seen.join("\n"),
            broken.join("\n"),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_holds_until_one_promise_breaks() {
        let mut verdict = Verdict::new();
        verdict.none("lost events", 0);
        verdict.must(true, "kept");
        assert!(verdict.holds());
        assert_eq!(verdict.columns()[2], "nothing");
        verdict.none("stuck workers", 2);
        assert!(!verdict.holds());
        assert_eq!(verdict.columns()[2], "2 stuck workers");
    }
}
