//! The local compatibility source: workers known only from the metadata files that older local
//! tooling wrote. It reads an untrusted directory and never writes; a record proves nothing about
//! a live process.
//!
//! Reading order: [`data_dir`] and [`config`], `source` (the ports), `refresh` (when the
//! directory is read), `scan` (how), `progress` (what hangs), [`untrusted_file`], `stamp` and
//! `document` (one file), `workspace` (whose record it is), `translate` and `identity` (what
//! clients see of it), `index` and `sort_key` (the list), `diagnostic` (what is wrong with the
//! rest).
//!
//! Unix only: file names are bytes, and a FIFO must not be able to block a read.

pub mod config;
pub mod data_dir;
pub mod untrusted_file;

mod source;

mod progress;
mod refresh;
mod scan;

mod diagnostic;
mod document;
mod stamp;
mod workspace;

mod identity;
mod translate;

mod index;
mod sort_key;

#[cfg(test)]
mod fixture;

pub use config::{LocalConfig, LocalLimits};
pub use source::{DISPLAY_NAME, LocalSource, RUNTIME_ID};
