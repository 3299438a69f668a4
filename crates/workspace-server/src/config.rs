//! The configuration of a server, made from its flags or by an embedding program.

use std::ffi::OsString;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http_api::{AllowedHost, AllowedOrigin, ClientName, ConnectionLimits, NAMED_TOKENS_MAX, Token};
use registry_core::port::RuntimeSource;
use registry_core::{Deadlines, DisplayName};
use worker_runtime::{Limits, OfflineEngine};

use crate::args::{AuthMode, DISPLAY_NAME_DEFAULT, ServeArgs};
use crate::compose::{self, InvalidNamedModel, ModelConfig, ModelConfigError, NamedModel};
use crate::listen::ListenAddress;
use crate::logging::DroppedLines;
use crate::named_tokens::NamedTokenFile;
use crate::server_file;
use crate::store::{self, StoreSettingError};
use crate::token_file::{self, TokenFileError};

pub use crate::compose::{DatabaseSetting, EngineSetting, StoreSetting};

/// Longest wait for runs to end and connections to close once the server has stopped to listen.
pub const SHUTDOWN_DEADLINE: Duration = Duration::from_millis(3_500);

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Everything a server is started with. Its `Debug` shows neither paths nor secrets.
#[derive(Clone)]
pub struct ServerConfig {
    /// Where to listen, at least at one address.
    pub listen: Vec<ListenAddress>,
    /// The root of the workspace that is served.
    pub workspace_root: PathBuf,
    /// The workspace's name for people.
    pub display_name: DisplayName,
    /// The directory with records of older local tooling; `None` shows none.
    pub local_data_dir: Option<PathBuf>,
    /// Who may use the API.
    pub auth: AuthSetting,
    /// The file that has the token, to be read again on SIGHUP.
    pub token_file: Option<PathBuf>,
    /// Clients with tokens of their own, at most [`NAMED_TOKENS_MAX`] and each once.
    pub named_tokens: Vec<NamedTokenFile>,
    /// Hosts that requests may name besides the loopback ones.
    pub allowed_hosts: Vec<AllowedHost>,
    /// The origin under which a proxy shows the server to browsers.
    pub public_origin: Option<AllowedOrigin>,
    /// Origins whose pages may call the API.
    pub allowed_origins: Vec<AllowedOrigin>,
    /// The turn engine of the embedded runtime.
    pub engine: EngineSetting,
    /// The directory of profiles beside the built-in ones; `None` adds none.
    pub profile_dir: Option<PathBuf>,
    /// Where the workers of the embedded runtime are kept.
    pub store: StoreSetting,
    /// Whether the server listens and waits without a limit while another one has the store, instead
    /// of failing after a few seconds.
    pub standby: bool,
    /// How long a worker has been stopped when it is deleted; `None` deletes none.
    pub delete_stopped_after: Option<Duration>,
    /// The bounds of the embedded runtime.
    pub limits: Limits,
    /// The bounds of connections.
    pub connection: ConnectionLimits,
    /// How long sources may take.
    pub deadlines: Deadlines,
    /// Where the file may be through which other terminals find this server, the preferred directory
    /// first; none writes no file.
    pub server_file_dirs: Vec<PathBuf>,
    /// Sources beside the built-in two, registered after them.
    pub sources: Vec<Arc<dyn RuntimeSource>>,
    /// The count of dropped log lines, for the metric; `None` when the log is not this crate's.
    pub dropped_log_lines: Option<DroppedLines>,
}

/// Who may use the API.
#[derive(Debug, Clone)]
pub enum AuthSetting {
    /// Bearers of a token that is generated at the start.
    Generated,
    /// Bearers of this token.
    Token(Token),
    /// Everybody who reaches the port, which must be a loopback one.
    None,
}

