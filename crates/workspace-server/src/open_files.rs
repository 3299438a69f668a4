//! The limit on open files (`ulimit -n`), and how many connections and runs fit into it.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files that are open for anything but connections and runs: the standard streams, sockets that are
/// listened on, the store, local records that are read, look-ups of names, and the connection that
/// waits for its slot.
const FILES_OF_THE_REST: usize = 256;

/// Lets the process open as many files as it may, and returns how many that are; `None` is any
/// number. The limit that a shell sets is often 1,024.
pub(crate) fn raise_limit() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(error = %error.kind(), "the limit on open files can't be raised");
    }
    getrlimit(Resource::Nofile).current
}

/// Connections of clients, and runs in progress, which have one connection each to their provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sockets {
    pub(crate) connections: usize,
    pub(crate) runs: usize,
}

impl Sockets {
    /// How many of them fit beside everything else, if `limit` files may be open. Of a low limit runs
    /// get a quarter, and together with the rest no more than half.
    pub(crate) fn within(self, limit: Option<u64>) -> Self {
        let Some(limit) = limit else {
            return self;
        };
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let runs = self.runs.min(limit / 4).max(1);
        let others = FILES_OF_THE_REST.saturating_add(runs).min(limit / 2);
        let connections = self.connections.min(limit - others).max(1);
        Self { connections, runs }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_and_runs_fit_beside_everything_else() {
        let fitting = |limit, connections, runs| {
            let wanted = Sockets { connections, runs };
            let Sockets { connections, runs } = wanted.within(limit);
            (connections, runs)
        };
        for (limit, fit) in [
            (None, (12_000, 1_024)),
            (Some(u64::MAX), (12_000, 1_024)),
            (Some(13_280), (12_000, 1_024)),
            (Some(13_279), (11_999, 1_024)),
            (Some(4_096), (2_816, 1_024)),
            (Some(1_024), (512, 256)),
            (Some(300), (150, 75)),
            (Some(1), (1, 1)),
            (Some(0), (1, 1)),
        ] {
            assert_eq!(fitting(limit, 12_000, 1_024), fit);
        }
        assert_eq!(fitting(Some(1_024), 12_000, 64), (704, 64));
        assert_eq!(fitting(Some(1_024), 12_000, usize::MAX), (512, 256));
    }
}
