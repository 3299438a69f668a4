//! The server: whether it is there, takes requests, lets us in, and speaks our version.

use http_api::wire::API_VERSION;

use super::check::Check;
use crate::args::ServerUrl;
use crate::client::Client;
use crate::failure::{Failure, UsageError};

/// The row about a server, or a token, that could not be found; `None` when `failure` is
/// about what was typed.
pub(super) fn not_found(failure: &Failure) -> Option<Check> {
    // The failures name the file; a row does not.
    let token_file = |detail| Some(Check::failed("token", detail));
    match failure {
        Failure::Unreachable(_) => Some(Check::failed_by("server", failure)),
        Failure::Usage(UsageError::TokenFileUnreadable { .. }) => {
            token_file("the token file can't be read").map(|check| {
                check.advise("see that --token-file or YOI_TOKEN_FILE names one that is yours")
            })
        }
        Failure::Usage(UsageError::TokenFileShared { .. }) => {
            token_file("the token file can be read by others")
                .map(|check| check.advise("`chmod 600` it"))
        }
        Failure::Usage(UsageError::TokenFileInvalid { .. }) => {
            token_file("the token file holds no token")
                .map(|check| check.advise("put the server's token on its first line"))
        }
        Failure::Usage(_)
        | Failure::Refused(_)
        | Failure::NotOurAnswer { .. }
        | Failure::RunEnded(_)
        | Failure::TakesNothing { .. }
        | Failure::EndlessList { .. }
        | Failure::Interrupted
        | Failure::Output(_)
        | Failure::Setup(_) => None,
    }
}

/// Adds the rows about the server at `url`.
pub(super) async fn examine(
    client: &Client,
    url: &ServerUrl,
    token_known: bool,
    checks: &mut Vec<Check>,
) -> Result<(), Failure> {
    match client.health().await {
        Ok(_) => checks.push(Check::ok("server", format!("runs at {url}"))),
        Err(failure) => {
            checks.push(Check::failed_by("server", &failure));
            return Err(failure);
        }
    }
    checks.push(match client.readiness().await {
        Ok(_) => Check::ok("ready", "takes requests"),
        Err(failure) => Check::failed_by("ready", &failure),
    });
    let workspace = match client.workspace().await {
        Ok(answer) => answer.value,
        Err(failure) => {
            checks.push(Check::failed_by("token", &failure));
            return Err(failure);
        }
    };
    checks.push(Check::ok(
        "token",
        if token_known {
            "accepted"
        } else {
            "none needed"
        },
    ));
    let (server, api) = (&workspace.server_version, workspace.api_version);
    let said = format!("server {server}, API {api}");
    checks.push(if api == API_VERSION {
        Check::ok("version", said)
    } else {
        let ours = env!("CARGO_PKG_VERSION");
        Check::failed("version", said).advise(format!(
            "this is yoi {ours} for API {API_VERSION}; use the version of the server"
        ))
    });
    Ok(())
}
