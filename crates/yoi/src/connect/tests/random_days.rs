//! Four servers in four workspaces, started, stopped, killed and restarted in any order, and
//! commands in every directory: each reaches its own server or none. The servers have real files
//! and the same token; what is simulated is the network, where the instance is all that keeps one
//! server from taking what is meant for another.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::Config;

use super::*;

const CASES: u32 = 100;
const COMMANDS: usize = 100;

/// The workspaces; one is in another, and one's name begins like another's.
const WORKSPACES: [&str; 4] = ["a", "ab", "b", "b/inner"];

/// Directories with the workspaces around them, the innermost first.
const DIRECTORIES: [(&str, &[usize]); 9] = [
    ("a", &[0]),
    ("a/src/deep", &[0]),
    ("ab", &[1]),
    ("link", &[0]),
    ("b", &[2]),
    ("b/in", &[2]),
    ("b/inner", &[3, 2]),
    ("b/inner/deep", &[3, 2]),
    ("elsewhere", &[]),
];

/// So few that servers often come to an address that another has left.
const PORTS: u16 = 5;

#[derive(Debug, Clone)]
enum Change {
    Start { workspace: usize, port: u16 },
    Stop { port: u16 },
    Kill { port: u16 },
    Nothing,
}

#[derive(Debug, Clone)]
struct Step {
    before: Change,
    directory: usize,
    named: Option<u16>,
    /// Happens after the command has found its server, and before its request arrives.
    race: Change,
    /// What a conversation that this command begins says later.
    continues_at: usize,
}

