//! Which of the running servers a command asks: a pure function of their files, the current
//! directory, and the server that the user named.

use std::path::Path;

use http_api::{InstanceId, Token};
use jiff::Timestamp;
use registry_core::DisplayName;
use yoi_workspace_server::server_file::{RunningServer, RunningServers, WorkspaceHash};

use crate::args::ServerUrl;
use crate::error::{ListedServer, Unreachable};

/// The server to ask.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) server: ServerUrl,
    /// `None` when no token is known; the server may not ask for one.
    pub(crate) token: Option<Token>,
    /// Which start of the server is meant; `None` when that is not known.
    pub(crate) instance: Option<InstanceId>,
    pub(crate) reason: Reason,
    /// `None` for a server that the user named and that has no file here.
    file: Option<FileIdentity>,
}

/// Why a server is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The user named it.
    Named,
    /// The current directory is in its workspace. `others` serve the same workspace and are older.
    Workspace { others: usize },
    /// It is of another workspace, but no other server runs.
    OnlyOne { name: Option<DisplayName> },
}

/// What tells a server again.
#[derive(Debug, Clone, PartialEq, Eq)]
struct FileIdentity {
    started_at: Timestamp,
    workspace: Option<WorkspaceHash>,
}

impl Target {
    /// A server that the user named and that has no file here.
    pub(crate) fn named(server: ServerUrl, token: Option<Token>) -> Self {
        Self {
            server,
            token,
            instance: None,
            reason: Reason::Named,
            file: None,
        }
    }

    /// The workspace of the server; `None` when that is not known.
    pub(crate) fn workspace(&self) -> Option<WorkspaceHash> {
        self.file.as_ref().and_then(|file| file.workspace)
    }

    fn of((server, file): (ServerUrl, &RunningServer), reason: Reason) -> Self {
        Self {
            server,
            token: file.token.clone(),
            instance: file.instance.clone(),
            reason,
            file: Some(FileIdentity {
                started_at: file.started_at,
                workspace: file.workspace,
            }),
        }
    }
}

/// Chooses the server that was `named`, else the one of the workspace that `directory`, a
/// canonical path, is in: of nested workspaces the innermost that has one. Without such a server
/// the only one that runs is chosen, and of several none.
pub(crate) fn choose(
    running: &RunningServers,
    directory: Option<&Path>,
    named: Option<ServerUrl>,
) -> Result<Target, Unreachable> {
    if let Some(server) = named {
        // The file of exactly this address: another name of the same host might lead to
        // another program.
        let file = addressed(&running.servers).find(|(url, _)| *url == server);
        return Ok(match file {
            Some(file) => Target::of(file, Reason::Named),
            None => Target::named(server, None),
        });
    }
    for root in directory.into_iter().flat_map(Path::ancestors) {
        let mut servers = addressed(running.of_workspace(root));
        if let Some(newest) = servers.next() {
            let others = servers.count();
            return Ok(Target::of(newest, Reason::Workspace { others }));
        }
    }
    let mut servers: Vec<_> = addressed(&running.servers).collect();
    match (servers.pop(), servers.is_empty()) {
        (None, _) => Err(Unreachable::NoneFound),
        (Some(server), true) => {
            let name = server.1.name.clone();
            Ok(Target::of(server, Reason::OnlyOne { name }))
        }
        (Some(last), false) => {
            servers.push(last);
            let listed = servers.into_iter().map(|(url, file)| ListedServer {
                name: file.name.clone(),
                url,
            });
            Err(Unreachable::Several(listed.collect()))
        }
    }
}

/// Chooses the server that `known` was, or one that has come in its place: of the same workspace,
/// and at the same address if that is what the user named.
pub(crate) fn choose_again(
    running: &RunningServers,
    known: &Target,
) -> Result<Target, Unreachable> {
    let Some(identity) = &known.file else {
        // The user named it, and its address is all that is known of it.
        return Ok(known.clone());
    };
    let is_same_start = |(url, file): &(ServerUrl, &RunningServer)| {
        *url == known.server
            && file.started_at == identity.started_at
            && file.instance == known.instance
    };
    let is_of_workspace =
        |file: &RunningServer| identity.workspace.is_some() && file.workspace == identity.workspace;
    let candidates = addressed(&running.servers)
        .filter(|found| is_same_start(found) || is_of_workspace(found.1))
        .filter(|(url, _)| known.reason != Reason::Named || *url == known.server);
    // The first of the best, which is the newest.
    let best = candidates.min_by_key(|found| (!is_same_start(found), found.0 != known.server));
    best.map(|found| Target::of(found, known.reason.clone()))
        .ok_or_else(|| Unreachable::NotFoundAgain {
            server: known.server.clone(),
        })
}

/// The servers whose address is one.
fn addressed<'a>(
    servers: impl IntoIterator<Item = &'a RunningServer>,
) -> impl Iterator<Item = (ServerUrl, &'a RunningServer)> {
    let servers = servers.into_iter();
    servers.filter_map(|server| Some((server.url.parse().ok()?, server)))
}