/// Why the flags don't make a configuration. Carries no path and no secret.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The token file can't be used.
    #[error(transparent)]
    TokenFile(#[from] TokenFileError),
    /// Clients have tokens, but nobody needs one.
    #[error("--token needs --auth token")]
    TokensWithoutAuth,
    /// A client is named more than once.
    #[error("--token: there is more than one for `{0}`")]
    ClientNamedTwice(ClientName),
    /// There are more clients than there may be.
    #[error("--token: at most {NAMED_TOKENS_MAX}")]
    TooManyClients,
    /// `--allowed-host` is not a host.
    #[error("--allowed-host: expected HOST[:PORT], as browsers send it")]
    AllowedHost(#[source] http_api::InvalidHost),
    /// `--public-origin` is not an origin.
    #[error("--public-origin: expected an origin such as https://example.org, without a path")]
    PublicOrigin(#[source] http_api::InvalidOrigin),
    /// `--allowed-origin` is not an origin.
    #[error("--allowed-origin: expected an origin such as https://example.org, without a path")]
    AllowedOrigin(#[source] http_api::InvalidOrigin),
    /// The model's settings can't work.
    #[error("the model can't be used")]
    Model(#[from] ModelConfigError),
    /// A model's name can't be used.
    #[error("--model can't be used")]
    ModelName(#[from] InvalidNamedModel),
    /// One key file, and models of several providers: the key is for one of them.
    #[error(
        "--model-key-file holds the key of one provider, and the models are of several: set the \
         variable of each provider instead"
    )]
    KeyFileOfSeveral,
    /// An endpoint or a key is set, but no model.
    #[error("--model-endpoint and --model-key-file need a --model")]
    NoModel,
    /// There is no place for the store.
    #[error(transparent)]
    Store(#[from] StoreSettingError),
    /// Nothing that another server has can be taken over.
    #[error("--standby takes over workers that are kept in a file, and --store memory keeps none")]
    StandbyInMemory,
    /// A limit is below the least value it can have.
    #[error(transparent)]
    Limit(#[from] worker_runtime::LimitsError),
}

impl ServerConfig {
    /// A server for tests and embedders: any free loopback port, a generated token, no local
    /// records, no server file, workers in memory, default bounds.
    pub fn new(workspace_root: PathBuf) -> Self {
        Self {
            listen: vec![SocketAddr::from(([127, 0, 0, 1], 0)).into()],
            workspace_root,
            display_name: DISPLAY_NAME_DEFAULT
                .parse()
                .expect("the constant is a display name"),
            local_data_dir: None,
            auth: AuthSetting::Generated,
            token_file: None,
            named_tokens: Vec::new(),
            allowed_hosts: Vec::new(),
            public_origin: None,
            allowed_origins: Vec::new(),
            engine: EngineSetting::Offline {
                pace: OfflineEngine::PACE,
            },
            profile_dir: None,
            store: StoreSetting::Memory,
            standby: false,
            delete_stopped_after: None,
            limits: Limits::default(),
            connection: ConnectionLimits {
                drain_timeout: SHUTDOWN_DEADLINE,
                ..ConnectionLimits::default()
            },
            deadlines: Deadlines::default(),
            server_file_dirs: Vec::new(),
            sources: Vec::new(),
            dropped_log_lines: None,
        }
    }

    /// Makes the configuration from the flags and the rest of the environment.
    ///
    /// # Errors
    /// [`ConfigError`], in words for the operator.
    pub fn from_args(
        args: ServeArgs,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, ConfigError> {
        let token_file = match args.auth {
            AuthMode::Token => args.token_file.clone(),
            // The file may be set for the client commands; the server doesn't read it.
            AuthMode::None => None,
        };
        let auth = match (args.auth, &token_file) {
            (AuthMode::None, _) => AuthSetting::None,
            (AuthMode::Token, None) => AuthSetting::Generated,
            (AuthMode::Token, Some(path)) => AuthSetting::Token(token_file::read(path)?),
        };
        check_named_tokens(args.auth, &args.named_tokens)?;
        let mut limits = Limits::default();
        for setting in &args.limits {
            limits.set(setting.name, setting.value);
        }
        limits.validate()?;
        let models = models(&args, &variable)?;
        let engine = if models.is_empty() {
            EngineSetting::Offline {
                pace: Duration::from_millis(args.offline_pace_ms),
            }
        } else {
            EngineSetting::Models(models)
        };
        let on_network = args.store_on_network_file_system;
        let store = store::setting(&args.place, on_network, args.store_lease, &variable)?;
        if args.standby && matches!(store, StoreSetting::Memory) {
            return Err(ConfigError::StandbyInMemory);
        }
        let days = args.delete_stopped_after;
        let hosts = args.allowed_host.iter().map(|text| text.parse());
        let public_origin = args.public_origin.as_deref().map(str::parse).transpose();
        let origins = args.allowed_origin.iter().map(|text| text.parse());
        Ok(Self {
            listen: args.listen,
            display_name: args.name,
            local_data_dir: compose::local_data_dir(args.local_data_dir, &variable),
            auth,
            token_file,
            named_tokens: args.named_tokens,
            allowed_hosts: hosts
                .collect::<Result<_, _>>()
                .map_err(ConfigError::AllowedHost)?,
            public_origin: public_origin.map_err(ConfigError::PublicOrigin)?,
            allowed_origins: origins
                .collect::<Result<_, _>>()
                .map_err(ConfigError::AllowedOrigin)?,
            engine,
            profile_dir: args.profile_dir,
            store,
            standby: args.standby,
            delete_stopped_after: days.map(|days| DAY.saturating_mul(days)),
            limits,
            server_file_dirs: server_file::directories(|name| variable(name).map(PathBuf::from)),
            ..Self::new(args.place.access.workspace)
        })
    }
}

fn check_named_tokens(auth: AuthMode, files: &[NamedTokenFile]) -> Result<(), ConfigError> {
    if auth == AuthMode::None && !files.is_empty() {
        return Err(ConfigError::TokensWithoutAuth);
    }
    if files.len() > NAMED_TOKENS_MAX {
        return Err(ConfigError::TooManyClients);
    }
    for (index, file) in files.iter().enumerate() {
        if files[..index].iter().any(|other| other.name == file.name) {
            return Err(ConfigError::ClientNamedTwice(file.name.clone()));
        }
    }
    Ok(())
}

/// The models that the flags name, each with its endpoint, key, limits and timeouts.
fn models(
    args: &ServeArgs,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<Vec<(NamedModel, ModelConfig)>, ConfigError> {
    let endpoint = args.model_endpoint.as_deref();
    let key_file = args.model_key_file.as_deref();
    if args.model.is_empty() && (endpoint.is_some() || key_file.is_some()) {
        return Err(ConfigError::NoModel);
    }
    let mut models: Vec<(NamedModel, ModelConfig)> = Vec::with_capacity(args.model.len());
    for text in &args.model {
        let name: NamedModel = text.parse()?;
        let model = ModelConfig::for_model(name.model().clone(), endpoint, key_file, &variable)?;
        let mut model =
            model.with_token_limits(args.model_context_tokens, args.model_max_output_tokens)?;
        let timeouts = &mut model.timeouts;
        let set = |timeout: &mut Duration, milliseconds: Option<u64>| {
            *timeout = milliseconds.map_or(*timeout, Duration::from_millis);
        };
        set(&mut timeouts.connect, args.model_connect_timeout_ms);
        set(&mut timeouts.first_byte, args.model_first_byte_timeout_ms);
        set(&mut timeouts.idle, args.model_idle_timeout_ms);
        let first = models.first().map(|(_, first)| first);
        if key_file.is_some() && first.is_some_and(|first| !first.has_address_of(&model)) {
            return Err(ConfigError::KeyFileOfSeveral);
        }
        models.push((name, model));
    }
    Ok(models)
}

impl fmt::Debug for ServerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerConfig")
            .field("listen", &self.listen)
            .field("display_name", &self.display_name)
            .field("auth", &self.auth)
            .field("limits", &self.limits)
            .field("connection", &self.connection)
            .field("deadlines", &self.deadlines)
            .finish_non_exhaustive()
    }
}
