//! Servers of several workspaces: a command asks its own one, and says so when it asks another.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt as _;

use proptest::prelude::*;
use proptest::test_runner::Config;
use testkit::address::ReservedAddress;

use crate::fixture::{Finished, IN_MEMORY, NO_PACE, Running, TestHome, TestServer, server};
use crate::terminal::Terminal;

/// What keeps servers apart that take no token is their instance alone.
const OPEN: &str = "--auth none --offline-pace-ms 0 --listen";
const ANY_PORT: &str = "127.0.0.1:0";

/// The workspaces; one is in another, and one's name begins like another's.
const WORKSPACES: [&str; 4] = ["a", "ab", "b", "b/inner"];
/// Directories with the workspaces around them, the innermost first.
const DIRECTORIES: [(&str, &[usize]); 6] = [
    ("a/src", &[0]),
    ("ab", &[1]),
    ("b", &[2]),
    ("b/inner", &[3, 2]),
    ("b/inner/deep", &[3, 2]),
    ("elsewhere", &[]),
];

fn home_with_workspaces() -> TestHome {
    let home = TestHome::new();
    for (name, _) in DIRECTORIES {
        std::fs::create_dir_all(home.path(name)).unwrap();
    }
    home
}

/// Runs `line` with this input, in this directory.
fn run_in(home: &TestHome, directory: &str, input: &str, line: &str) -> Finished {
    let input_file = home.file("input", 0o600, input);
    let mut command = home.command(line);
    command.current_dir(home.path(directory));
    command.stdin(std::fs::File::open(input_file).unwrap());
    Running(command.spawn().unwrap()).finish()
}

#[derive(Debug, Clone)]
enum Change {
    /// Starts the workspace's server, if it doesn't run; at the address that one left last, or at a
    /// new one.
    Start {
        workspace: usize,
        at_old_address: bool,
    },
    Stop(usize),
    Kill(usize),
}

fn change() -> impl Strategy<Value = Change> {
    let workspace = || 0..WORKSPACES.len();
    prop_oneof![
        3 => (workspace(), any::<bool>()).prop_map(|(workspace, at_old_address)| Change::Start {
            workspace,
            at_old_address,
        }),
        1 => workspace().prop_map(Change::Stop),
        1 => workspace().prop_map(Change::Kill),
    ]
}

struct World {
    home: TestHome,
    running: BTreeMap<usize, TestServer>,
    left: Vec<String>,
    /// Keeps the ports of all addresses in `left` from other tests.
    reserved: Vec<ReservedAddress>,
    /// The names of the workers that each workspace should have.
    workers: [BTreeSet<String>; WORKSPACES.len()],
}

impl World {
    /// Starts the workspace's server, at a new address if none is given.
    fn start(&mut self, workspace: usize, address: Option<String>) {
        let address = address.unwrap_or_else(|| {
            let new = ReservedAddress::new();
            let address = new.get().to_string();
            self.reserved.push(new);
            address
        });
        let server = self
            .home
            .serve(WORKSPACES[workspace], &format!("{OPEN} {address}"));
        self.running.insert(workspace, server);
    }

    fn apply(&mut self, change: &Change) {
        match *change {
            Change::Start {
                workspace,
                at_old_address,
            } => {
                if !self.running.contains_key(&workspace) {
                    let old = at_old_address.then(|| self.left.pop()).flatten();
                    self.start(workspace, old);
                }
            }
            Change::Stop(workspace) => {
                let Some(server) = self.running.remove(&workspace) else {
                    return;
                };
                self.left.push(server.address().to_owned());
                assert_eq!(server.stop(), Some(0));
            }
            Change::Kill(workspace) => {
                let Some(server) = self.running.remove(&workspace) else {
                    return;
                };
                self.left.push(server.address().to_owned());
                server.kill();
            }
        }
    }

    /// Runs a command that leaves a worker of this name with the server that it reaches.
    fn run(&mut self, step: usize, at: usize) {
        let (directory, around) = DIRECTORIES[at];
        let worker = format!("worker-{step}-{at}");
        let line = ["create", "chat"][(step + at) % 2];
        let line = format!("{line} --name {worker}");
        let finished = run_in(&self.home, directory, "some text", &line);
        let own = around.iter().find(|own| self.running.contains_key(own));
        let only = self
            .running
            .keys()
            .next()
            .filter(|_| self.running.len() == 1);
        let note = "asking the only one";
        match (own, only) {
            (Some(workspace), _) => {
                assert_eq!(finished.code, 0, "{}", finished.err);
                assert!(!finished.err.contains(note), "{}", finished.err);
                self.workers[*workspace].insert(worker);
            }
            (None, Some(workspace)) => {
                assert_eq!(finished.code, 0, "{}", finished.err);
                finished.reports(&[note, &self.running[workspace].url]);
                self.workers[*workspace].insert(worker);
            }
            (None, None) => {
                assert_eq!(finished.code, 3, "{}", finished.err);
                for server in self.running.values() {
                    finished.reports(&["several servers run", &server.url, "--server"]);
                }
                let home = self.home.directory().to_str().unwrap();
                assert!(!finished.err.contains(home), "{}", finished.err);
            }
        }
    }

