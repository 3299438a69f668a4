//! What a panic leaves in the log: its place and the request, never its message, which may
//! carry what a person wrote.

use std::panic;

use crate::request_id::RequestId;

/// The last part of a source file's path: for code of others the path is one of the machine
/// that built it.
fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

/// Replaces the process's panic hook. The composition root calls it once, at the start.
pub fn install() {
    panic::set_hook(Box::new(|info| {
        let place = info.location();
        tracing::error!(
            file = place.map(|place| file_name(place.file())),
            line = place.map(panic::Location::line),
            request_id = RequestId::current().map(tracing::field::display),
            "panic"
        );
    }));
}
