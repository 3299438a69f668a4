//! `yoi store` on the file of a real server.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::Value;

use crate::fixture::{ENDLESS_PACE, Finished, NO_PACE, TestHome, assert_contains, server};

/// Bytes of a page of the file.
const PAGE: usize = 4096;

impl TestHome {
    /// Runs `yoi store` on the file of this home's workspace.
    #[track_caller]
    fn store(&self, code: i32, line: &str) -> Finished {
        let workspace = self.path("workspace");
        self.fails(
            code,
            &format!("store {line} --workspace {}", workspace.display()),
        )
    }

    #[track_caller]
    fn store_json(&self, code: i32, line: &str) -> Value {
        let finished = self.store(code, &format!("{line} --json"));
        assert_eq!(finished.out.lines().count(), 1, "{}", finished.out);
        serde_json::from_str(&finished.out).unwrap()
    }

    /// The name of a file in this home, as a word of a command line.
    fn name(&self, file: &str) -> String {
        self.path(file).to_str().unwrap().to_owned()
    }

    /// Workers with a reply each.
    fn converse(&self, workers: usize) {
        for _ in 0..workers {
            let worker = self.create_worker();
            self.yoi(&format!("send {worker} hello --follow"));
        }
    }
}

/// Overwrites the latter half of a file, where conversations are, with zeros.
fn damage(file: &Path) {
    let mut bytes = fs::read(file).unwrap();
    let half = bytes.len() / 2 / PAGE * PAGE;
    bytes[half..].fill(0);
    fs::write(file, bytes).unwrap();
}

#[test]
fn the_path_is_printed_whether_or_not_there_is_a_file() {
    let home = TestHome::new();
    let path = home.store(0, "path").out;
    let directory = home.path(".local/share/yoi/workspaces");
    assert!(Path::new(path.trim_end()).starts_with(&directory), "{path}");
    assert!(!directory.exists());
    home.store(1, "check")
        .reports(&["there is no store", "`yoi serve` creates it"]);
    assert!(!directory.exists());

    let named = home.name("named");
    assert_eq!(
        home.store(0, &format!("path --store {named}"))
            .out
            .trim_end(),
        named
    );
    assert_eq!(home.store_json(0, "path")["path"], path.trim_end());
    let _server = home.start_server(NO_PACE);
    assert!(Path::new(path.trim_end()).is_file());
}

#[test]
fn wrong_usage_is_refused() {
    let home = TestHome::new();
    home.store(2, "path --store memory")
        .reports(&["in memory", "--store FILE"]);
    home.fails(2, "--server http://127.0.0.1:1 store path")
        .reports(&["--server"]);
    let empty = home.command("store path").args(["--store", ""]).output();
    assert_eq!(empty.unwrap().status.code(), Some(2));
    home.store(2, "backup").reports(&["<FILE>"]);
    home.fails(2, "store path --workspace /nowhere")
        .reports(&["not a directory"]);
}

