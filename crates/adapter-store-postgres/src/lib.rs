//! The runtime's store of workers in a PostgreSQL database, which many workspaces can share.
//!
//! One server owns a workspace, by a lease that it renews; whoever takes over raises the generation, and
//! every transaction is fenced by it. Commits go through one connection, which puts everything that
//! waits for it into one transaction; reads have a pool of others. No error or log line above `debug`
//! names a host, a user or a password.

// The database: where it is, who may use it, and what is in it.
mod database;
mod passfile;
mod schema;

// Who owns a workspace.
mod candidate;
mod lease;

// Rows, and what is done with them.
mod failure;
mod profiles;
mod read;
mod translate;
mod write;

// The tasks, and the store in front of them.
mod store;
mod writer;

// Moving workers from and to other stores.
mod copy;

pub use candidate::{Candidate, OpenError};
pub use copy::WorkspaceCopy;
pub use database::{Database, InvalidAddress, Secrets, is_address};
pub use lease::{InvalidLease, LeaseTime};
pub use store::PostgresStore;
