//! The configuration of a model, with a default for everything but its name.

use std::time::Duration;

use crate::coalesce::Coalesce;
use crate::model_name::ModelName;
use crate::retry::RetryPolicy;
use crate::secret::{ApiKey, Endpoint};

mod environment;
mod error;
mod key_file;
mod proxy;
mod settings;

pub use error::ModelConfigError;
pub use key_file::KeyFileError;
pub use proxy::{InvalidProxy, Proxy};
pub use settings::{ENDPOINT_VARIABLE, KEY_FILE_VARIABLE, MODEL_VARIABLE};

/// Limits of waiting for a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Time to establish a connection, including TLS (default: 10 s).
    pub connect: Duration,
    /// Time from the start of an attempt to the first byte of the response's body (default:
    /// 120 s): models reason before they reply, and a local one is first loaded from disk.
    pub first_byte: Duration,
    /// Time without any bytes in the middle of a response (default: 60 s).
    pub idle: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            first_byte: Duration::from_secs(120),
            idle: Duration::from_secs(60),
        }
    }
}

/// A model and how it is reached. `Debug` shows no secret.
#[derive(Debug, Clone)]
pub struct ModelConfig {
    /// The model's name.
    pub model: ModelName,
    /// The address, if it isn't the provider's usual one. The protocol there is the explicit
    /// provider's (see [`ModelName`]), else that of the provider with such an address, else
    /// OpenAI's.
    pub endpoint: Option<Endpoint>,
    /// The proxy on the way to the address, which must not be one of this machine.
    pub proxy: Option<Proxy>,
    /// The provider's API key.
    pub key: Option<ApiKey>,
    /// See [`Timeouts`].
    pub timeouts: Timeouts,
    /// See [`RetryPolicy`].
    pub retry: RetryPolicy,
    /// Bytes of conversation that are sent at most (default: 256 KiB): about 64 k tokens of
    /// English, half the context of usual hosted models.
    pub context_bytes: usize,
    /// Tokens of the model's context, if they are known; Ollama is asked for as many. Set it
    /// with [`ModelConfig::with_token_limits`], which sets `context_bytes` too.
    pub context_tokens: Option<u32>,
    /// Tokens of a reply at most. By default the provider decides, except for Anthropic, which
    /// requires a limit and gets 8,192.
    pub max_output_tokens: Option<u32>,
    /// See [`Coalesce`].
    pub coalesce: Coalesce,
}

impl ModelConfig {
    /// This model at its provider's usual base URL, without a key.
    #[must_use]
    pub fn new(model: ModelName) -> Self {
        Self {
            model,
            endpoint: None,
            proxy: None,
            key: None,
            timeouts: Timeouts::default(),
            retry: RetryPolicy::default(),
            context_bytes: 256 * 1024,
            context_tokens: None,
            max_output_tokens: None,
            coalesce: Coalesce::default(),
        }
    }
}
