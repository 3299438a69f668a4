//! Logs a panic without its message, which may carry what a person wrote. The request's id is
//! in the span that the panic happens in.

use std::panic;

/// The last part of a source file's path: of a dependency the path is one of the build machine.
fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

/// Replaces the process's panic hook. To be called once, at the start of the process.
pub fn install() {
    panic::set_hook(Box::new(|info| {
        let location = info.location();
        tracing::error!(
            file = location.map(|location| file_name(location.file())),
            line = location.map(panic::Location::line),
            "panic"
        );
    }));
}
