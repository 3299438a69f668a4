//! The PostgreSQL database of the scenario, which `.ci/with-postgres` provides.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;
use tokio_postgres::NoTls;

use crate::failure::Failure;

/// The variable with the address of the database.
const ADDRESS: &str = "YOI_TEST_POSTGRES";
/// The variable with the program that restarts it, and takes a [`Stop`] as its argument.
const RESTART: &str = "YOI_TEST_POSTGRES_RESTART";
/// Longest time for a restart, after which the scenario is given up.
const RESTART_TIMEOUT: Duration = Duration::from_secs(60);

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
        // What waits for the disk is done before, as long as the database serves.
        let checkpoint = self.checkpoint().await;
        checkpoint.map_err(|error| Failure::Protocol(error.to_string()))?;
        let restarted = Command::new(&self.restart)
            .arg(stop.as_str())
            .stdin(Stdio::null())
            .status();
        let status = timeout(RESTART_TIMEOUT, restarted)
            .await
            .map_err(|_| Failure::Timeout("the restart of the database"))?
            .map_err(Failure::io("restarting the database"))?;
        if status.success() {
            return Ok(());
        }
        let text = format!("the restart of the database ended with {status}");
        Err(Failure::Protocol(text))
    }

    async fn checkpoint(&self) -> Result<(), tokio_postgres::Error> {
        let (client, connection) = tokio_postgres::connect(&self.address, NoTls).await?;
        let connection = tokio::spawn(connection);
        let done = client.batch_execute("CHECKPOINT").await;
        connection.abort();
        done
    }
}
