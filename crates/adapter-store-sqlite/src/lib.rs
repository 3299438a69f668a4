//! The runtime's store of workers in an SQLite file.
//!
//! One process owns a store. Commits go through one thread, which puts everything that waits for
//! it into one transaction; reads have threads of their own. No error, log line above `debug` or
//! metric names a path.

// The file: who owns it, where it may be, and what is in it.
mod connection;
mod file;
mod file_system;
mod lock;
mod open;
mod options;
mod owned_file;
mod schema;

// Rows, and what is done with them.
mod failure;
mod read;
mod translate;
mod unwritable;
mod write;

// The threads, and the store in front of them.
mod pending;
mod readers;
mod store;
mod writer;

// What an operator does with a file.
pub mod maintenance;

pub use open::OpenError;
pub use options::{NetworkFileSystems, Options};
pub use pending::PendingStore;
pub use store::SqliteStore;
