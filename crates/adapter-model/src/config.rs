//! How a model is reached and asked, with a default for everything but its name.

use std::time::Duration;

use crate::coalesce::Coalesce;
use crate::model_name::ModelName;
use crate::retry::RetryPolicy;
use crate::secret::{ApiKey, Endpoint};

mod key_file;
mod settings;

pub use key_file::{KEY_FILE_BYTES, KeyFileError};
pub use settings::{ENDPOINT_VARIABLE, KEY_FILE_VARIABLE, MODEL_VARIABLE, ModelConfigError};

/// How long a connection may take to be made, with TLS.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an answer may take to begin: models think before they speak, and a local one
/// is first read from the disk.
pub const FIRST_BYTE_TIMEOUT: Duration = Duration::from_secs(120);
/// How long nothing may come in the middle of an answer.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// Bytes of conversation that are sent at most: about 64 k tokens of English, half of
/// what the usual hosted models read.
pub const CONTEXT_BYTES: usize = 256 * 1024;
/// Tokens that a reply may have at providers that can't be asked without a limit
/// (Anthropic): what all models that it serves today can write.
pub const MAX_OUTPUT_TOKENS: u32 = 8_192;

/// How long to wait for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// See [`CONNECT_TIMEOUT`].
    pub connect: Duration,
    /// See [`FIRST_BYTE_TIMEOUT`]. Counts from the beginning of an attempt to the first
    /// byte of the answer's body.
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

/// Which model to ask, and how. Its `Debug` shows no secret.
#[derive(Debug, Clone)]
pub struct ModelConfig {
    /// The model.
    pub model: ModelName,
    /// Where it is served, if not where its provider usually does. Unless the model's
    /// name says otherwise, OpenAI's protocol is spoken there.
    pub endpoint: Option<Endpoint>,
    /// What the provider knows the server by.
    pub key: Option<ApiKey>,
    /// How long to wait for what.
    pub timeouts: Timeouts,
    /// What happens when it doesn't work at once.
    pub retry: RetryPolicy,
    /// See [`CONTEXT_BYTES`].
    pub context_bytes: usize,
    /// See [`MAX_OUTPUT_TOKENS`].
    pub max_output_tokens: u32,
    /// When pieces of a reply are passed on.
    pub coalesce: Coalesce,
}

impl ModelConfig {
    /// This model, where its provider usually serves it, without a key.
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