#[test]
fn a_store_is_checked_and_copied_while_the_server_runs_and_after_it_was_killed() {
    let (home, server) = server(NO_PACE);
    home.converse(2);
    let running = home.store_json(0, "check");
    home.store(0, "check").prints(&[
        "state          sound",
        "workers        2",
        "entries        4",
    ]);
    let copied = home.store(0, &format!("backup {}", home.name("first")));
    let source = home.store_file();
    copied.prints(&["copied ", source.to_str().unwrap(), "/first (", " KiB)"]);
    assert_eq!(copied.err, "");
    let nowhere = format!("backup {}", home.name("nowhere/first"));
    home.store(1, &nowhere).reports(&["can't be written"]);
    assert!(!home.path("nowhere").exists());
    home.store(2, &format!("backup {}", home.name("first")))
        .reports(&["is not overwritten"]);
    for needs_it_stopped in ["compact", "recover NEW"] {
        let line = needs_it_stopped.replace("NEW", &home.name("new"));
        home.store(1, &line)
            .reports(&["in use by another process: stop that server"]);
    }
    assert!(!home.path("new").exists());
    server.kill();

    assert_eq!(home.store_json(0, "check"), running);
    let copied = home.store_json(0, &format!("backup {}", home.name("second")));
    let mode = home.path("second").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let copy = home.store_json(0, &format!("check --store {}", home.name("second")));
    assert_eq!(copy["file_bytes"], copied["file_bytes"]);
    for field in ["sound", "schema_version", "workers", "entries", "problems"] {
        assert_eq!(copy[field], running[field], "{field}");
    }
    let other = format!("--store {}", home.name("second"));
    let _server = home.start_server_with(NO_PACE, &other);
    assert_eq!(home.json("workers")["items"].as_array().unwrap().len(), 2);
    let copied = home.store(0, &format!("backup {}", home.name("third")));
    copied.reports(&["warning: the running server of this workspace keeps its workers elsewhere"]);
    let copied = home.store(0, &format!("backup {} {other}", home.name("fourth")));
    assert_eq!(copied.err, "");
}

#[test]
fn a_server_that_cannot_listen_leaves_the_store_as_it_is() {
    let home = TestHome::new();
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let refuse = || {
        let workspace = home.path("workspace");
        let line = format!("serve --listen 127.0.0.1:{port} --workspace");
        let output = home.command(&line).arg(workspace).output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{err}");
        assert_contains(&err, &["can't listen on 127.0.0.1"]);
    };
    refuse();
    assert!(!home.path(".local").exists());
    // A run that the next start would end.
    let server = home.start_server(ENDLESS_PACE);
    let worker = home.create_worker();
    home.yoi(&format!("send {worker} hello"));
    server.kill();
    let file = home.store_file();
    let files = || ["", "-wal"].map(|suffix| fs::read(format!("{}{suffix}", file.display())));
    let files = || files().map(Result::unwrap);
    let before = files();
    refuse();
    assert!(files() == before);
}

#[test]
fn compacting_shrinks_a_store_and_keeps_what_is_in_it() {
    let (home, server) = server(NO_PACE);
    home.converse(3);
    server.stop();
    let compacted = home.store_json(0, "compact");
    let bytes = |name: &str| compacted[name].as_u64().unwrap();
    assert!(bytes("bytes_after") <= bytes("bytes_before"), "{compacted}");
    let checked = home.store_json(0, "check");
    assert_eq!(checked["file_bytes"], bytes("bytes_after"));
    assert_eq!(
        (&checked["sound"], &checked["workers"]),
        (&true.into(), &3.into())
    );
    home.store(0, "compact").prints(&[" before, ", " now"]);
    let _server = home.start_server(NO_PACE);
    assert_eq!(home.json("workers")["items"].as_array().unwrap().len(), 3);
}

#[test]
fn what_can_be_read_of_a_damaged_store_is_saved_and_can_be_served() {
    let (home, server) = server(NO_PACE);
    home.converse(30);
    server.stop();
    let file = home.store_file();
    damage(&file);
    let damaged = fs::read(&file).unwrap();
    let report = home.store(1, "check");
    report.prints(&["state          damaged", "damaged_pages"]);
    report.reports(&["`yoi store recover FILE`"]);
    assert_eq!(home.store_json(1, "check")["sound"], false);

    let saved = home.name("saved");
    let recovered = home.store_json(1, &format!("recover {saved}"));
    let lost = recovered["lost"].as_array().unwrap();
    assert!(!lost.is_empty(), "{recovered}");
    assert!(recovered["workers"].as_u64().unwrap() > 0, "{recovered}");
    assert_eq!(fs::read(&file).unwrap(), damaged);
    let text = home.store(1, &format!("recover {}", home.name("again")));
    text.prints(&["ENTRIES LOST", lost[0]["worker_id"].as_str().unwrap()]);
    text.reports(&["hint: move ", "into its place"]);
    home.store(2, &format!("recover {saved}"))
        .reports(&["is not overwritten"]);
    assert_eq!(
        home.store_json(0, &format!("check --store {saved}"))["sound"],
        true
    );

    fs::rename(&saved, &file).unwrap();
    let _server = home.start_server(NO_PACE);
    let listed = home.json("workers --all")["items"]
        .as_array()
        .unwrap()
        .len();
    assert_eq!(Some(listed as u64), recovered["workers"].as_u64());
}

