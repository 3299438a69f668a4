//! Finds the server of a client command and its token: flags first, then the environment,
//! then the files that running servers leave for their owner. Which of those it is, [`choice`]
//! says.

mod choice;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use http_api::Token;
use registry_core::RunId;
use yoi_workspace_server::args::LISTEN_DEFAULT;
use yoi_workspace_server::failure_notes;
use yoi_workspace_server::listen::ListenAddress;
use yoi_workspace_server::server_file::{self, RunningServers, StorePlace};
use yoi_workspace_server::token_file;

use crate::args::{ClientArgs, ServerUrl, ServerUrlError};
use crate::error::{Error, Unreachable, UsageError};
pub(crate) use choice::{Reason, Target};
use choice::{choose, choose_again};

const SERVER_VARIABLE: &str = "YOI_SERVER";
const LISTEN_VARIABLE: &str = "YOI_LISTEN";
const TOKEN_FILE_VARIABLE: &str = "YOI_TOKEN_FILE";

/// Finds the server that `args` and the environment name, else that of the canonical `directory`.
/// `variable` reads the environment.
pub(crate) fn find(
    args: &ClientArgs,
    variable: impl Fn(&str) -> Option<OsString>,
    directory: Option<&Path>,
    running: &RunningServers,
) -> Result<Target, Error> {
    let named = named(args, &variable)?;
    let given = given_token(args, variable)?;
    let target = choose(running, directory, named)?;
    Ok(with_token(target, given))
}

/// Finds where to ask whether a server is ready, which needs no token: as [`find`], and where no
/// server has a file, at the address at which `yoi serve` would listen.
pub(crate) fn find_without_token(
    args: &ClientArgs,
    variable: impl Fn(&str) -> Option<OsString>,
    directory: Option<&Path>,
    running: impl FnOnce() -> RunningServers,
) -> Result<Target, Error> {
    if let Some(server) = named(args, &variable)? {
        return Ok(Target::named(server, None));
    }
    match choose(&running(), directory, None) {
        Ok(mut target) => {
            target.token = None;
            Ok(target)
        }
        Err(Unreachable::NoneFound) => {
            let server = listening_at(variable).ok_or(Unreachable::NoneFound)?;
            Ok(Target::named(server, None))
        }
        Err(error) => Err(error.into()),
    }
}

/// Finds the server that `known` was or, once that has ended, its replacement: one of the same
/// workspace.
pub(crate) fn find_again(
    args: &ClientArgs,
    variable: impl Fn(&str) -> Option<OsString>,
    known: &Target,
    running: &RunningServers,
) -> Result<Target, Error> {
    let given = given_token(args, variable)?;
    Ok(with_token(choose_again(running, known)?, given))
}

/// The servers that run here.
pub(crate) fn running_here() -> RunningServers {
    server_file::running_in(&directories())
}

fn directories() -> Vec<PathBuf> {
    server_file::directories_to_search(|name| std::env::var_os(name).map(PathBuf::from))
}

/// The current directory, links resolved.
pub(crate) fn current_directory() -> Option<PathBuf> {
    std::env::current_dir().ok()?.canonicalize().ok()
}

/// Where a server keeps its workers, if it runs here and for this user.
pub(crate) fn store_of(server: &ServerUrl) -> Option<StorePlace> {
    let mut servers = running_here().servers.into_iter();
    let found = servers.find(|running| running.url.parse().as_ref() == Ok(server));
    found.map(|running| running.store)
}

/// What the provider said of a run that failed, if the server runs here and for this user.
pub(crate) fn provider_words(server: &ServerUrl, run: &RunId) -> Option<String> {
    let address = server.to_string().strip_prefix("http://")?.parse().ok()?;
    let mut directories = directories().into_iter();
    directories.find_map(|it| failure_notes::words_of(&it, address, run.as_str()))
}

/// The server that the flag or the variable names.
fn named(
    args: &ClientArgs,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<Option<ServerUrl>, UsageError> {
    if let Some(server) = &args.server {
        return Ok(Some(server.clone()));
    }
    let text = set(SERVER_VARIABLE, variable);
    let server = text.map(parse).transpose();
    server.map_err(UsageError::ServerVariable)
}

/// The first of the addresses at which `yoi serve` listens with this environment.
fn listening_at(variable: impl Fn(&str) -> Option<OsString>) -> Option<ServerUrl> {
    let addresses = match set(LISTEN_VARIABLE, variable) {
        Some(addresses) => addresses.into_string().ok()?,
        None => LISTEN_DEFAULT.to_owned(),
    };
    let addresses = addresses.split(',').filter_map(|text| text.parse().ok());
    let mut urls = addresses.filter_map(|address: ListenAddress| address.url());
    urls.next()?.parse().ok()
}

fn parse(text: OsString) -> Result<ServerUrl, ServerUrlError> {
    let text = text.into_string();
    text.map_err(|_| ServerUrlError::NotAUrl)?.parse()
}

/// The value of a variable; an empty one counts as unset.
fn set(name: &str, variable: impl Fn(&str) -> Option<OsString>) -> Option<OsString> {
    variable(name).filter(|value| !value.is_empty())
}

/// The token in the file that the user named.
fn given_token(
    args: &ClientArgs,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<Option<Token>, UsageError> {
    let file = args.token_file.clone();
    let file = file.or_else(|| set(TOKEN_FILE_VARIABLE, variable).map(PathBuf::from));
    file.map(read_token).transpose()
}

fn with_token(mut target: Target, given: Option<Token>) -> Target {
    target.token = given.or(target.token);
    target
}

fn read_token(path: PathBuf) -> Result<Token, UsageError> {
    token_file::read(&path).map_err(|source| UsageError::TokenFile { path, source })
}

#[cfg(test)]
mod tests;
