//! The PostgreSQL database of the scenario, which `.ci/with-postgres` provides.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::process::Command;
use tokio::time::timeout;

use super::takeovers::LEASE;
use crate::failure::Failure;

/// The variable with the address of the database.
const ADDRESS: &str = "YOI_TEST_POSTGRES";
/// The variable with the program that restarts it, and takes a [`Stop`] as its argument.
const RESTART: &str = "YOI_TEST_POSTGRES_RESTART";
/// Longest time for a restart, after which the scenario is given up.
const RESTART_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest restart over which an owner keeps its lease, whenever it has renewed that.
const RESTART_MAX: Duration = LEASE.checked_div(2).expect("two is not zero");

#[derive(Debug)]
pub(super) struct Database {
    pub(super) address: String,
    restart: PathBuf,
}

/// How the database stops before it starts again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// In order: it ends its sessions.
    Fast,
    /// As in a crash, after which it recovers from its log.
    Immediate,
}

impl Stop {
    fn as_str(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Immediate => "immediate",
        }
    }
}

/// Whether there is a database.
pub(in crate::soak) fn is_there() -> bool {
    std::env::var_os(ADDRESS).is_some()
}

impl Database {
    pub(super) fn from_environment() -> Result<Self, Failure> {
        let variable = |name: &str| {
            let missing =
                |_| Failure::Protocol(format!("{name} is not set: run this by .ci/with-postgres"));
            std::env::var(name).map_err(missing)
        };
        Ok(Self {
            address: variable(ADDRESS)?,
            restart: variable(RESTART)?.into(),
        })
    }

    /// Stops it and starts it again.
    pub(super) async fn restart(&self, stop: Stop) -> Result<(), Failure> {
        let began = Instant::now();
        let restarted = Command::new(&self.restart)
            .arg(stop.as_str())
            .stdin(Stdio::null())
            .status();
        let status = timeout(RESTART_TIMEOUT, restarted)
            .await
            .map_err(|_| Failure::Timeout("the restart of the database"))?
            .map_err(Failure::io("restarting the database"))?;
        let took = began.elapsed();
        if status.success() && took <= RESTART_MAX {
            return Ok(());
        }
        let text = format!("the restart of the database took {took:?}, and ended with {status}");
        Err(Failure::Protocol(text))
    }
}
