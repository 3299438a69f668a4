//! The server: does it respond, is it ready, does it accept the token, is the version right.

use http_api::wire::API_VERSION;

use super::check::Check;
use crate::client::Client;
use crate::error::{Error, UsageError};

/// The row about a server or token that `error` says can't be used; `None` when the command
/// line itself is wrong.
pub(super) fn not_found(error: &Error) -> Option<Check> {
    if let Error::Usage(UsageError::TokenFile { source, .. }) = error {
        // Without the path.
        let advice = "put the server's token in a private file and name it with --token-file";
        let cause = std::error::Error::source(source);
        let cause = cause.map_or_else(String::new, |cause| format!(": {cause}"));
        return Some(Check::failed("token", format!("{source}{cause}")).advise(advice));
    }
    matches!(error, Error::Unreachable(_)).then(|| Check::error("server", error))
}

pub(super) async fn check(client: &Client, checks: &mut Vec<Check>) -> Result<(), Error> {
    if let Err(error) = client.health().await {
        checks.push(Check::error("server", &error));
        return Err(error);
    }
    checks.push(Check::ok("server", format!("runs at {}", client.server())));
    checks.push(match client.readiness().await {
        Ok(_) => Check::ok("ready", "accepts requests"),
        Err(error) => Check::error("ready", &error),
    });
    let workspace = match client.workspace().await {
        Ok(response) => response.value,
        Err(error) => {
            checks.push(Check::error("token", &error));
            return Err(error);
        }
    };
    let token = match &client.target().token {
        Some(_) => "accepted",
        None => "none needed",
    };
    checks.push(Check::ok("token", token));
    let (server, api) = (&workspace.server_version, workspace.api_version);
    let versions = format!("server {server}, API {api}");
    checks.push(if api == API_VERSION {
        Check::ok("version", versions)
    } else {
        let ours = env!("CARGO_PKG_VERSION");
        Check::failed("version", versions).advise(format!(
            "this is yoi {ours} for API {API_VERSION}; use the version of the server"
        ))
    });
    Ok(())
}
