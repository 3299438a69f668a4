//! Handlers: each parses through its extractors, asks the registry once, and answers with what it
//! said. Its function's name is the operation's id in the OpenAPI document, and its doc comment
//! the operation's summary and description there.
//!
//! A handler holds nothing of the request while it waits: the extractors have consumed it.

pub(crate) mod conversation;
pub(crate) mod page;
pub(crate) mod runtime;
pub(crate) mod server;
pub(crate) mod session;
pub(crate) mod worker;