fn change() -> impl Strategy<Value = Change> {
    let port = || 0..PORTS;
    prop_oneof![
        4 => (0..WORKSPACES.len(), port())
            .prop_map(|(workspace, port)| Change::Start { workspace, port }),
        2 => port().prop_map(|port| Change::Stop { port }),
        2 => port().prop_map(|port| Change::Kill { port }),
        4 => Just(Change::Nothing),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let named = prop::option::weighted(0.2, 0..PORTS);
    (change(), 0..DIRECTORIES.len(), named, change(), 0..9_usize).prop_map(
        |(before, directory, named, race, continues_at)| Step {
            before,
            directory,
            named,
            race,
            continues_at,
        },
    )
}

struct Server {
    workspace: usize,
    instance: InstanceId,
    file: ServerFile,
}

struct World {
    directory: TempDir,
    servers: BTreeMap<u16, Server>,
    starts: i64,
}

impl World {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        for name in ["a/src/deep", "ab", "b/in", "b/inner/deep", "elsewhere"] {
            std::fs::create_dir_all(directory.path().join(name)).unwrap();
        }
        std::os::unix::fs::symlink("a", directory.path().join("link")).unwrap();
        Self {
            directory,
            servers: BTreeMap::new(),
            starts: 0,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn apply(&mut self, change: &Change) {
        match *change {
            Change::Nothing => {}
            Change::Start { workspace, port } => {
                if !self.servers.contains_key(&port) {
                    self.start(workspace, port);
                }
            }
            Change::Stop { port } => drop(self.servers.remove(&port)),
            Change::Kill { port } => {
                let Some(server) = self.servers.remove(&port) else {
                    return;
                };
                // Its file stays behind, without the lock.
                let name = format!("run/server-127.0.0.1-{port}.json");
                let left = std::fs::read(self.path(&name)).unwrap();
                drop(server.file);
                std::fs::write(self.path(&name), left).unwrap();
                let private = std::fs::Permissions::from_mode(0o600);
                std::fs::set_permissions(self.path(&name), private).unwrap();
            }
        }
    }

    fn start(&mut self, workspace: usize, port: u16) {
        self.starts += 1;
        let instance = InstanceId::generate().unwrap();
        let server = Description {
            address: ([127, 0, 0, 1], port).into(),
            name: WORKSPACES[workspace].parse().unwrap(),
            token: Some(TOKEN.parse().unwrap()),
            instance: instance.clone(),
            started_at: Timestamp::from_second(self.starts).unwrap(),
            store: StorePlace::Memory,
            workspace_root: self.path(WORKSPACES[workspace]),
        };
        let file = ServerFile::write(&self.path("run"), &server).unwrap();
        let server = Server {
            workspace,
            instance,
            file,
        };
        self.servers.insert(port, server);
    }

    fn running(&self) -> RunningServers {
        server_file::running(&self.path("run"))
    }

    /// The workspace whose server takes a request to `target`.
    fn reached_by(&self, target: &Target) -> Option<usize> {
        let server = self.servers.get(&port_and_token(target).0)?;
        let is_meant = target
            .instance
            .as_ref()
            .is_none_or(|id| *id == server.instance);
        is_meant.then_some(server.workspace)
    }

    /// The workspace whose server a command should find; an error tells how many servers run.
    fn expected(&self, step: &Step) -> Result<Option<usize>, usize> {
        if let Some(port) = step.named {
            return Ok(self.servers.get(&port).map(|server| server.workspace));
        }
        let is_served = |workspace: &usize| {
            let mut servers = self.servers.values();
            servers.any(|server| server.workspace == *workspace)
        };
        let around = DIRECTORIES[step.directory].1;
        match around.iter().copied().find(is_served) {
            Some(workspace) => Ok(Some(workspace)),
            None if self.servers.len() == 1 => {
                Ok(self.servers.values().next().map(|server| server.workspace))
            }
            None => Err(self.servers.len()),
        }
    }

    /// Finds the server of a command, as [`find`] does for one at a terminal.
    fn find(&self, step: &Step) -> Result<Target, Error> {
        let url = step.named.map(|port| format!("http://127.0.0.1:{port}"));
        let directory = self.path(DIRECTORIES[step.directory].0).canonicalize();
        let directory = directory.unwrap();
        let args = args(url.as_deref(), None);
        find(&args, unset, Some(&directory), &self.running())
    }
}

/// A conversation that goes on: the server that it found, and the workspace whose server that was.
struct Chat {
    target: Target,
    workspace: usize,
}

impl Chat {
    /// Sends a message as `yoi chat` does. It reaches its workspace's server or none.
    fn says(&mut self, world: &World) -> Result<(), TestCaseError> {
        let mut reached = world.reached_by(&self.target);
        if reached.is_none()
            && let Ok(target) = find_again(&args(None, None), unset, &self.target, &world.running())
        {
            self.target = target;
            reached = world.reached_by(&self.target);
            prop_assert!(reached.is_some(), "it was found, and nothing has changed");
        }
        let astray = reached.filter(|workspace| *workspace != self.workspace);
        prop_assert_eq!(astray, None);
        Ok(())
    }
}

fn run(world: &mut World, chats: &mut Vec<Chat>, step: &Step) -> Result<(), TestCaseError> {
    world.apply(&step.before);
    let expected = world.expected(step);
    let found = world.find(step);
    let target = match (found, expected) {
        (Ok(target), Ok(Some(workspace))) => {
            prop_assert_eq!(world.reached_by(&target), Some(workspace));
            let around = DIRECTORIES[step.directory].1;
            let is_own = step.named.is_some() || around.contains(&workspace);
            let is_only = matches!(target.reason, Reason::OnlyOne { .. });
            prop_assert_eq!(is_only, !is_own, "a server that is not its own is said");
            chats.push(Chat {
                target: target.clone(),
                workspace,
            });
            target
        }
        // A server that was named and isn't there.
        (Ok(_), Ok(None)) => return Ok(()),
        (Err(Error::Unreachable(Unreachable::NoneFound)), Err(0)) => return Ok(()),
        (Err(Error::Unreachable(Unreachable::Several(listed))), Err(running)) => {
            prop_assert_eq!(listed.len(), running);
            return Ok(());
        }
        (found, expected) => {
            return Err(TestCaseError::fail(format!("{found:?} for {expected:?}")));
        }
    };
    world.apply(&step.race);
    let reached = world.reached_by(&target);
    let astray = reached.filter(|workspace| expected != Ok(Some(*workspace)));
    prop_assert_eq!(astray, None);
    let at = step.continues_at;
    match chats.get_mut(at) {
        Some(chat) => chat.says(world),
        None => Ok(()),
    }
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::with_cases(CASES) })]

    #[test]
    fn ten_thousand_commands_reach_their_own_server_or_none(
        steps in prop::collection::vec(step(), COMMANDS),
    ) {
        const { assert!(CASES as usize * COMMANDS >= 10_000) };
        let mut world = World::new();
        let mut chats = Vec::new();
        for step in &steps {
            run(&mut world, &mut chats, step)?;
        }
        // Every conversation of the day once more.
        for chat in &mut chats {
            chat.says(&world)?;
        }
    }
}
