//! `doctor --quiet`: whether the server is ready, for the health checks of containers. Reads no
//! token, writes no file, and ends in time.

use std::time::Duration;

use crate::args::ClientArgs;
use crate::client::Client;
use crate::connect::{self, Target};
use crate::error::{Error, Exit, Unreachable};
use crate::output::Terminal;

/// Longest time for the response, the connection and the look-up of a name included: below the
/// usual time-out of health checks, which would end the check without a word.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Asks the server whether it is ready. Prints nothing if it is, else one line on standard error.
pub(super) fn check(args: &ClientArgs, terminal: &mut Terminal) -> Exit {
    let directory = connect::current_directory();
    let variable = |name: &str| std::env::var_os(name);
    let target =
        connect::find_without_token(args, variable, directory.as_deref(), connect::running_here);
    match target.and_then(ask) {
        Ok(()) => Exit::Success,
        Err(error) => {
            terminal.note(&format!("error: {}", error.message()));
            error.exit()
        }
    }
}

fn ask(target: Target) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::Setup)?;
    let asked = runtime.block_on(ready(target));
    // The look-up of a name, on a thread of its own, may take longer than the check.
    runtime.shutdown_background();
    asked
}

async fn ready(target: Target) -> Result<(), Error> {
    let server = target.server.clone();
    let client = Client::new(target)?;
    match tokio::time::timeout(TIMEOUT, client.readiness()).await {
        Ok(response) => response.map(|_| ()),
        Err(_) => Err(Unreachable::TimedOut { server }.into()),
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;
    use tokio::time::Instant;

    use super::*;
    use crate::scripted_server::{Scripted, ScriptedServer, problem};

    #[tokio::test(start_paused = true)]
    async fn a_server_that_does_not_respond_is_given_up_in_time() {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", server.local_addr().unwrap());
        let began = Instant::now();
        let target = Target::named(url.parse().unwrap(), None);
        let error = ready(target).await.unwrap_err();
        assert_eq!(error.exit(), Exit::Unreachable);
        assert_eq!(began.elapsed().as_secs(), TIMEOUT.as_secs());
    }

    #[tokio::test]
    async fn what_is_not_ready_or_no_server_of_ours_fails() {
        for script in [
            problem(503, "shutting_down"),
            Scripted::Text(200, "<html>"),
            Scripted::Text(404, "not here"),
        ] {
            let server = ScriptedServer::start([script]).await;
            let error = ready(server.target()).await.unwrap_err();
            assert_eq!(error.exit(), Exit::Failed);
            assert!(server.requests()[0].starts_with("GET /readyz "));
        }
    }
}
