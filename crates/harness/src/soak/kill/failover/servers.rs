//! The servers of the scenario: all of one workspace, one at a time its owner.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{sleep, timeout};

use crate::failure::Failure;
use crate::server::{Server, Settings};
use crate::soak::kill::RESIDENT;
use crate::soak::kill::ledger::Ledger;
use crate::soak::kill::session::{Gone, Session};
use crate::soak::kill::verifier::{List, read_list};

/// Longest wait for a server to take over, after which the scenario is given up.
const GIVE_UP: Duration = Duration::from_secs(60);
/// Pause between two looks at a server that stands by.
const PAUSE: Duration = Duration::from_millis(5);
/// The path by which a server says whether it is ready.
const READY: &str = "/readyz";
/// What a server logs once it has the workspace, before it has read the workers.
const TAKES_OVER: &str = "taking over";

/// What the servers of a run have in common.
#[derive(Debug)]
pub(super) struct Servers {
    address: String,
    workspace: String,
    lease: Duration,
}

impl Servers {
    /// Servers of a new workspace in the database at `address`, with this lease.
    pub(super) fn new(address: &str, lease: Duration) -> Self {
        Self {
            address: address.to_owned(),
            lease,
            workspace: format!("failover-{}", Timestamp::now().as_microsecond()),
        }
    }

    pub(super) fn workspace(&self) -> &str {
        &self.workspace
    }

    fn settings(&self) -> Settings {
        Settings::default()
            .with("--log", "warn,yoi_workspace_server::server=info")
            .with("--auth", "none")
            .with("--store", &self.address)
            .with("--store-workspace", &self.workspace)
            .with("--store-lease", self.lease.as_secs())
            .limit("workers", RESIDENT)
    }

    /// Starts the first owner.
    pub(super) async fn owner(&self) -> Result<Server, Failure> {
        Server::start(self.settings()).await
    }

    /// Starts a server, and waits until it stands by.
    pub(super) async fn standby(&self) -> Result<Server, Failure> {
        let server = Server::start(self.settings().flag("--standby")).await?;
        let line = server.first_line();
        if line.starts_with("yoi is standing by") {
            return Ok(server);
        }
        Err(Failure::Protocol(format!("it does not stand by: {line}")))
    }
}

/// Why a server is not ready; `None` if it is.
pub(super) async fn unreadiness(server: &Server) -> Result<Option<String>, Failure> {
    let response = server.client().get(READY).await?;
    if response.status == 200 {
        return Ok(None);
    }
    let reason = response.unavailability();
    Ok(Some(reason.unwrap_or_else(|| response.status.to_string())))
}

/// Waits until a server is ready, and has answered the first list.
pub(super) async fn first_list(server: &Server, ledger: &Arc<Ledger>) -> Result<List, Failure> {
    let listed = async {
        while unreadiness(server).await?.is_some() {
            sleep(PAUSE).await;
        }
        let mut session = Session::new(server.client(), ledger);
        let list = read_list(&mut session).await;
        list.map_err(|Gone(failure)| failure)
    };
    let listed = timeout(GIVE_UP, listed).await;
    listed.map_err(|_| Failure::Timeout("a takeover"))?
}

/// Waits until one of two servers has the workspace. The first one that is returned is that.
pub(super) async fn first_to_take_over(
    left: Server,
    right: Server,
) -> Result<[Server; 2], Failure> {
    let takes_over = |server: &Server| {
        let log = server.log()?;
        let log = String::from_utf8_lossy(&log);
        Ok::<_, Failure>(log.contains(TAKES_OVER))
    };
    let one_has_it = async {
        loop {
            if takes_over(&left)? {
                return Ok([left, right]);
            }
            if takes_over(&right)? {
                return Ok([right, left]);
            }
            sleep(Duration::from_millis(1)).await;
        }
    };
    let one_has_it = timeout(GIVE_UP, one_has_it).await;
    one_has_it.map_err(|_| Failure::Timeout("a takeover"))?
}
