//! How long takeovers took, and how long they may.

use std::time::Duration;

use crate::report::Report;
use crate::statistics::Latencies;

/// How long a workspace belongs to a server that doesn't say anything: the shortest lease.
pub(super) const LEASE: Duration = Duration::from_secs(3);
/// Longest takeover from an owner that doesn't give its lease back, from the last instant at which
/// it could have renewed that to the first list of the next.
const TAKEOVER_MAX: Duration = LEASE.saturating_add(Duration::from_secs(2));
/// Longest takeover from an owner that ends in order, from its exit to the first list of the next.
const ORDERLY_MAX: Duration = Duration::from_secs(1);
/// Longest time from the end of the database's restart to the first change.
const RECOVERY_MAX: Duration = Duration::from_secs(3);
/// Longest time until an owner that was replaced has ended by itself, once it can: more than its
/// orderly shutdown takes.
const EXIT_MAX: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
pub(super) struct Takeovers {
    /// After a kill.
    pub(super) killed: Latencies,
    /// After the exit of an owner that was asked to end.
    pub(super) exited: Latencies,
    /// The same, after the signal.
    pub(super) signalled: Latencies,
    /// After the instant at which the owner was frozen.
    pub(super) frozen: Latencies,
    /// From the continuation of an owner that was frozen to its exit.
    pub(super) exits: Latencies,
    /// After the database's restart.
    pub(super) recoveries: Latencies,
}

impl Takeovers {
    pub(super) fn report(&self, report: &mut Report) {
        let signalled = &self.signalled;
        for (what, times, longest) in [
            ("takeover after a kill", &self.killed, TAKEOVER_MAX),
            ("takeover after an orderly exit", &self.exited, ORDERLY_MAX),
            ("takeover from a frozen owner", &self.frozen, TAKEOVER_MAX),
            ("exit of an owner that was frozen", &self.exits, EXIT_MAX),
            (
                "first change after a restart of the database",
                &self.recoveries,
                RECOVERY_MAX,
            ),
        ] {
            report.observed(format!("{what}: {times} ({} of them)", times.len()));
            let is_soon = times.max().is_none_or(|time| time <= longest);
            report.check(is_soon, format!("{what} takes longer than {longest:?}"));
        }
        report.observed(format!("from the signal of an orderly exit: {signalled}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(change: impl FnOnce(&mut Takeovers)) -> bool {
        let (mut takeovers, mut report) = (Takeovers::default(), Report::default());
        change(&mut takeovers);
        takeovers.report(&mut report);
        report.passed()
    }

    #[test]
    fn one_takeover_that_takes_too_long_is_found() {
        let (second, late) = (Duration::from_secs(1), Duration::from_millis(5_001));
        assert!(passes(|takeovers| {
            takeovers.killed.record(LEASE + second);
            takeovers.exited.record(second);
            takeovers.signalled.record(late);
        }));
        assert!(!passes(|takeovers| {
            (0..1_000).for_each(|_| takeovers.killed.record(second));
            takeovers.killed.record(late);
        }));
        assert!(!passes(|takeovers| takeovers.frozen.record(late)));
        assert!(!passes(|takeovers| takeovers.exits.record(late)));
        assert!(!passes(|takeovers| takeovers.exited.record(LEASE)));
        assert!(!passes(|takeovers| takeovers.recoveries.record(late)));
    }
}
