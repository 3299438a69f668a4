//! How long takeovers took, and how long they may.

use std::time::Duration;

use crate::report::Report;
use crate::statistics::Latencies;

/// The lease, and how long everything may take with it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// How long a workspace belongs to a server that doesn't say anything.
    pub(super) lease: Duration,
    /// Longest takeover from an owner that doesn't give its lease back, from the last instant at which
    /// it could have renewed that to the first list of the next.
    takeover: Duration,
    /// Longest takeover from an owner that ends in order, from its exit to the first list of the next:
    /// less than is left of its lease, which it renews three times as often as it has to.
    orderly: Duration,
    /// Longest time from the end of the database's restart to the first change.
    recovery: Duration,
    /// How long after that change the server may still answer that it is unavailable: until it has
    /// replaced every connection.
    pub(super) outage: Duration,
    /// Longest time until an owner that was replaced has ended by itself, once it can: more than its
    /// orderly shutdown takes.
    exit: Duration,
}

impl Bounds {
    /// With the shortest lease, on a machine that has little else to do.
    pub(super) const FULL: Self = Self {
        lease: Duration::from_secs(3),
        takeover: Duration::from_secs(5),
        orderly: Duration::from_secs(1),
        recovery: Duration::from_secs(3),
        outage: Duration::from_secs(1),
        exit: Duration::from_secs(5),
    };
    /// With one that outlasts the pauses of a busy machine.
    pub(super) const QUICK: Self = Self {
        lease: Duration::from_secs(10),
        takeover: Duration::from_secs(20),
        orderly: Duration::from_secs(5),
        recovery: Duration::from_secs(15),
        outage: Duration::from_secs(3),
        exit: Duration::from_secs(15),
    };
}

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
    pub(super) fn report(&self, report: &mut Report, bounds: Bounds) {
        let signalled = &self.signalled;
        for (what, times, longest) in [
            ("takeover after a kill", &self.killed, bounds.takeover),
            (
                "takeover after an orderly exit",
                &self.exited,
                bounds.orderly,
            ),
            (
                "takeover from a frozen owner",
                &self.frozen,
                bounds.takeover,
            ),
            ("exit of an owner that was frozen", &self.exits, bounds.exit),
            (
                "first change after a restart of the database",
                &self.recoveries,
                bounds.recovery,
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

    fn passes(bounds: Bounds, change: impl FnOnce(&mut Takeovers)) -> bool {
        let (mut takeovers, mut report) = (Takeovers::default(), Report::default());
        change(&mut takeovers);
        takeovers.report(&mut report, bounds);
        report.passed()
    }

    #[test]
    fn one_takeover_that_takes_too_long_is_found() {
        let second = Duration::from_secs(1);
        for (bounds, late) in [
            (Bounds::FULL, Duration::from_millis(5_001)),
            (Bounds::QUICK, Duration::from_millis(20_001)),
        ] {
            assert!(passes(bounds, |takeovers| {
                takeovers.killed.record(bounds.lease + second);
                takeovers.exited.record(second);
                takeovers.signalled.record(late);
            }));
            assert!(!passes(bounds, |takeovers| {
                (0..1_000).for_each(|_| takeovers.killed.record(second));
                takeovers.killed.record(late);
            }));
            assert!(!passes(bounds, |takeovers| takeovers.frozen.record(late)));
            assert!(!passes(bounds, |takeovers| takeovers.exits.record(late)));
            // The owner has renewed its lease within the last third.
            assert!(!passes(bounds, |takeovers| {
                takeovers.exited.record(bounds.lease * 2 / 3);
            }));
            assert!(!passes(bounds, |takeovers| takeovers
                .recoveries
                .record(late)));
        }
    }
}
