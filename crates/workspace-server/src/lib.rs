//! The composition root: makes one server of the embedded runtime, the sources, the registry
//! and the HTTP API, and ends it in good order.
//!
//! Reading order: [`args`] (what a person sets), [`config`] (what that means), `wire` (which
//! parts make the server), [`server`] (its life), [`logging`] (what it tells), [`entry`] (the
//! process around it).

pub mod args;
pub mod config;
pub mod entry;
pub mod logging;
pub mod server;
pub mod server_file;
pub mod token_file;

mod signal;
mod wire;

pub use args::ServeArgs;
pub use config::ServerConfig;
pub use entry::{run, run_with};
pub use server::{Server, StartError, serve};
pub use wire::{ModelConfig, ModelConfigError};
