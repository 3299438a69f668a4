//! The local compatibility source: workers known only from the metadata files that older
//! local tooling wrote. Knows that format and how to read a directory that nobody vouches
//! for; it never writes, and a record proves nothing about a live process.
//!
//! Reading order: [`data_dir`] (where the records are), [`config`] (what is read, and how
//! much of it), `source` (the ports), `refresh` (when the directory is read), `scan` (how),
//! `metadata_file` and `document` (one file, and what it says), `workspace` (whose record it
//! is), `translate` and `identity` (what is shown of it), `index` and `place` (the list and
//! its order), `remark` (what is said about the rest).
//!
//! Unix only: file names are bytes, and a FIFO must not be able to block a read.

pub mod config;
pub mod data_dir;

mod source;

mod refresh;
mod scan;

mod document;
mod metadata_file;
mod workspace;

mod identity;
mod translate;

mod index;
mod place;
mod remark;

#[cfg(test)]
mod fixture;

pub use config::{LocalConfig, LocalLimits};
pub use source::{DISPLAY_NAME, LocalSource, RUNTIME_ID};
