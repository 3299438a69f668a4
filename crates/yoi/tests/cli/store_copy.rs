//! `yoi store copy` from file to file. Databases are copied by the tests of their adapter.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::fixture::{ENDLESS_PACE, Finished, NO_PACE, TestHome, server};

impl TestHome {
    /// Runs `yoi store copy`.
    #[track_caller]
    fn copy(&self, code: i32, from: &Path, to: &Path) -> Finished {
        let line = format!("store copy {} {}", from.display(), to.display());
        self.fails(code, &line)
    }

    #[track_caller]
    fn copy_json(&self, code: i32, from: &Path, to: &Path) -> Value {
        let line = format!("store copy {} {} --json", from.display(), to.display());
        serde_json::from_str(&self.fails(code, &line).out).unwrap()
    }
}

#[test]
fn a_server_goes_on_with_a_copy_of_the_store_of_one_that_was_killed() {
    let (home, server) = server(NO_PACE);
    let worker = home.create_worker();
    home.yoi(&format!("send {worker} hello --follow"));
    let file = home.store_file();
    let to = home.path("copies/of/it");
    home.copy(1, &file, &to)
        .reports(&["FROM is in use by another process: stop that server"]);
    assert!(!to.exists());
    server.stop();
    let server = home.start_server(ENDLESS_PACE);
    let active = home.create_worker();
    home.yoi(&format!("send {active} hello"));
    server.kill();

    let copied = home.copy_json(0, &file, &to);
    let expected = json!({
        "workers": 2,
        "entries": 3,
        "runs": 2,
        "unreadable_workers": [],
        "nameless_workers": 0,
    });
    assert_eq!(copied, expected);
    let back = home.path("back");
    home.copy(0, &to, &back)
        .prints(&["copied 2 workers, 3 entries, 2 runs"]);
    let server = home.start_server_with(NO_PACE, &format!("--store {}", back.display()));
    let show = home.json(&format!("show {active}"));
    assert_eq!(
        show["conversation"]["last_run"]["error_code"], "interrupted",
        "{show}"
    );
    let transcript = home.yoi(&format!("transcript {worker}")).out;
    assert!(transcript.contains("hello"), "{transcript}");
    home.yoi(&format!("send {worker} again --follow"));
    let in_use = home.copy(1, &to, &back);
    in_use.reports(&["TO is in use by another process: stop that server"]);
    // A file has no lease that one could wait for.
    assert!(!in_use.err.contains("hint"), "{}", in_use.err);
    server.stop();
    home.copy(1, &to, &back)
        .reports(&["there are workers in TO already", "--to-workspace"]);
}

#[test]
fn what_cannot_be_copied_is_said_and_nothing_is_left_behind() {
    let (home, server) = server(NO_PACE);
    home.create_worker();
    server.stop();
    let (file, to, nothing) = (home.store_file(), home.path("to"), home.path("nothing"));
    home.copy(1, &nothing, &to)
        .reports(&["there is no store in FROM", "is the path right"]);
    home.copy(2, Path::new("memory"), &to)
        .reports(&["in memory"]);
    home.copy(2, &file, Path::new("memory"))
        .reports(&["in memory"]);
    let address = Path::new("postgres://ada:secret@localhost/d");
    let refused = home.copy(2, &file, address);
    refused.reports(&["has a password"]);
    assert!(!refused.err.contains("secret"));
    let hard_link = home.path("hard_link");
    fs::hard_link(&file, &hard_link).unwrap();
    let address = Path::new("postgres://ada@localhost:1/d");
    for (from, to) in [(&*file, &*file), (&file, &hard_link), (address, address)] {
        home.copy(1, from, to)
            .reports(&["FROM and TO are the same store", "isn't there yet"]);
    }
    assert!(!home.path("hard_link-wal").exists() && !home.path("hard_link.lock").exists());
    fs::remove_file(hard_link).unwrap();
    let other = home.path("other");
    fs::write(&other, "something else ".repeat(1_000)).unwrap();
    home.copy(1, &file, &other)
        .reports(&["TO can't be used: file is no store of workers"]);
    home.copy(1, &other, &to).reports(&["FROM can't be used"]);
    assert!(!to.exists() && !nothing.exists());
}

#[test]
fn a_worker_that_cannot_be_read_is_named_and_the_others_are_copied() {
    let (home, server) = server(NO_PACE);
    let [good, bad] = [(); 2].map(|()| home.create_worker());
    server.stop();
    let file = home.store_file();
    let database = rusqlite::Connection::open(&file).unwrap();
    let spoil = "UPDATE worker SET state = 'odd' WHERE number = 2";
    assert_eq!(database.execute(spoil, ()).unwrap(), 1);
    drop(database);
    let copied = home.copy_json(1, &file, &home.path("first"));
    let id = |worker: &str| worker.rsplit('/').next().unwrap().to_owned();
    assert_eq!(copied["unreadable_workers"], json!([id(&bad)]));
    assert_eq!(copied["workers"], 1);
    let text = home.copy(1, &file, &home.path("second"));
    text.prints(&["copied 1 workers", "not copied", &id(&bad)]);
    text.reports(&["`yoi store recover`"]);
    let to = home.path("second");
    let _server = home.start_server_with(NO_PACE, &format!("--store {}", to.display()));
    let listed = home.json("workers")["items"].clone();
    assert_eq!(listed.as_array().unwrap().len(), 1);
    home.yoi(&format!("send {good} hello --follow"));
}
