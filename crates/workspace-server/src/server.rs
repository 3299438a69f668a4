//! One server from the bound address to its orderly shutdown.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http_api::{AllowedHost, Api, ApiConfig, Auth, DroppedLogLines, InstanceId, Token};
use jiff::Timestamp;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};
use worker_runtime::{ProfileSet, Runtime};

use crate::compose::{self, ComposeError, OpenedStore, StoreOpenError, StoreSetting};
use crate::config::{AuthSetting, SHUTDOWN_DEADLINE, ServerConfig};
use crate::failure_notes::FailureNotes;
use crate::profile_dir::{self, ProfileDirError, ProfileReloader};
use crate::server_file::{Description, Registration, StorePlace};
use crate::store_metrics::StoreCollector;

/// Connections that the kernel may queue until they are accepted, if it allows as many. After a
/// restart all clients reconnect at once, and a client whose connection is dropped retries only a
/// second later.
const ACCEPT_BACKLOG: u32 = 4_096;

/// Longest wait for a store that another server has: a server that drains ends within
/// [`SHUTDOWN_DEADLINE`].
const STORE_WAIT: Duration = Duration::from_secs(6);
const _: () = assert!(STORE_WAIT.as_millis() > SHUTDOWN_DEADLINE.as_millis() + 1_000);
/// Time between two attempts to open it.
const STORE_RETRY: Duration = Duration::from_millis(250);

/// Why a server does not start. Carries no path and no secret.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The workspace is not a directory.
    #[error("the workspace is not a directory that can be read")]
    NoWorkspace,
    /// Without authorisation the server would be open to the network.
    #[error("--auth none needs a loopback address to listen on")]
    OpenToTheNetwork,
    /// The address can't be bound.
    #[error("can't listen on {address}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// No token could be generated, or no id of this start.
    #[error(transparent)]
    Token(#[from] http_api::NoRandomness),
    /// The profiles of one's own can't be used.
    #[error(transparent)]
    Profiles(#[from] ProfileDirError),
    /// The parts behind the API can't be built.
    #[error(transparent)]
    Compose(#[from] ComposeError),
}

/// What the shutdown of a server left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShutdownReport {
    /// Runs that the shutdown ended: as interrupted where workers are kept in a store, else as
    /// cancelled.
    pub runs_ended: usize,
    /// Runs whose engine did not end in time.
    pub runs_abandoned: usize,
    /// Connections that were cut because they did not close in time.
    pub connections_cut: usize,
}

/// A server that listens, and answers once [`Server::serve`] runs.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    token: Option<Token>,
    api: Api,
    runtime: Runtime,
    registration: Option<Registration>,
    profile_dir: Option<PathBuf>,
}

impl Server {
    /// Builds the parts and begins to listen.
    ///
    /// # Errors
    /// [`StartError`]; nothing is left behind.
    pub async fn bind(config: ServerConfig) -> Result<Self, StartError> {
        if !std::fs::metadata(&config.workspace_root).is_ok_and(|found| found.is_dir()) {
            return Err(StartError::NoWorkspace);
        }
        let token = match &config.auth {
            AuthSetting::Generated => Some(Token::generate()?),
            AuthSetting::Token(token) => Some(token.clone()),
            AuthSetting::None if config.listen.ip().is_loopback() => None,
            AuthSetting::None => return Err(StartError::OpenToTheNetwork),
        };
        let failures = FailureNotes::default();
        let noted = failures.clone();
        let engine = compose::engine(&config.engine, move |failure| noted.add(failure))?;
        let profiles = match &config.profile_dir {
            Some(directory) => profile_dir::load(directory, &engine.models())?,
            None => ProfileSet::builtin(),
        };
        // Before the store: a server that can't listen must not create one, nor end the runs that
        // an earlier one has left. Who connects meanwhile waits for `serve`.
        let bind_error = |source| StartError::Bind {
            address: config.listen,
            source,
        };
        let listener = listen(config.listen).map_err(bind_error)?;
        let address = listener.local_addr().map_err(bind_error)?;
        let OpenedStore { store, metrics } = open_store(&config.store).await?;
        let (limits, age) = (config.limits.clone(), config.delete_stopped_after);
        let runtime = compose::runtime(engine, profiles, limits, store, age).await?;
        let registry = compose::registry(
            runtime.clone(),
            config.local_data_dir.as_deref(),
            &config.workspace_root,
            config.deadlines,
            &config.sources,
        )?;
        let instance = InstanceId::generate()?;
        let mut api_config = api_config(&config, address, token.clone());
        api_config.instance = Some(instance.clone());
        if let Some(metrics) = metrics {
            api_config
                .collectors
                .push(Arc::new(StoreCollector(metrics)));
        }
        let api = Api::new(Arc::new(registry), api_config);
        let registration = config.server_file_dir.map(|directory| {
            let server = Description {
                address,
                name: config.display_name,
                token: token.clone(),
                instance,
                started_at: Timestamp::now(),
                store: place_of(&config.store),
                workspace_root: config.workspace_root,
            };
            Registration::begin(directory, server, failures)
        });
        Ok(Self {
            listener,
            address,
            token,
            api,
            runtime,
            registration,
            profile_dir: config.profile_dir,
        })
    }

