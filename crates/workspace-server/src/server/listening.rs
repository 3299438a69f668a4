//! A server that listens: what it is made of, before and while it opens its store.

use std::sync::Arc;
use std::time::Duration;

use http_api::{
    AllowedOrigin, Api, ApiConfig, Auth, DroppedLogLines, InstanceId, Listeners, NamedToken,
    Quotas, Token,
};
use jiff::Timestamp;
use registry_core::RuntimeRegistry;
use tokio::sync::watch;
use tokio::time::Instant;
use worker_runtime::store::WorkerStore;
use worker_runtime::{ProfileSet, Runtime, TurnEngine};

use super::{Server, Standby, StartError, tcp_address};
use crate::compose::{
    self, ComposeError, OpenedStore, Ownership, ReadMetrics, StoreOpener, StoreSetting,
};
use crate::config::{AuthSetting, SHUTDOWN_DEADLINE, ServerConfig};
use crate::failure_notes::FailureNotes;
use crate::in_use::{Patience, until_free};
use crate::listen::{Bound, Resolved, ServerAddress, SocketFile};
use crate::named_tokens::{self, NamedTokenFile};
use crate::profile_dir;
use crate::server_file::{Description, Registration, StorePlace};
use crate::store_metrics::StoreCollector;

/// The port of a server without a TCP address. Clients of a Unix socket usually name none, which
/// means HTTP's own.
const NO_PORT: u16 = 80;

/// Longest wait for a store that another server has: a server that drains ends within
/// [`SHUTDOWN_DEADLINE`].
const STORE_WAIT: Duration = Duration::from_secs(6);
const _: () = assert!(STORE_WAIT.as_millis() > SHUTDOWN_DEADLINE.as_millis() + 1_000);
/// Longest wait for a store after the lease of another server is over.
const LEASE_GRACE: Duration = Duration::from_secs(2);
/// Time between two attempts to open it.
pub(super) const STORE_RETRY: Duration = Duration::from_millis(250);

/// A server that listens and has not opened its store. Who connects waits.
pub struct Listening {
    pub(super) listeners: Listeners,
    pub(super) store: StoreOpener,
    pub(super) prepared: Prepared,
}

/// What opening the store has led to.
pub enum Start {
    /// The server has it.
    Server(Box<Server>),
    /// Another server has it, and this one is to stand by.
    Standby(Box<Standby>),
}

/// Everything that a server is made of besides its workers.
pub(super) struct Prepared {
    config: ServerConfig,
    pub(super) api: ApiConfig,
    addresses: Vec<ServerAddress>,
    socket_files: Vec<SocketFile>,
    token: Option<Token>,
    instance: InstanceId,
    default_quotas: Quotas,
    engine: Arc<dyn TurnEngine>,
    profiles: ProfileSet,
    failures: FailureNotes,
}

/// The workers of the store, and the registry that has them.
pub(super) struct Workers {
    runtime: Runtime,
    registry: RuntimeRegistry,
    metrics: Option<ReadMetrics>,
    ownership: Option<Ownership>,
}

impl Listening {
    /// Checks what the server is to be made of, and begins to listen.
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
        let instance = InstanceId::generate()?;
        // Before the store: a server that can't listen must not create one, nor end the runs that
        // an earlier one has left.
        let bound = to_listen_on.bind().await?;
        let mut api = api_config(&config, &bound, token.clone());
        api.instance = Some(instance.clone());
        api.named_tokens = named;
        warn_of_exposure(token.as_ref(), is_open_to_network);
        Ok(Self {
            store: StoreOpener::new(config.store.clone()),
            prepared: Prepared {
                config,
                api,
                addresses: bound.addresses(),
                socket_files: bound.socket_files,
                token,
                instance,
                default_quotas,
                engine,
                profiles,
                failures,
            },
            listeners: bound.listeners.into(),
        })
    }

    /// Opens the store. While another server has it, which may be the one before this and about to
    /// end, waits for it a few seconds, unless this one is to stand by.
    ///
    /// # Errors
    /// [`StartError`]; nothing is left behind.
    pub async fn open(self) -> Result<Start, StartError> {
        let opened = if self.prepared.config.standby {
            match self.store.attempt().await {
                Err(error) if error.is_worth_waiting_for() => {
                    if !error.is_store_in_use() {
                        tracing::warn!(%error, "no workspace yet: trying again until there is one");
                    }
                    return Ok(Start::Standby(Box::new(Standby(self))));
                }
                opened => opened?,
            }
        } else {
            open_soon(&self.store).await?
        };
        let workers = self.prepared.workers(opened).await?;
        let server = self.prepared.finish(self.listeners, workers);
        Ok(Start::Server(Box::new(server)))
    }
}

