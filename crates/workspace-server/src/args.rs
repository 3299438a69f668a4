//! The server's flags and environment variables.

mod store;
mod variables;

use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum};
use registry_core::DisplayName;
use worker_runtime::{LimitName, OfflineEngine};

pub use store::{InvalidWorkspaceName, StoreAccess, StoreArgs, WorkspaceName};
pub use variables::parse;

use crate::compose::LeaseTime;
use crate::listen::ListenAddress;
use crate::named_tokens::NamedTokenFile;

/// The workspace's name when none is set; never the directory's (ADR 10).
pub const DISPLAY_NAME_DEFAULT: &str = "Workspace";

/// Where the server listens when nothing is set.
pub const LISTEN_DEFAULT: &str = "127.0.0.1:8787";

/// Settings of the server. A flag wins over its environment variable. Parse them with [`parse`].
#[derive(Args, Clone)]
pub struct ServeArgs {
    /// Address to listen on; may be given several times. HOST:PORT with a name or an address,
    /// PORT on this machine, :PORT on all its IPv4 addresses, or unix:PATH for a socket that its
    /// owner alone can use. Any but a loopback address or a socket needs `--auth token`
    #[arg(
        long,
        env = "YOI_LISTEN",
        value_name = "ADDR",
        value_delimiter = ',',
        default_value = LISTEN_DEFAULT,
        hide_env_values = true
    )]
    pub listen: Vec<ListenAddress>,

    /// The workspace, and where its workers are kept
    #[command(flatten)]
    pub place: StoreArgs,

    /// Display name of the workspace; the directory's name is never shown
    #[arg(
        long,
        env = "YOI_NAME",
        value_name = "TEXT",
        default_value = DISPLAY_NAME_DEFAULT
    )]
    pub name: DisplayName,

    /// Directory with records of older local tooling [default: $YOI_DATA_DIR, else $YOI_HOME, else ~/.yoi]
    #[arg(long, value_name = "DIR")]
    pub local_data_dir: Option<PathBuf>,

    /// Who may use the API: bearers of the token, or everybody (loopback addresses only)
    #[arg(long, env = "YOI_AUTH", value_enum, default_value_t = AuthMode::Token)]
    pub auth: AuthMode,

    /// File or pipe with the token, readable only by its owner or mounted as a secret; read at the
    /// start and on SIGHUP; without it each start generates a new token
    #[arg(
        long,
        env = "YOI_TOKEN_FILE",
        value_name = "FILE",
        hide_env_values = true
    )]
    pub token_file: Option<PathBuf>,

    /// Token of one client, besides the server's own; may be given several times. Settings follow
    /// the file: `,scope=read` (or `operate`), and quotas of what the client may use at once,
    /// `,runs=N`, `,polls=N`, `,bytes=N` [default: half of all]. The files are read at the start and
    /// on SIGHUP; a client without a usable token is refused then
    #[arg(
        long = "token",
        env = "YOI_NAMED_TOKENS",
        value_name = "NAME=FILE[,SETTING=VALUE]",
        value_delimiter = ';',
        hide_env_values = true
    )]
    pub named_tokens: Vec<NamedTokenFile>,

    /// Additional host that requests may name, as browsers send it: with the port, unless it is
    /// the scheme's default
    #[arg(
        long,
        env = "YOI_ALLOWED_HOST",
        value_name = "HOST[:PORT]",
        value_delimiter = ','
    )]
    pub allowed_host: Vec<String>,

    /// Origin under which a proxy shows this server to browsers, such as `https://yoi.example.org`.
    /// Requests may name its host; if it is https, cookies are `Secure`
    #[arg(long, env = "YOI_PUBLIC_ORIGIN", value_name = "ORIGIN")]
    pub public_origin: Option<String>,

    /// Origin whose pages may call the API, exactly as browsers send it
    #[arg(
        long,
        env = "YOI_ALLOWED_ORIGIN",
        value_name = "ORIGIN",
        value_delimiter = ','
    )]
    pub allowed_origin: Vec<String>,

    /// Milliseconds from SIGTERM, when `/readyz` begins to answer 503, until the server stops to
    /// listen: the time in which a load balancer notices. Ctrl-C ends without it
    #[arg(
        long,
        env = "YOI_DRAIN_GRACE_MS",
        value_name = "N",
        default_value_t = DRAIN_GRACE_DEFAULT_MS,
        value_parser = clap::value_parser!(u64).range(..=DRAIN_GRACE_MAX_MS)
    )]
    pub drain_grace_ms: u64,

    /// Let a crash write the memory to disk, with the token and the provider's key in it
    #[arg(long, env = "YOI_ALLOW_CORE_DUMPS", value_parser = BoolishValueParser::new())]
    pub allow_core_dumps: bool,

    /// Format of the log on standard error
    #[arg(long, env = "YOI_LOG_FORMAT", value_enum, default_value_t = LogFormat::Auto)]
    pub log_format: LogFormat,

    /// What to log, in tracing's filter syntax, for example `info` or `http_api=debug`
    #[arg(long, env = "YOI_LOG", value_name = "FILTER", default_value = "info")]
    pub log: String,

    /// Model that answers, for example `gpt-5-mini`, `claude-sonnet-4-5` or
    /// `ollama::qwen3:4b`; several may be given, the first is the default, and NAME is what clients
    /// see; without one the offline engine answers
    #[arg(
        long,
        env = "YOI_MODEL",
        value_name = "[NAME=]MODEL",
        value_delimiter = ',',
        hide_env_values = true
    )]
    pub model: Vec<String>,

    /// Address of the model's server, as a base URL or as the whole URL that its documents name;
    /// without a provider before `::`, it speaks OpenAI's protocol [default: the provider's usual
    /// variable, such as OPENAI_BASE_URL or OLLAMA_HOST, else its own]
    #[arg(
        long,
        env = "YOI_MODEL_ENDPOINT",
        value_name = "URL",
        hide_env_values = true
    )]
    pub model_endpoint: Option<String>,

    /// File or pipe with the provider's API key, readable only by its owner or mounted as a secret
    /// [default: the provider's
    /// usual variable, such as OPENAI_API_KEY]
    #[arg(
        long,
        env = "YOI_MODEL_KEY_FILE",
        value_name = "FILE",
        hide_env_values = true
    )]
    pub model_key_file: Option<PathBuf>,

    /// Tokens of the model's context, of which four bytes make one [default: 256 KiB of
    /// conversation]
    #[arg(long, env = "YOI_MODEL_CONTEXT_TOKENS", value_name = "N", value_parser = context_tokens())]
    pub model_context_tokens: Option<u32>,

    /// Tokens of a reply at most [default: the provider's own limit; 8192 for Anthropic]
    #[arg(long, env = "YOI_MODEL_MAX_OUTPUT_TOKENS", value_name = "N", value_parser = output_tokens())]
    pub model_max_output_tokens: Option<u32>,

    /// Timeout for connecting to the model's provider, in milliseconds [default: 10000]
    #[arg(long, env = "YOI_MODEL_CONNECT_TIMEOUT_MS", value_name = "N", value_parser = timeout_ms())]
    pub model_connect_timeout_ms: Option<u64>,

    /// Timeout for the first text or thought of a reply, in milliseconds [default: 120000]
    #[arg(long, env = "YOI_MODEL_FIRST_BYTE_TIMEOUT_MS", value_name = "N", value_parser = timeout_ms())]
    pub model_first_byte_timeout_ms: Option<u64>,

    /// Timeout for what comes next of a reply, in milliseconds [default: 60000]
    #[arg(long, env = "YOI_MODEL_IDLE_TIMEOUT_MS", value_name = "N", value_parser = timeout_ms())]
    pub model_idle_timeout_ms: Option<u64>,

    /// Directory with profiles of one's own, a file each; read at the start and on SIGHUP
    #[arg(
        long,
        env = "YOI_PROFILE_DIR",
        value_name = "DIR",
        hide_env_values = true
    )]
    pub profile_dir: Option<PathBuf>,

    /// Keep the workers on a network file system, where their file can be damaged
    #[arg(long, env = "YOI_STORE_ON_NETWORK_FILE_SYSTEM", value_parser = BoolishValueParser::new())]
    pub store_on_network_file_system: bool,

    /// Seconds for which the workspace in the database belongs to a server that doesn't say anything,
    /// 3 to 300: another one takes over after that
    #[arg(long, env = "YOI_STORE_LEASE", value_name = "SECONDS", default_value_t)]
    pub store_lease: LeaseTime,

    /// While another server has the workspace, listen and stand by, and take over when that one ends:
    /// until then `/readyz` answers 503, and so does everything else but `/healthz`
    #[arg(long, env = "YOI_STANDBY", value_parser = BoolishValueParser::new())]
    pub standby: bool,

    /// Delete workers that were stopped and not used for so many days [default: never]
    #[arg(long, env = "YOI_DELETE_STOPPED_AFTER", value_name = "DAYS", value_parser = days())]
    pub delete_stopped_after: Option<u32>,

    /// Milliseconds between the words of the offline engine's reply; 0 turns pacing off
    #[arg(
        long,
        env = "YOI_OFFLINE_PACE_MS",
        value_name = "N",
        default_value_t = OfflineEngine::PACE.as_millis() as u64,
        value_parser = clap::value_parser!(u64).range(..=OFFLINE_PACE_MAX_MS)
    )]
    pub offline_pace_ms: u64,

    /// Sets a limit of the embedded runtime, for example `workers=100`; `GET /api/runtimes`
    /// lists the names and units
    #[arg(
        long = "limit",
        env = "YOI_LIMIT",
        value_name = "NAME=N",
        value_delimiter = ','
    )]
    pub limits: Vec<LimitSetting>,
}

