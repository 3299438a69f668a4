//! Which server a client command asks, and the token that gets in: flags first, then the
//! environment, then the files that running servers leave for their owner.

mod token_file;

use std::ffi::OsString;
use std::path::PathBuf;

use http_api::Token;
use jiff::Timestamp;
use yoi_workspace_server::server_file::{self, RunningServer};

use crate::args::{ClientArgs, ServerUrl, ServerUrlError};
use crate::failure::{Failure, Unreachable, UsageError};

/// Names the server, when `--server` does not.
const SERVER_VARIABLE: &str = "YOI_SERVER";
/// Names the file of the token, when `--token-file` does not.
const TOKEN_FILE_VARIABLE: &str = "YOI_TOKEN_FILE";

/// A server that was found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) server: ServerUrl,
    /// `None` when nothing is known to get in: the server may not ask for anything.
    pub(crate) token: Option<Token>,
    /// How it was chosen.
    pub(crate) choice: Choice,
}

/// How a server was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    /// It was named.
    Named,
    /// It is the newest of this many that run.
    NewestOf(usize),
}

/// Finds the server that `args` and the environment mean. `variable` reads the environment;
/// `running` lists the servers that run here, newest first.
pub(crate) fn find(
    args: &ClientArgs,
    variable: impl Fn(&str) -> Option<OsString>,
    running: impl FnOnce() -> Vec<RunningServer>,
) -> Result<Found, Failure> {
    // An empty variable counts as unset.
    let variable = |name| variable(name).filter(|value| !value.is_empty());
    let named = match (&args.server, variable(SERVER_VARIABLE)) {
        (Some(server), _) => Some(server.clone()),
        (None, Some(text)) => Some(from_variable(text).map_err(UsageError::ServerVariable)?),
        (None, None) => None,
    };
    let token_file = match &args.token_file {
        Some(path) => Some(path.clone()),
        None => variable(TOKEN_FILE_VARIABLE).map(PathBuf::from),
    };
    let given = token_file.as_deref().map(token_file::read).transpose()?;

    let Some(server) = named else {
        let (found, newest_of) = newest(running())?;
        let (server, token) = found;
        let token = given.or(token);
        return Ok(Found {
            server,
            token,
            choice: Choice::NewestOf(newest_of),
        });
    };
    let token = given.or_else(|| token_of(&server, running()));
    Ok(Found {
        server,
        token,
        choice: Choice::Named,
    })
}

/// Finds the server at `known` again, or, once that has ended, the one that took its place:
/// one that started after `since`. A server that ran beside it all along is somebody else's,
/// and so is one that was started while it still runs.
pub(crate) fn find_again(
    args: &ClientArgs,
    variable: impl Fn(&str) -> Option<OsString>,
    known: &ServerUrl,
    since: Timestamp,
    running: impl FnOnce() -> Vec<RunningServer>,
) -> Result<Found, Failure> {
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

fn from_variable(text: OsString) -> Result<ServerUrl, ServerUrlError> {
    text.into_string()
        .map_err(|_| ServerUrlError::NotAUrl)?
        .parse()
}

/// The newest server with an address that can be asked, and how many such there are.
fn newest(running: Vec<RunningServer>) -> Result<((ServerUrl, Option<Token>), usize), Unreachable> {
    let mut servers = running
        .into_iter()
        .filter_map(|server| Some((server.url.parse().ok()?, server.token)));
    let newest = servers.next().ok_or(Unreachable::NoneFound)?;
    Ok((newest, 1 + servers.count()))
}

/// The token of the running server with exactly this address: another name of the same host
/// might be answered by another program.
fn token_of(server: &ServerUrl, running: Vec<RunningServer>) -> Option<Token> {
    running
        .into_iter()
        .find(|other| other.url.parse().as_ref() == Ok(server))
        .and_then(|other| other.token)
}

#[cfg(test)]
mod tests;
