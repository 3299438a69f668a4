//! One server from the bound address to its orderly shutdown.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http_api::wire::path::page_fragment;
use http_api::{
    AllowedOrigin, Api, ApiConfig, Auth, ClientName, DroppedLogLines, InstanceId, Listener,
    NamedToken, Quotas, Token,
};
use jiff::Timestamp;
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;
use worker_runtime::{ProfileSet, Runtime};

use crate::compose::{self, ComposeError, OpenedStore, StoreOpenError, StoreSetting};
use crate::config::{AuthSetting, SHUTDOWN_DEADLINE, ServerConfig};
use crate::failure_notes::FailureNotes;
use crate::in_use::until_free;
use crate::listen::{Bound, ListenError, Resolved, ServerAddress, SocketFile};
use crate::named_tokens::{self, NamedTokenError, NamedTokenFile};
use crate::profile_dir::{self, ProfileDirError};
use crate::reload::Reloader;
use crate::server_file::{Description, Registration, StorePlace};
use crate::store_metrics::StoreCollector;

/// The port of a server without a TCP address. Clients of a Unix socket usually name none, which
/// means HTTP's own.
const NO_PORT: u16 = 80;

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
    listeners: Vec<Listener>,
    addresses: Vec<ServerAddress>,
    token: Option<Token>,
    api: Api,
    runtime: Runtime,
    tokens: watch::Sender<Option<Token>>,
    registration: Option<Registration>,
    socket_files: Vec<SocketFile>,
    token_file: Option<PathBuf>,
    named_tokens: Vec<NamedTokenFile>,
    default_quotas: Quotas,
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
        let to_listen_on = Resolved::lookup(&config.listen).await?;
        let is_open_to_network = to_listen_on.is_open_to_network();
        let token = match &config.auth {
            AuthSetting::Generated => Some(Token::generate()?),
            AuthSetting::Token(token) => Some(token.clone()),
            AuthSetting::None if is_open_to_network => return Err(StartError::OpenToTheNetwork),
            AuthSetting::None => None,
        };
        let default_quotas = named_tokens::default_quotas(&config.limits, &config.connection);
        let named = read_named_tokens(&config.named_tokens, token.as_ref(), default_quotas)?;
        let failures = FailureNotes::default();
        let noted = failures.clone();
        let engine = compose::engine(&config.engine, move |failure| noted.add(failure))?;
        let profiles = match &config.profile_dir {
            Some(directory) => profile_dir::load(directory, &engine.models())?,
            None => ProfileSet::builtin(),
        };
        // Before the store: a server that can't listen must not create one, nor end the runs that
        // an earlier one has left. Who connects meanwhile waits for `serve`.
        let bound = to_listen_on.bind().await?;
        let addresses = bound.addresses();
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
        let mut api_config = api_config(&config, &bound, token.clone());
        api_config.instance = Some(instance.clone());
        api_config.named_tokens = named;
        if let Some(metrics) = metrics {
            api_config
                .collectors
                .push(Arc::new(StoreCollector(metrics)));
        }
        let api = Api::new(Arc::new(registry), api_config);
        let (tokens, replaced) = watch::channel(token.clone());
        let place = config.server_file_dir.zip(tcp_address(&addresses));
        let registration = place.map(|(directory, address)| {
            let server = Description {
                address,
                name: config.display_name,
                token: token.clone(),
                instance,
                started_at: Timestamp::now(),
                store: place_of(&config.store),
                workspace_root: config.workspace_root,
            };
            Registration::begin(directory, server, replaced, failures)
        });
        warn_of_exposure(token.as_ref(), is_open_to_network);
        Ok(Self {
            listeners: bound.listeners,
            addresses,
            token_file: token.as_ref().and(config.token_file),
            named_tokens: config.named_tokens,
            default_quotas,
            token,
            api,
            runtime,
            tokens,
            registration,
            socket_files: bound.socket_files,
            profile_dir: config.profile_dir,
        })
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
            listeners,
            addresses,
            api,
            runtime,
            registration,
            socket_files,
            ..
        } = self;
        let draining = api.draining();
        let port = tcp_address(&addresses).map(|address| address.port());
        tracing::info!(addresses = addresses.len(), port, "serving");
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
        let answered = http_api::serve(listeners, api, async {
            let _ = http_stops.await;
        });
        let (runs, connections) = tokio::join!(ended, answered);
        drop(socket_files);
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

fn read_named_tokens(
    files: &[NamedTokenFile],
    owner: Option<&Token>,
    default_quotas: Quotas,
) -> Result<Vec<NamedToken>, StartError> {
    let (tokens, errors) = named_tokens::read(files, owner, default_quotas);
    match errors.into_iter().next() {
        None => Ok(tokens),
        Some((name, error)) => Err(StartError::NamedToken { name, error }),
    }
}

/// Says in the log who else can use the server, or read along.
fn warn_of_exposure(token: Option<&Token>, is_open_to_network: bool) {
    if token.is_none() {
        tracing::warn!("no token is asked for: everybody on this machine can use the server");
    }
    if is_open_to_network {
        tracing::warn!(
            "plain HTTP off loopback: the token and all texts can be read on their way; have a \
             proxy speak TLS"
        );
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
    let is_in_use = |error: &_| matches!(error, ComposeError::Store(StoreOpenError::InUse));
    let say_so = || {
        let seconds = STORE_WAIT.as_secs();
        tracing::warn!("another server has the store: waiting for its end, at most {seconds} s");
    };
    let open = || compose::store(setting.clone());
    until_free(
        Instant::now() + STORE_WAIT,
        STORE_RETRY,
        is_in_use,
        say_so,
        open,
    )
    .await
}

/// The first TCP address.
fn tcp_address(addresses: &[ServerAddress]) -> Option<SocketAddr> {
    addresses.iter().find_map(|address| match address {
        ServerAddress::Tcp(address) => Some(*address),
        ServerAddress::Unix(_) => None,
    })
}

fn api_config(config: &ServerConfig, bound: &Bound, token: Option<Token>) -> ApiConfig {
    let auth = token.map_or(Auth::None, Auth::Token);
    let port = tcp_address(&bound.addresses()).map_or(NO_PORT, |address| address.port());
    let mut api = ApiConfig::new(config.display_name.clone(), auth, port);
    api.input_bytes_max = u64::try_from(config.limits.input_bytes).unwrap_or(u64::MAX);
    api.connection = config.connection;
    api.allowed_hosts.extend(bound.hosts());
    api.allowed_hosts
        .extend(config.allowed_hosts.iter().cloned());
    api.allowed_hosts
        .extend(config.public_origin.iter().map(AllowedOrigin::host));
    api.public_origin.clone_from(&config.public_origin);
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
