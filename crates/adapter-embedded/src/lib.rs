//! The embedded source: every port, implemented on [`worker_runtime::Runtime`] by direct
//! library calls. Between the two there is no endpoint, no token and no socket.

mod source;
mod translate;

pub use source::{EmbeddedSource, RUNTIME_ID};
