//! The limit on open files (`ulimit -n`), and how many connections fit into it.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files that are open for anything but connections and runs: the standard streams, sockets that are
/// listened on, the store, local records that are read, look-ups of names, and the connection that
/// waits for its slot.
const FILES_OF_THE_REST: u64 = 256;

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

/// How many of `wanted` connections fit beside the files that `runs` runs and everything else
/// need, if `limit` files may be open. The rest gets no more than half of a low limit.
pub(crate) fn connections_within(limit: Option<u64>, wanted: usize, runs: usize) -> usize {
    let Some(limit) = limit else {
        return wanted;
    };
    // Each run has one connection to its provider.
    let runs = u64::try_from(runs).unwrap_or(u64::MAX);
    let others = FILES_OF_THE_REST.saturating_add(runs).min(limit / 2);
    let left = usize::try_from(limit - others).unwrap_or(usize::MAX);
    wanted.min(left).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_fit_beside_everything_else() {
        for (limit, connections) in [
            (None, 12_000),
            (Some(u64::MAX), 12_000),
            (Some(12_320), 12_000),
            (Some(12_319), 11_999),
            (Some(1_024), 704),
            (Some(300), 150),
            (Some(1), 1),
            (Some(0), 1),
        ] {
            assert_eq!(connections_within(limit, 12_000, 64), connections);
        }
        assert_eq!(connections_within(Some(1_024), 12_000, usize::MAX), 512);
    }
}