/// Time for load balancers to notice an end if none is set, in milliseconds. With
/// [`SHUTDOWN_DEADLINE`](crate::config::SHUTDOWN_DEADLINE) below the five seconds after which an
/// operator may expect the process to be gone.
pub const DRAIN_GRACE_DEFAULT_MS: u64 = 1_000;

/// Longest time for load balancers to notice an end that can be set, in milliseconds: ten minutes.
pub const DRAIN_GRACE_MAX_MS: u64 = 10 * 60 * 1000;

/// Longest pause between two words of the offline engine, in milliseconds. A slower engine would
/// look as if it hung.
pub const OFFLINE_PACE_MAX_MS: u64 = 10_000;

/// Longest timeout for a provider that can be set, in milliseconds: a day.
pub const MODEL_TIMEOUT_MAX_MS: u64 = 24 * 60 * 60 * 1000;

/// Smallest context of a model that can be set, in tokens: instructions and a short question.
pub const MODEL_CONTEXT_TOKENS_MIN: u32 = 256;

/// Largest context of a model that can be set, in tokens: several times that of any model.
pub const MODEL_CONTEXT_TOKENS_MAX: u32 = 16_000_000;

/// Longest reply that can be set, in tokens: beyond the output of any model.
pub const MODEL_OUTPUT_TOKENS_MAX: u32 = 1_000_000;

