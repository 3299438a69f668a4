//! Checks that must hold of any input, however hostile. Each makes an input of a fuzzer's bytes,
//! gives it to the product through its public interfaces, and panics when the outcome breaks a
//! rule that is written down here a second time, from the documents and not from the code.
//!
//! The targets in `fuzz/` run the checks with libFuzzer; the tests of this crate run them on a
//! stable compiler, with the fuzzer's corpus and with generated inputs.
//!
//! Reading order: `marker` (finding rejected text in a refusal), [`names`] (ids, cursors,
//! tokens), [`local_metadata`], `server` and `response` (the wired server without a socket),
//! [`requests`] (any request), [`bodies`] (bodies of an authorised client).

mod marker;

pub mod local_metadata;
pub mod names;

mod response;
mod server;

pub mod bodies;
pub mod requests;

pub use server::ServerFixture;
