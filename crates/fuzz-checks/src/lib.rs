//! What must hold of any input, however hostile. Each check takes a fuzzer's bytes, makes an
//! input of them, gives it to the product by its public doors, and judges the outcome by rules
//! that are written down here a second time, from the documents and not from the code.
//!
//! A check panics when a rule is broken, and returns when all hold. The targets in `fuzz/` feed
//! the checks with libFuzzer; the tests of this crate, on a stable compiler, with the corpus
//! that the fuzzer left and with inputs of their own.
//!
//! Reading order: `marker` (how an echo is recognised), [`names`] (ids, cursors, tokens),
//! [`local_metadata`], `server` and `answer` (the wired server, asked without a socket),
//! [`requests`] (any request at all), [`bodies`] (bodies of a client that may).

mod marker;

pub mod local_metadata;
pub mod names;

mod answer;
mod server;

pub mod bodies;
pub mod requests;

pub use server::World;
