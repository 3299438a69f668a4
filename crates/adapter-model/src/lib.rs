//! Model providers behind the embedded runtime's turn engine.
//!
//! It knows providers and their protocols, the keys and addresses that nobody may see,
//! and what to do when one doesn't answer. It knows no registry, no HTTP server, and of
//! the runtime only the port that it implements.
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
//! Nothing that this crate logs, says in an error or shows in a `Debug` holds a key or an
//! endpoint. The libraries below it do log addresses: a host silences [`QUIET_TARGETS`].

// What is set: the model, where it is and how it is asked.
pub mod coalesce;
pub mod config;
mod model_name;
mod provider;
pub mod retry;
pub mod secret;

// What is sent, and what comes back.
pub mod conversation;
pub mod frame;
mod protocol;

// What can go wrong, and what of it may be seen.
mod fault;
mod quiet;
pub mod strike;

// The work itself.
mod engine;
pub mod exchange;
mod reply;

pub use coalesce::Coalesce;
pub use config::{KeyFileError, ModelConfig, ModelConfigError, Timeouts};
pub use engine::{ModelEngine, PROBE_TIME};
pub use model_name::{InvalidModelName, MODEL_NAME_MAX_CHARS, ModelName};
pub use quiet::QUIET_TARGETS;
pub use retry::RetryPolicy;
pub use secret::{ApiKey, Endpoint, InvalidEndpoint, InvalidKey};
