//! Finds the server of a client command and its token: flags first, then the environment,
//! then the files that running servers leave for their owner.

use std::ffi::OsString;
use std::path::PathBuf;

use http_api::Token;
use jiff::Timestamp;
use registry_core::RunId;
use yoi_workspace_server::failure_notes;
use yoi_workspace_server::server_file::{self, RunningServer, StorePlace};
use yoi_workspace_server::token_file;

use crate::args::{ClientArgs, ServerUrl, ServerUrlError};
use crate::error::{Error, Unreachable, UsageError};

const SERVER_VARIABLE: &str = "YOI_SERVER";
const TOKEN_FILE_VARIABLE: &str = "YOI_TOKEN_FILE";

/// The server to use.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) server: ServerUrl,
    /// `None` when no token is known; the server may not ask for one.
    pub(crate) token: Option<Token>,
    /// Servers that run here as well and were passed over; 0 when the server was named.
    pub(crate) other_servers: usize,
}

/// Finds the server that `args` and the environment name. `variable` reads the environment;
/// `running` lists the servers that run here, newest first.
pub(crate) fn find(
    args: &ClientArgs,
    variable: impl Fn(&str) -> Option<OsString>,
    running: impl FnOnce() -> Vec<RunningServer>,
) -> Result<Target, Error> {
    // An empty variable counts as unset.
    let variable = |name| variable(name).filter(|value| !value.is_empty());
    let named = match (&args.server, variable(SERVER_VARIABLE)) {
        (Some(server), _) => Some(server.clone()),
        (None, Some(text)) => Some(parse(text).map_err(UsageError::ServerVariable)?),
        (None, None) => None,
    };
    let token_file = args.token_file.clone();
    let token_file = token_file.or_else(|| variable(TOKEN_FILE_VARIABLE).map(PathBuf::from));
    let given = token_file.map(read_token).transpose()?;

    let running = running()
        .into_iter()
        .filter_map(|server| Some((server.url.parse().ok()?, server.token)));
    let mut running: Vec<(ServerUrl, Option<Token>)> = running.collect();
    if let Some(server) = named {
        // The token of exactly this address: another name of the same host might lead to
        // another program.
        let known = running.into_iter().find(|(url, _)| *url == server);
        return Ok(Target {
            server,
            token: given.or(known.and_then(|(_, token)| token)),
            other_servers: 0,
        });
    }
    if running.is_empty() {
        return Err(Unreachable::NoneFound.into());
    }
    let (server, token) = running.remove(0);
    Ok(Target {
        server,
        token: given.or(token),
        other_servers: running.len(),
    })
}

/// Finds the server at `known` again or, once that has ended, its replacement: one that
/// started after `since`. A server that ran all along, or that was started while `known`
/// still runs, belongs to another workspace.
pub(crate) fn find_again(
    args: &ClientArgs,
    variable: impl Fn(&str) -> Option<OsString>,
    known: &ServerUrl,
    since: Timestamp,
    running: impl FnOnce() -> Vec<RunningServer>,
) -> Result<Target, Error> {
    let mut servers = running();
    let is_known = |server: &RunningServer| server.url.parse().as_ref() == Ok(known);
    if servers.iter().any(is_known) {
        servers.retain(is_known);
    } else {
        servers.retain(|server| server.started_at > since);
    }
    find(args, variable, || servers)
}

/// The servers that run here, newest first.
pub(crate) fn running_here() -> Vec<RunningServer> {
    let directory = server_file::directory(|name| std::env::var_os(name).map(PathBuf::from));
    directory
        .map(|directory| server_file::running(&directory))
        .unwrap_or_default()
}

/// Where a server keeps its workers, if it runs here and for this user.
pub(crate) fn store_of(server: &ServerUrl) -> Option<StorePlace> {
    let is_it = |running: &RunningServer| running.url.parse().as_ref() == Ok(server);
    running_here()
        .into_iter()
        .find(is_it)
        .map(|running| running.store)
}

/// What the provider said of a run that failed, if the server runs here and for this user.
pub(crate) fn provider_words(server: &ServerUrl, run: &RunId) -> Option<String> {
    let directory = server_file::directory(|name| std::env::var_os(name).map(PathBuf::from))?;
    let address = server.to_string().strip_prefix("http://")?.parse().ok()?;
    failure_notes::words_of(&directory, address, run.as_str())
}

fn parse(text: OsString) -> Result<ServerUrl, ServerUrlError> {
    let text = text.into_string();
    text.map_err(|_| ServerUrlError::NotAUrl)?.parse()
}

fn read_token(path: PathBuf) -> Result<Token, UsageError> {
    token_file::read(&path).map_err(|source| UsageError::TokenFile { path, source })
}

#[cfg(test)]
mod tests;
