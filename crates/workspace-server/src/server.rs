//! One server from the opened store to its orderly shutdown.

mod listening;
mod standby;

use std::net::SocketAddr;
use std::path::PathBuf;

use http_api::wire::path::page_fragment;
use http_api::{Api, ClientName, Listeners, Quotas, Token};
use tokio::sync::{oneshot, watch};
use worker_runtime::Runtime;

use crate::compose::{ComposeError, Ownership};
use crate::config::{SHUTDOWN_DEADLINE, ServerConfig};
use crate::listen::{ListenError, ServerAddress, SocketFile};
use crate::named_tokens::{NamedTokenError, NamedTokenFile};
use crate::profile_dir::ProfileDirError;
use crate::reload::Reloader;
use crate::server_file::Registration;

pub use listening::{Listening, Start};
pub use standby::Standby;

/// Why a server does not start. Carries no path and no secret.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The workspace is not a directory.
    #[error("the workspace is not a directory that can be read")]
    NoWorkspace,
    /// Without authorisation the server would be open to the network.
    #[error("--auth none needs a loopback address or a Unix socket to listen on")]
    OpenToTheNetwork,
    /// The server can't listen.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// No token could be generated, or no id of this start.
    #[error(transparent)]
    Token(#[from] http_api::NoRandomness),
    /// A client's token can't be used.
    #[error("the token of client `{name}` can't be used")]
    NamedToken {
        /// The client.
        name: ClientName,
        /// Why.
        #[source]
        error: NamedTokenError,
    },
    /// The profiles of one's own can't be used.
    #[error(transparent)]
    Profiles(#[from] ProfileDirError),
    /// The parts behind the API can't be built.
    #[error(transparent)]
    Compose(#[from] ComposeError),
}

impl StartError {
    /// Whether the settings are wrong, or a file or directory that they name: another start with the same
    /// ones fails alike.
    pub(crate) fn is_about_settings(&self) -> bool {
        match self {
            Self::NoWorkspace
            | Self::OpenToTheNetwork
            | Self::NamedToken { .. }
            | Self::Profiles(_)
            | Self::Listen(ListenError::NoAddress | ListenError::TooManyAddresses) => true,
            Self::Listen(
                ListenError::UnknownName { .. } | ListenError::Bind { .. } | ListenError::Unix(_),
            )
            | Self::Token(_)
            | Self::Compose(_) => false,
        }
    }
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
    /// Whether the server ended because another one has its workspace, or may have.
    pub store_lost: bool,
}

/// A server that listens, and answers once [`Server::serve`] runs.
pub struct Server {
    listeners: Listeners,
    addresses: Vec<ServerAddress>,
    token: Option<Token>,
    api: Api,
    runtime: Runtime,
    ownership: Option<Ownership>,
    tokens: watch::Sender<Option<Token>>,
    registration: Option<Registration>,
    socket_files: Vec<SocketFile>,
    token_file: Option<PathBuf>,
    named_tokens: Vec<NamedTokenFile>,
    default_quotas: Quotas,
    profile_dir: Option<PathBuf>,
}

impl Server {
    /// Builds the parts, begins to listen and opens the store. If the configuration says so, stands by
    /// for as long as another server has that.
    ///
    /// # Errors
    /// [`StartError`]; nothing is left behind.
    pub async fn bind(config: ServerConfig) -> Result<Self, StartError> {
        match Listening::bind(config).await?.open().await? {
            Start::Server(server) => Ok(*server),
            Start::Standby(standby) => standby.take_over().await,
        }
    }

    /// Where the server listens, at least one address.
    pub fn addresses(&self) -> &[ServerAddress] {
        &self.addresses
    }

    /// The first TCP address; `None` if the server listens on Unix sockets alone.
    pub fn address(&self) -> Option<SocketAddr> {
        tcp_address(&self.addresses)
    }

    /// The token that requests need; `None` when they need none.
    pub fn token(&self) -> Option<&Token> {
        self.token.as_ref()
    }

    /// The address of the page in a browser, which signs in as the owner, once and within a minute;
    /// `None` without a TCP address.
    pub(crate) fn page_address(&self) -> Option<String> {
        let address = ServerAddress::Tcp(self.address()?);
        // Without randomness the page asks for the token.
        let code = self.token.as_ref();
        let code = code.and_then(|_| self.api.issue_session_code().ok());
        let fragment = code.map(|code| format!("#{}", page_fragment(Some(&code), None)));
        Some(format!("{address}/{}", fragment.unwrap_or_default()))
    }

    /// Whether the engine that answers is the one without a model.
    pub(crate) fn has_offline_model(&self) -> bool {
        self.runtime.models().iter().all(|model| model.offline)
    }

    /// The API behind the listener, for requests without a connection.
    pub fn api(&self) -> &Api {
        &self.api
    }

    /// What reads the server's files again on SIGHUP.
    pub(crate) fn reloader(&self) -> Reloader {
        Reloader {
            token_file: self.token_file.clone(),
            named_tokens: self.named_tokens.clone(),
            default_quotas: self.default_quotas,
            profile_dir: self.profile_dir.clone(),
            tokens: self.tokens.clone(),
            api: self.api.clone(),
            runtime: self.runtime.clone(),
        }
    }

    /// Whether the operator knows the token without being told.
    pub(crate) fn has_token_of_file(&self) -> bool {
        self.token_file.is_some()
    }

    /// Answers requests until `shutdown` ends, or the store is lost to another server, then shuts down
    /// in order: accepts no connection,
    /// answers waiting polls, ends runs and finishes open requests, within
    /// [`SHUTDOWN_DEADLINE`].
    ///
    /// The deadline holds as long as the calling tokio runtime has a thread that isn't blocked.
    ///
    /// # Cancellation
    /// Dropping the future cuts every connection and run.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) -> ShutdownReport {
        let Self {
            listeners,
            addresses,
            api,
            runtime,
            ownership,
            registration,
            socket_files,
            ..
        } = self;
        let draining = api.draining();
        let port = tcp_address(&addresses).map(|address| address.port());
        tracing::info!(addresses = addresses.len(), port, "serving");
        let (stop_http, http_stops) = oneshot::channel::<()>();
        let lost = ownership.as_ref().map(Ownership::lost);
        // Ends with whether the store is lost.
        let stopping = async {
            let is_lost = tokio::select! {
                () = shutdown => false,
                () = until_lost(lost) => true,
            };
            if is_lost {
                tracing::error!(
                    "the workspace is lost: another server has it, or the database was away for \
                     longer than the lease; shutting down"
                );
            } else {
                tracing::info!("shutting down");
            }
            draining.begin();
            is_lost
        };
        let ended = async {
            let is_lost = keep_file_until(stopping, registration).await;
            // The receiver is gone only when the API has ended by itself.
            let _ = stop_http.send(());
            let runs_deadline = match ownership {
                None => SHUTDOWN_DEADLINE,
                Some(_) => SHUTDOWN_DEADLINE.saturating_sub(Ownership::GIVE_BACK_TIMEOUT),
            };
            let runs = runtime.shutdown(runs_deadline).await;
            if let Some(ownership) = ownership {
                ownership.give_back().await;
            }
            (runs, is_lost)
        };
        let answered = http_api::serve(listeners, api, async {
            let _ = http_stops.await;
        });
        let ((runs, store_lost), connections) = tokio::join!(ended, answered);
        drop(socket_files);
        let report = ShutdownReport {
            runs_ended: runs.cancelled.len(),
            runs_abandoned: runs.abandoned.len(),
            connections_cut: connections.cut,
            store_lost,
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

/// Ends when the store is lost, if it can be.
async fn until_lost(lost: Option<impl Future<Output = ()>>) {
    match lost {
        Some(lost) => lost.await,
        None => std::future::pending().await,
    }
}

/// Keeps the server's file until `stopping` ends. The file goes before the listener does: whoever
/// listens at the address next must not be taken for this server.
async fn keep_file_until<T>(
    stopping: impl Future<Output = T>,
    registration: Option<Registration>,
) -> T {
    let Some(registration) = registration else {
        return stopping.await;
    };
    // `keep` never ends, and dropping it is what removes the file.
    tokio::select! {
        stopped = stopping => stopped,
        never = registration.keep() => match never {},
    }
}

/// The first TCP address.
fn tcp_address(addresses: &[ServerAddress]) -> Option<SocketAddr> {
    addresses.iter().find_map(|address| match address {
        ServerAddress::Tcp(address) => Some(*address),
        ServerAddress::Unix(_) => None,
    })
}