    /// Where the server listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The token that requests need; `None` when they need none.
    pub fn token(&self) -> Option<&Token> {
        self.token.as_ref()
    }

    /// The API behind the listener, for requests without a connection.
    pub fn api(&self) -> &Api {
        &self.api
    }

    /// What reads the profiles again on SIGHUP; `None` when there is no directory of them.
    pub(crate) fn profile_reloader(&self) -> Option<ProfileReloader> {
        let directory = self.profile_dir.clone()?;
        Some(ProfileReloader::new(directory, self.runtime.clone()))
    }

    /// Answers requests until `shutdown` ends, then shuts down in order: accepts no connection,
    /// answers waiting polls, ends runs and finishes open requests, within
    /// [`SHUTDOWN_DEADLINE`].
    ///
    /// The deadline holds as long as the calling tokio runtime has a thread that isn't blocked.
    ///
    /// # Cancellation
    /// Dropping the future cuts every connection and run.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) -> ShutdownReport {
        let Self {
            listener,
            address,
            api,
            runtime,
            registration,
            ..
        } = self;
        let draining = api.draining();
        tracing::info!(port = address.port(), "serving");
        let (stop_http, http_stops) = oneshot::channel::<()>();
        let stopping = async {
            shutdown.await;
            tracing::info!("shutting down");
            draining.begin();
        };
        let ended = async {
            keep_file_until(stopping, registration).await;
            // The receiver is gone only when the API has ended by itself.
            let _ = stop_http.send(());
            runtime.shutdown(SHUTDOWN_DEADLINE).await
        };
        let answered = http_api::serve(listener, api, async {
            let _ = http_stops.await;
        });
        let (runs, connections) = tokio::join!(ended, answered);
        let report = ShutdownReport {
            runs_ended: runs.cancelled.len(),
            runs_abandoned: runs.abandoned.len(),
            connections_cut: connections.cut,
        };
        tracing::info!(
            runs_ended = report.runs_ended,
            runs_abandoned = report.runs_abandoned,
            connections_cut = report.connections_cut,
            "ended"
        );
        report
    }
}

/// Keeps the server's file until `stopping` ends. The file goes before the listener does: whoever
/// listens at the address next must not be taken for this server.
async fn keep_file_until(stopping: impl Future<Output = ()>, registration: Option<Registration>) {
    let Some(registration) = registration else {
        return stopping.await;
    };
    // `keep` never ends, and dropping it is what removes the file.
    tokio::select! {
        () = stopping => {}
        never = registration.keep() => match never {},
    }
}

/// Opens the store. While another server has it, which may be the one before this and about to
/// end, waits for it.
async fn open_store(setting: &StoreSetting) -> Result<OpenedStore, ComposeError> {
    let deadline = Instant::now() + STORE_WAIT;
    let mut is_first = true;
    loop {
        let opened = compose::store(setting.clone()).await;
        let Err(ComposeError::Store(StoreOpenError::InUse)) = opened else {
            return opened;
        };
        if Instant::now() >= deadline {
            return opened;
        }
        if is_first {
            let seconds = STORE_WAIT.as_secs();
            tracing::warn!(
                "another server has the store: waiting for its end, at most {seconds} s"
            );
            is_first = false;
        }
        sleep(STORE_RETRY).await;
    }
}

/// Begins to listen, at once even if an earlier server has just left the address.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(ACCEPT_BACKLOG)
}

fn api_config(config: &ServerConfig, address: SocketAddr, token: Option<Token>) -> ApiConfig {
    let auth = token.map_or(Auth::None, Auth::Token);
    let mut api = ApiConfig::new(config.display_name.clone(), auth, address.port());
    api.input_bytes_max = u64::try_from(config.limits.input_bytes).unwrap_or(u64::MAX);
    api.connection = config.connection;
    api.allowed_hosts.extend(own_host(address));
    api.allowed_hosts
        .extend(config.allowed_hosts.iter().cloned());
    api.allowed_origins.clone_from(&config.allowed_origins);
    let dropped = config.dropped_log_lines.clone();
    api.dropped_log_lines = dropped.map(|lines| DroppedLogLines::new(move || lines.count()));
    api
}

/// Where the workers are kept, for the commands of the same user.
fn place_of(setting: &StoreSetting) -> StorePlace {
    match setting {
        StoreSetting::Memory => StorePlace::Memory,
        StoreSetting::Own(_) => StorePlace::Unknown,
        StoreSetting::File { path, .. } => StorePlace::of_file(path),
    }
}

/// The listening address as a host that requests may name. A literal address is safe, because DNS
/// rebinding needs a name.
fn own_host(address: SocketAddr) -> Option<AllowedHost> {
    if address.ip().is_unspecified() {
        None
    } else {
        address.to_string().parse().ok()
    }
}
