//! What happens in which cycle.

use super::database::Stop;

/// A cycle: what happens while clients work, and how the owner ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cycle {
    pub(super) disturbance: Option<Disturbance>,
    pub(super) end: End,
}

/// What clients must not notice, or must survive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Disturbance {
    KillOfStandby,
    RestartOfDatabase(Stop),
}

/// How the owner ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Killed,
    /// Killed, and after it the standby that is just taking over. A second standby does so then.
    KilledWithStandby,
    /// Asked to end.
    Terminated,
    /// Stopped for longer than its lease, then continued. The owner after it is killed.
    Frozen(Requests),
}

/// Which requests an owner has when it is frozen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Requests {
    /// Those of all clients: its store is in the middle of a transaction, and finds its connection cut.
    Many,
    /// None: its store goes on with whatever comes next, on a connection that works.
    None,
}

/// Cycles after which everything has happened.
const PERIOD: usize = 8;

impl Cycle {
    /// The cycle with this number, counted from 1. The first five have one of each, so that a
    /// quick run has.
    pub(super) const fn numbered(number: usize) -> Self {
        let disturbance = match number % PERIOD {
            1 | 7 => Some(Disturbance::KillOfStandby),
            2 => Some(Disturbance::RestartOfDatabase(Stop::Fast)),
            6 => Some(Disturbance::RestartOfDatabase(Stop::Immediate)),
            _ => None,
        };
        let end = match number % PERIOD {
            2 => End::Terminated,
            3 => End::Frozen(Requests::Many),
            4 => End::KilledWithStandby,
            5 => End::Frozen(Requests::None),
            _ => End::Killed,
        };
        Self { disturbance, end }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_cycles_have_one_of_each_and_a_period_all_of_them() {
        let cycles = |last: usize| (1..=last).map(Cycle::numbered);
        for end in [
            End::Killed,
            End::KilledWithStandby,
            End::Terminated,
            End::Frozen(Requests::Many),
            End::Frozen(Requests::None),
        ] {
            let of_end = cycles(5).filter(|cycle| cycle.end == end);
            assert_eq!(of_end.count(), 1, "{end:?}");
        }
        for disturbance in [
            Disturbance::KillOfStandby,
            Disturbance::RestartOfDatabase(Stop::Fast),
            Disturbance::RestartOfDatabase(Stop::Immediate),
        ] {
            let mut all = cycles(PERIOD).filter_map(|cycle| cycle.disturbance);
            assert!(all.any(|found| found == disturbance), "{disturbance:?}");
        }
    }
}
