//! Servers beside the one under test, each in a process of its own that the harness ends.

use std::error::Error;
use std::future::Future;
use std::io::{self, Write as _};
use std::process::ExitCode;

use axum::Router;
use axum::serve::ListenerExt as _;
use rustix::process::{Signal, set_parent_process_death_signal};
use tokio::net::TcpListener;
use tokio::runtime::Builder;

/// Serves on `runtime` until the harness ends the process, or ends itself.
pub(crate) fn run(
    mut runtime: Builder,
    serve: impl Future<Output = Result<(), Box<dyn Error>>>,
) -> ExitCode {
    if set_parent_process_death_signal(Some(Signal::KILL)).is_err() {
        return ExitCode::FAILURE;
    }
    let runtime = runtime.enable_all().build();
    match runtime.map(|runtime| runtime.block_on(serve)) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(_)) | Err(_) => ExitCode::FAILURE,
    }
}

/// A listener on loopback, whose address is the first line of output.
pub(crate) async fn bind() -> io::Result<TcpListener> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    writeln!(io::stdout(), "{}", listener.local_addr()?)?;
    Ok(listener)
}

/// Serves streams: each write goes out at once.
pub(crate) async fn serve_streams(router: Router) -> Result<(), Box<dyn Error>> {
    let listener = bind().await?.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    Ok(axum::serve(listener, router).await?)
}