#[test]
fn nothing_was_lost_is_said_only_where_that_is_known() {
    let (home, server) = server(NO_PACE);
    home.converse(2);
    server.stop();
    let whole = home.store(0, &format!("recover {}", home.name("whole")));
    whole.prints(&["saved 2 workers, 4 entries", "nothing was lost"]);

    let file = home.store_file();
    let database = rusqlite::Connection::open(&file).unwrap();
    let sql = "SELECT rootpage FROM sqlite_schema WHERE tbl_name = 'worker' AND rootpage > 0";
    let mut roots = database.prepare(sql).unwrap();
    let roots = roots.query_map((), |row| row.get::<_, u32>(0)).unwrap();
    let roots: Vec<_> = roots.map(|root| root.unwrap() as usize).collect();
    let mut bytes = fs::read(&file).unwrap();
    for root in roots {
        bytes[(root - 1) * PAGE..root * PAGE].fill(0);
    }
    fs::write(&file, bytes).unwrap();
    let text = home.store(1, &format!("recover {}", home.name("text")));
    text.prints(&["saved 2 workers, 4 entries", "more may be lost"]);
    assert!(!text.out.contains("nothing was lost"), "{}", text.out);
    let json = home.store_json(1, &format!("recover {}", home.name("json")));
    assert_eq!(json["unknown_losses"], true);
    assert_eq!(json["lost"].as_array().unwrap().len(), 2);
    assert_eq!(json["lost"][0]["id"], true);
}

#[test]
fn a_symbolic_link_is_refused_as_one() {
    let (home, server) = server(NO_PACE);
    server.stop();
    let link = home.path("link");
    std::os::unix::fs::symlink(home.store_file(), &link).unwrap();
    let (link, to) = (link.display(), home.name("to"));
    for line in [
        format!("serve --listen 127.0.0.1:0 --store {link}"),
        format!("store check --store {link}"),
        format!("store backup {to} --store {link}"),
        format!("store copy {link} {to}"),
    ] {
        let refused = home.fails(1, &line);
        refused.reports(&[
            "a symbolic link in the place",
            "name the file that it leads to",
        ]);
    }
    assert!(!home.path("link.lock").exists());
}

#[test]
fn a_file_of_which_nothing_can_be_read_is_said_to_be_so() {
    let (home, server) = server(NO_PACE);
    home.converse(1);
    server.stop();
    let file = home.store_file();
    let mut bytes = fs::read(&file).unwrap();
    bytes[100] ^= 0xff;
    fs::write(&file, &bytes).unwrap();
    home.store(1, "check")
        .prints(&["damaged, so that it can't be opened"]);
    assert_eq!(
        home.store_json(1, "check")["problems"][0]["problem"],
        "damaged_pages"
    );
    let refused = home.store(1, &format!("recover {}", home.name("saved")));
    refused.reports(&["nothing of it can be read", "go back to a backup"]);
    assert!(!home.path("saved").exists());
    fs::write(&file, "something else ".repeat(1_000)).unwrap();
    home.store(1, "check").reports(&["no store of workers"]);
    let workspace = home.path("workspace");
    let line = format!(
        "serve --listen 127.0.0.1:0 --workspace {}",
        workspace.display()
    );
    let named = format!("hint: the file is {}", file.display());
    home.fails(1, &line)
        .reports(&["no store of workers", &named]);
}
