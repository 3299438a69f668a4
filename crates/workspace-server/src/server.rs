//! The life of one server: bound, serving, ended in good order.

use std::io;
use std::net::SocketAddr;

use http_api::{AllowedHost, Api, ApiConfig, Auth, Draining, ServingThreads, Token};
use jiff::Timestamp;
use registry_core::registry::DuplicateRuntime;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::oneshot;
use worker_runtime::{BuildError, Runtime};

use crate::config::{AuthSetting, SHUTDOWN_DEADLINE, ServerConfig};
use crate::server_file::ServerFile;
use crate::wire::{self, ModelConfigError};

/// Connections that the kernel may hold until they are accepted, as far as it allows as many: a
/// crowd that comes back after a restart is held up, not turned away to try again a second later.
const ACCEPT_BACKLOG: u32 = 4_096;

/// Why a server does not start. Carries no path and no secret.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The workspace is no directory.
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
    /// There are no threads to serve with.
    #[error("can't start the threads that serve")]
    Threads(#[source] io::Error),
    /// No token could be minted.
    #[error(transparent)]
    Token(#[from] http_api::NoRandomness),
    /// The model can't be asked.
    #[error("the model can't be used")]
    Model(#[source] ModelConfigError),
    /// The embedded runtime can't be built.
    #[error("the embedded runtime can't be built")]
    Runtime(#[source] BuildError),
    /// A source has the id of another.
    #[error(transparent)]
    Duplicate(#[from] DuplicateRuntime),
}

/// What the end of a server left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ending {
    /// Runs that ended as cancelled.
    pub runs_cancelled: usize,
    /// Runs whose engine did not let go in time.
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
    draining: Draining,
    runtime: Runtime,
    threads: ServingThreads,
    file: Option<ServerFile>,
}

impl Server {
    /// Builds the parts and listens.
    ///
    /// # Errors
    /// [`StartError`]; nothing is left behind.
    pub async fn bind(config: ServerConfig) -> Result<Self, StartError> {
        if !std::fs::metadata(&config.workspace_root).is_ok_and(|found| found.is_dir()) {
            return Err(StartError::NoWorkspace);
        }
        let token = match &config.auth {
            AuthSetting::Minted => Some(Token::mint()?),
            AuthSetting::Token(token) => Some(token.clone()),
            AuthSetting::None if config.listen.ip().is_loopback() => None,
            AuthSetting::None => return Err(StartError::OpenToTheNetwork),
        };
        let wire::Parts { runtime, registry } = wire::parts(&config)?;
        let threads = ServingThreads::start().map_err(StartError::Threads)?;
        let bind_error = |source| StartError::Bind {
            address: config.listen,
            source,
        };
        let listener = listen(config.listen).map_err(bind_error)?;
        let address = listener.local_addr().map_err(bind_error)?;
        let api = Api::new(registry, api_config(&config, address, token.clone()));
        let file = config.server_file_dir.as_deref().and_then(|directory| {
            let written = ServerFile::write(directory, address, token.as_ref(), Timestamp::now());
            if let Err(error) = &written {
                tracing::warn!(error = %error.kind(), "other terminals can't find this server");
            }
            written.ok()
        });
        let draining = api.draining();
        Ok(Self {
            listener,
            address,
            token,
            api,
            draining,
            runtime,
            threads,
            file,
        })
    }

    /// Where the server listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What gets in; `None` when nothing is asked for.
    pub fn token(&self) -> Option<&Token> {
        self.token.as_ref()
    }

    /// The API as it is wired, for whoever asks without a connection.
    pub fn api(&self) -> &Api {
        &self.api
    }

    /// Answers requests until `shutdown` ends, then ends in good order: no new connection,
    /// waiting polls answered, runs ended as cancelled, open requests finished.
    ///
    /// # Cancellation
    /// Dropping the future cuts every connection and run.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) -> Ending {
        let Self {
            listener,
            address,
            api,
            draining,
            runtime,
            threads,
            file,
            ..
        } = self;
        tracing::info!(port = address.port(), "serving");
        let (stop_http, http_stops) = oneshot::channel::<()>();
        let ended = async {
            shutdown.await;
            tracing::info!("shutting down");
            draining.begin();
            // The receiver is gone only when the API has ended by itself.
            let _ = stop_http.send(());
            runtime.shutdown(SHUTDOWN_DEADLINE).await
        };
        let answered = http_api::serve(listener, api, &threads, async {
            let _ = http_stops.await;
        });
        let (runs, connections) = tokio::join!(ended, answered);
        // What was abandoned ends here, as far as its thread is free to let go of it.
        drop((file, threads));
        let ending = Ending {
            runs_cancelled: runs.cancelled.len(),
            runs_abandoned: runs.abandoned.len(),
            connections_cut: connections.cut,
        };
        tracing::info!(
            runs_cancelled = ending.runs_cancelled,
            runs_abandoned = ending.runs_abandoned,
            connections_cut = ending.connections_cut,
            "ended"
        );
        ending
    }
}

/// Starts a server and answers requests until `shutdown` ends; see [`Server`].
///
/// # Errors
/// [`StartError`]
pub async fn serve(
    config: ServerConfig,
    shutdown: impl Future<Output = ()>,
) -> Result<Ending, StartError> {
    Ok(Server::bind(config).await?.serve(shutdown).await)
}

/// Begins to listen. An address that an earlier server has just left can be had at once.
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
    api
}

/// The address itself as a name: no page of another site can make a browser send that name
/// with its own (DNS rebinding needs a name, not a literal address).
fn own_host(address: SocketAddr) -> Option<AllowedHost> {
    if address.ip().is_unspecified() {
        None
    } else {
        address.to_string().parse().ok()
    }
}
