//! Model providers behind the embedded runtime's turn engine.
//!
//! [`ModelEngine`] implements `worker_runtime::TurnEngine`: it sends a worker's conversation
//! to a provider and streams the reply back. The crate knows no registry and no HTTP server.
//!
//! A provider that speaks a known protocol is one entry in the table of `provider.rs`. A new
//! protocol is one module under `protocol/` that implements the trait in `protocol.rs`.
//!
//! ```no_run
//! use std::sync::Arc;
//! use adapter_model::{ModelConfig, ModelEngine};
//! use worker_runtime::Runtime;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let env = |variable: &str| std::env::var_os(variable);
//! let config = ModelConfig::from_settings("ollama::qwen3:4b", None, None, env)?;
//! let engine = ModelEngine::new(&config)?;
//! println!("workers answer with {}", engine.public_name());
//! let runtime = Runtime::builder().engine(Arc::new(engine)).build()?;
//! # Ok(())
//! # }
//! ```
//!
//! No log, error or `Debug` output of this crate contains a key or an endpoint. The libraries
//! below it do log addresses, so a host must silence [`SILENCED_TARGETS`].

// Configuration.
mod coalesce;
pub mod config;
mod model_name;
mod provider;
mod retry;
pub mod secret;
pub mod secret_file;

// Requests and responses.
mod context_budget;
mod event_decoder;
mod prompt;
mod protocol;

// Errors, and what may be logged of them.
mod error;
mod redact;
mod silenced_targets;

// The engine.
mod client;
mod engine;
mod forwarder;
mod model_set;
mod resolver;
mod response_stream;
mod think_splitter;

pub use coalesce::Coalesce;
pub use config::{InvalidProxy, KeyFileError, ModelConfig, ModelConfigError, Proxy, Timeouts};
pub use engine::{ModelEngine, PROBE_TIMEOUT, RunFailure};
pub use model_name::{InvalidModelName, MODEL_NAME_MAX_CHARS, ModelName};
pub use model_set::{
    InvalidNamedModel, MODELS_MAX, ModelSet, ModelSetError, NamedModel, PUBLIC_NAME_MAX_CHARS,
};
pub use retry::RetryPolicy;
pub use secret::{ApiKey, Endpoint, InvalidEndpoint, InvalidKey};
pub use secret_file::SecretFileError;
pub use silenced_targets::SILENCED_TARGETS;
