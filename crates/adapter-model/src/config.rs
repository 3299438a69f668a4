//! The configuration of a model, with a default for everything but its name.

use std::time::Duration;

use crate::coalesce::Coalesce;
use crate::model_name::ModelName;
use crate::retry::RetryPolicy;
use crate::secret::{ApiKey, Endpoint};

mod key_file;
mod settings;

pub use key_file::{KEY_FILE_BYTES, KeyFileError};
pub use settings::{ENDPOINT_VARIABLE, KEY_FILE_VARIABLE, MODEL_VARIABLE, ModelConfigError};

/// Time to establish a connection, including TLS.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Time until a response begins: models reason before they reply, and a local one is first
/// loaded from disk.
pub const FIRST_BYTE_TIMEOUT: Duration = Duration::from_secs(120);
/// Time without any bytes in the middle of a response.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// Bytes of conversation that are sent at most: about 64 k tokens of English, half the
/// context of usual hosted models.
pub const CONTEXT_BYTES: usize = 256 * 1024;
/// Tokens of a reply at most, for providers that require a limit (Anthropic): a value that
/// all of its current models accept.
pub const MAX_OUTPUT_TOKENS: u32 = 8_192;

/// Limits of waiting for a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// See [`CONNECT_TIMEOUT`].
    pub connect: Duration,
    /// See [`FIRST_BYTE_TIMEOUT`]. Counts from the start of an attempt to the first byte of
    /// the response's body.
    pub first_byte: Duration,
    /// See [`IDLE_TIMEOUT`].
    pub idle: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: CONNECT_TIMEOUT,
            first_byte: FIRST_BYTE_TIMEOUT,
            idle: IDLE_TIMEOUT,
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
    /// See [`CONTEXT_BYTES`].
    pub context_bytes: usize,
    /// See [`MAX_OUTPUT_TOKENS`].
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
            context_bytes: CONTEXT_BYTES,
            max_output_tokens: MAX_OUTPUT_TOKENS,
            coalesce: Coalesce::default(),
        }
    }
}