/// Longest time that can be set until a stopped worker is deleted, in days: a century.
pub const DELETE_STOPPED_AFTER_MAX_DAYS: u32 = 36_500;

fn days() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=i64::from(DELETE_STOPPED_AFTER_MAX_DAYS))
}

fn context_tokens() -> clap::builder::RangedI64ValueParser<u32> {
    let range = i64::from(MODEL_CONTEXT_TOKENS_MIN)..=i64::from(MODEL_CONTEXT_TOKENS_MAX);
    clap::value_parser!(u32).range(range)
}

fn output_tokens() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=i64::from(MODEL_OUTPUT_TOKENS_MAX))
}

fn timeout_ms() -> clap::builder::RangedU64ValueParser {
    clap::value_parser!(u64).range(1..=MODEL_TIMEOUT_MAX_MS)
}

/// Who may use the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AuthMode {
    /// Bearers of the token.
    Token,
    /// Everybody who reaches the port.
    None,
}

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Pretty on a terminal, JSON otherwise.
    Auto,
    /// For people.
    Pretty,
    /// One JSON object a line.
    Json,
}

/// One limit with its new value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitSetting {
    /// Which limit.
    pub name: LimitName,
    /// The value, in the limit's unit.
    pub value: u64,
}

/// Why a text is not a limit setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLimitSetting {
    /// There is no `=`.
    #[error("expected NAME=N")]
    NoValue,
    /// No limit has that name.
    #[error("no such limit; `GET /api/runtimes` lists them")]
    UnknownName,
    /// The value is not a whole number.
    #[error("the value must be a whole number")]
    NotANumber,
}

impl FromStr for LimitSetting {
    type Err = InvalidLimitSetting;

    fn from_str(text: &str) -> Result<Self, InvalidLimitSetting> {
        let (name, value) = text.split_once('=').ok_or(InvalidLimitSetting::NoValue)?;
        let name = LimitName::ALL
            .iter()
            .copied()
            .find(|known| known.as_str() == name.trim())
            .ok_or(InvalidLimitSetting::UnknownName)?;
        let value = value
            .trim()
            .parse()
            .map_err(|_| InvalidLimitSetting::NotANumber)?;
        Ok(Self { name, value })
    }
}

#[cfg(test)]
mod tests;
