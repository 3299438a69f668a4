//! Builds one server of the embedded runtime, the sources, the registry and the HTTP API, and runs
//! it as a process.
//!
//! Each module knows only those before it: [`args`] (flags), `compose` (the composition root),
//! `profile_dir` (profiles of one's own), `named_tokens` (tokens of single clients), `in_use` (what
//! another server still has), [`listen`] (addresses and sockets), [`failure_notes`] (a
//! provider's words, for the operator), [`logging`], [`store`] (where workers are kept, and what is
//! done with that file), [`config`] (checked settings), [`server`] (start, standby, serving and
//! shutdown), `reload` (what SIGHUP renews), `service_manager` (what systemd is told), `open_files` and [`core_dumps`]
//! (limits of the process), [`entry`] (the process: threads, signals, exit code).

pub mod args;
pub mod config;
pub mod core_dumps;
pub mod entry;
pub mod failure_notes;
pub mod listen;
pub mod logging;
pub mod server;
pub mod server_file;
pub mod signal;
pub mod store;
pub mod store_path;
pub mod token_file;

mod compose;
mod in_use;
mod named_tokens;
mod open_files;
mod private_dir;
mod profile_dir;
mod reload;
mod service_manager;
mod store_metrics;

pub use args::ServeArgs;
pub use compose::{
    ComposeError, Database, DatabaseOpenError, InvalidAddress, InvalidNamedModel, LeaseTime,
    ModelConfig, ModelConfigError, NamedModel, StoreOpenError,
};
pub use config::ServerConfig;
pub use entry::{run, run_with};
pub use named_tokens::{InvalidNamedToken, NamedTokenError, NamedTokenFile};
pub use profile_dir::ProfileDirError;
pub use server::{Listening, Server, ShutdownReport, Standby, Start, StartError};