    /// The names of the workers that a workspace has.
    fn workers_of(&mut self, workspace: usize) -> BTreeSet<String> {
        if !self.running.contains_key(&workspace) {
            self.start(workspace, None);
        }
        let url = &self.running[&workspace].url;
        let line = format!("workers --kind embedded --limit 200 --server {url}");
        let page = self.home.json(&line);
        let workers = page["items"].as_array().unwrap().iter();
        let names = workers.map(|worker| worker["display_name"].as_str().unwrap().to_owned());
        names.collect()
    }
}

proptest! {
    #![proptest_config(Config {
        // Each step starts programs.
        cases: 2,
        max_shrink_iters: 8,
        failure_persistence: None,
        ..Config::default()
    })]

    #[test]
    fn every_command_reaches_the_server_of_its_directory_or_says_that_it_does_not(
        changes in prop::collection::vec(change(), 8),
    ) {
        let mut world = World {
            home: home_with_workspaces(),
            running: BTreeMap::new(),
            left: Vec::new(),
            reserved: Vec::new(),
            workers: Default::default(),
        };
        for (step, change) in changes.iter().enumerate() {
            world.apply(change);
            for at in 0..DIRECTORIES.len() {
                world.run(step, at);
            }
        }
        for (workspace, name) in WORKSPACES.iter().enumerate() {
            let expected = world.workers[workspace].clone();
            prop_assert_eq!(world.workers_of(workspace), expected, "{}", name);
        }
    }
}

#[test]
fn a_chat_says_nothing_to_another_workspaces_server_at_the_same_address() {
    let home = home_with_workspaces();
    let reserved = ReservedAddress::new();
    let address = reserved.get();
    let mine = home.serve("a", &format!("{OPEN} {address}"));
    let mut chat = Terminal::start(home.command("chat").current_dir(home.path("a")));
    chat.send("hello");
    chat.wait_for("You said: “hello”");
    chat.wait_for_prompt();
    mine.kill();
    let other = home.serve("ab", &format!("{OPEN} {address}"));
    chat.submit("a secret");
    chat.wait_for("looking for the server");
    let _mine = home.serve("a", &format!("{OPEN} {ANY_PORT}"));
    chat.wait_for("connected to");
    chat.wait_for("You said: “a secret”");
    chat.leave();
    let page = home.json(&format!("workers --server {}", other.url));
    assert_eq!(page["items"].as_array().unwrap().len(), 0, "{page}");
}

#[test]
fn a_chat_that_named_its_server_says_nothing_to_the_next_one_at_its_address() {
    let home = home_with_workspaces();
    let reserved = ReservedAddress::new();
    let address = reserved.get();
    let mine = home.serve("a", &format!("{OPEN} {address}"));
    let mut chat = Terminal::start(&home.command(&format!("chat --server http://{address}")));
    chat.wait_for_prompt();
    mine.kill();
    let other = home.serve("ab", &format!("{OPEN} {address}"));
    chat.submit("a secret");
    chat.wait_for("looking for the server");
    let page = home.json(&format!("workers --server {}", other.url));
    assert_eq!(page["items"].as_array().unwrap().len(), 0, "{page}");
    assert_eq!(other.stop(), Some(0));
    let _mine = home.serve("a", &format!("{OPEN} {address}"));
    chat.wait_for("connected to");
    chat.wait_for("You said: “a secret”");
    chat.leave();
}

#[test]
fn a_server_file_that_may_be_somebody_elses_is_passed_over_and_that_is_said() {
    let (home, server) = server(NO_PACE);
    let mode = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let directory = home.path("run/yoi");
    let file = directory.join(format!(
        "server-{}.json",
        server.address().replace(':', "-")
    ));
    mode(&file, 0o644);
    let passed_over = home.fails(3, "workers");
    let note = format!(
        "note: a server file was passed over in {}",
        directory.display()
    );
    passed_over.reports(&[&note, "no running server was found"]);
    // The server that was named is asked nevertheless, without the token of such a file.
    let named = home.fails(1, &format!("workers --server {}", server.url));
    named.reports(&["passed over", "[unauthorized]"]);
    mode(&file, 0o600);
    mode(&directory, 0o755);
    let passed_over = home.fails(3, "workers");
    let note = format!(
        "note: the directory of server files {} was passed over",
        directory.display()
    );
    passed_over.reports(&[&note]);
    let _other = home.start_server_with(NO_PACE, IN_MEMORY);
    assert_eq!(
        directory.metadata().unwrap().permissions().mode() & 0o777,
        0o700
    );
    home.yoi("workers");
}

#[test]
fn a_server_is_found_from_another_session_of_the_same_user() {
    let home = TestHome::new();
    let flags = format!("serve --store memory {OPEN} {ANY_PORT}");
    let finds = |server: &TestServer| {
        let found = home.json("doctor");
        assert!(found.to_string().contains(&server.url), "{found}");
    };
    // It was started without a session, as by cron.
    let server = TestServer::start(home.command(&flags).env_remove("XDG_RUNTIME_DIR"));
    finds(&server);
    server.stop();
    // The directory of its session can't be used, as another user's.
    let unusable = home.file("unusable", 0o600, "");
    let server = TestServer::start(home.command(&flags).env("XDG_RUNTIME_DIR", unusable));
    finds(&server);
}