impl Prepared {
    pub(super) fn addresses(&self) -> &[ServerAddress] {
        &self.addresses
    }

    /// Reads the workers of the store. If it can't, other servers get the store at once.
    pub(super) async fn workers(&self, opened: OpenedStore) -> Result<Workers, ComposeError> {
        let OpenedStore {
            store,
            metrics,
            ownership,
        } = opened;
        match self.runtime_and_registry(store).await {
            Ok((runtime, registry)) => Ok(Workers {
                runtime,
                registry,
                metrics,
                ownership,
            }),
            Err(error) => {
                if let Some(ownership) = ownership {
                    ownership.give_back().await;
                }
                Err(error)
            }
        }
    }

    async fn runtime_and_registry(
        &self,
        store: Option<Arc<dyn WorkerStore>>,
    ) -> Result<(Runtime, RuntimeRegistry), ComposeError> {
        let config = &self.config;
        let runtime = compose::runtime(
            Arc::clone(&self.engine),
            self.profiles.clone(),
            config.limits.clone(),
            store,
            config.delete_stopped_after,
        );
        let runtime = runtime.await?;
        let registry = compose::registry(
            runtime.clone(),
            config.local_data_dir.as_deref(),
            &config.workspace_root,
            config.deadlines,
            &config.sources,
        )?;
        Ok((runtime, registry))
    }

    /// The server with these workers, which other terminals find from now on.
    pub(super) fn finish(self, listeners: Listeners, workers: Workers) -> Server {
        let Self {
            config,
            mut api,
            addresses,
            socket_files,
            token,
            instance,
            default_quotas,
            failures,
            ..
        } = self;
        if let Some(metrics) = workers.metrics {
            api.collectors.push(Arc::new(StoreCollector(metrics)));
        }
        let (tokens, replaced) = watch::channel(token.clone());
        let directories = config.server_file_dirs;
        let address = tcp_address(&addresses).filter(|_| !directories.is_empty());
        let registration = address.map(|address| {
            let server = Description {
                address,
                name: config.display_name,
                token: token.clone(),
                instance,
                started_at: Timestamp::now(),
                store: place_of(&config.store),
                workspace_root: config.workspace_root,
            };
            Registration::begin(directories, server, replaced, failures)
        });
        Server {
            listeners,
            addresses,
            token_file: token.as_ref().and(config.token_file),
            named_tokens: config.named_tokens,
            default_quotas,
            token,
            api: Api::new(Arc::new(workers.registry), api),
            runtime: workers.runtime,
            ownership: workers.ownership,
            tokens,
            registration,
            socket_files,
            profile_dir: config.profile_dir,
        }
    }
}

async fn open_soon(store: &StoreOpener) -> Result<OpenedStore, ComposeError> {
    // A server that was killed doesn't give its lease back.
    let wait = store
        .lease()
        .map_or(STORE_WAIT, |lease| lease + LEASE_GRACE);
    let say_so = || {
        let seconds = wait.as_secs();
        tracing::warn!("another server has the store: waiting for its end, at most {seconds} s");
    };
    until_free(
        Patience::Until(Instant::now() + wait),
        STORE_RETRY,
        ComposeError::is_store_in_use,
        say_so,
        || store.attempt(),
    )
    .await
}

fn read_named_tokens(
    files: &[NamedTokenFile],
    owner: Option<&Token>,
    default_quotas: Quotas,
) -> Result<Vec<NamedToken>, StartError> {
    let (tokens, unreadable) = named_tokens::read(files, default_quotas);
    let (tokens, refused) = named_tokens::distinct(&tokens, owner);
    match unreadable.into_iter().chain(refused).next() {
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
        StoreSetting::Database(_) => StorePlace::Database,
        StoreSetting::Own(_) => StorePlace::Unknown,
        StoreSetting::File { path, .. } => StorePlace::of_file(path),
    }
}
