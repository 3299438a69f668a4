//! The configuration of a model, with a default for everything but its name.

use std::time::Duration;

use crate::coalesce::Coalesce;
use crate::model_name::ModelName;
use crate::retry::RetryPolicy;
use crate::secret::{ApiKey, Endpoint};

mod key_file;
mod settings;

pub use key_file::KeyFileError;
pub use settings::{ENDPOINT_VARIABLE, KEY_FILE_VARIABLE, MODEL_VARIABLE, ModelConfigError};

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
    /// The base URL, if it isn't the provider's usual one. The protocol there is the explicit
    /// provider's (see [`ModelName`]), else OpenAI's.
    pub endpoint: Option<Endpoint>,
    /// The provider's API key.
    pub key: Option<ApiKey>,
    /// See [`Timeouts`].
    pub timeouts: Timeouts,
    /// See [`RetryPolicy`].
    pub retry: RetryPolicy,
    /// Bytes of conversation that are sent at most (default: 256 KiB): about 64 k tokens of
    /// English, half the context of usual hosted models.
    pub context_bytes: usize,
    /// Tokens of a reply at most, for providers that require a limit (Anthropic). The default
    /// of 8,192 is accepted by all of its current models.
    pub max_output_tokens: u32,
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
            key: None,
            timeouts: Timeouts::default(),
            retry: RetryPolicy::default(),
            context_bytes: 256 * 1024,
            max_output_tokens: 8_192,
            coalesce: Coalesce::default(),
        }
    }
}
