//! SIGHUP: what is read again, and what stays when it can't be used.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rustix::process::Signal;
use serde_json::json;
use testkit::client::{Client, EMBEDDED};
use testkit::deadline::in_time;
use tokio::net::UnixDatagram;

use crate::process::ServerProcess;
use crate::service_manager::{SERVING, received};

const FIRST: &str = "CANARY-first-token-of-the-server";
const SECOND: &str = "CANARY-second-token-of-the-server";

pub(crate) fn write_token(path: &Path, token: &str) {
    fs::write(path, format!("{token}\n")).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
}

fn write_profile(directory: &Path, id: &str) {
    let text = format!("---\nid: {id}\ndescription: Says something\n---\n");
    fs::write(directory.join(id), text).unwrap();
}

/// Has the server read its files again, and waits until it has told its service manager that it did.
async fn reload(server: &ServerProcess, manager: &UnixDatagram) {
    server.signal(Signal::HUP);
    assert!(received(manager).await.starts_with("RELOADING=1\n"));
    assert_eq!(received(manager).await, SERVING);
}

/// Whether the commands of the same user are told this token.
fn is_published(home: &Path, token: &str) -> bool {
    let files = fs::read_dir(home.join("yoi")).unwrap();
    let mut texts = files.filter_map(|file| fs::read_to_string(file.unwrap().path()).ok());
    texts.any(|text| text.contains(token))
}

async fn has_profile(client: &Client, id: &str) -> bool {
    let runtime = client.get(EMBEDDED).await.expect(200);
    runtime["profiles"]
        .to_string()
        .contains(&format!("local:{id}"))
}

#[tokio::test]
async fn sighup_reads_the_token_and_profiles_again_and_keeps_those_that_still_work() {
    let home = tempfile::tempdir().unwrap();
    let (token, profiles) = (home.path().join("token"), home.path().join("profiles"));
    write_token(&token, FIRST);
    fs::create_dir(&profiles).unwrap();
    let args = ["--token-file", "token", "--profile-dir", "profiles"];
    let path = home.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    let variables = [("NOTIFY_SOCKET", path.to_str().unwrap())];
    let server = ServerProcess::start(home.path(), &args, &variables).await;
    assert_eq!(received(&manager).await, SERVING);
    assert!(!server.line.contains(FIRST), "{}", server.line);
    let base = &server.client.base;
    let [first, second] = [FIRST, SECOND].map(|it| Client::new(base.clone(), it.to_owned()));
    let session = first.post("/api/session", &json!({})).await;
    let cookie = session.header("set-cookie").unwrap().to_owned();
    let with_cookie = async || {
        let request = first.anonymous("GET", "/api/workspace");
        first.send(request.header("cookie", &cookie)).await.status
    };
    assert_eq!(with_cookie().await, 200);

    write_token(&token, SECOND);
    reload(&server, &manager).await;
    second.get("/api/workspace").await.expect(200);
    first
        .get("/api/workspace")
        .await
        .expect_problem(401, "unauthorized");
    assert_eq!(with_cookie().await, 401, "a session ends with its token");
    in_time(async {
        while !is_published(home.path(), SECOND) {
            tokio::task::yield_now().await;
        }
    })
    .await;

    write_token(&token, "short");
    write_profile(&profiles, "one");
    reload(&server, &manager).await;
    assert!(has_profile(&second, "one").await);
    second.get("/api/workspace").await.expect(200);

    write_token(&token, FIRST);
    fs::write(profiles.join("broken"), "nothing").unwrap();
    reload(&server, &manager).await;
    assert!(has_profile(&first, "one").await);

    server.signal(Signal::TERM);
    let ended = server.ended().await;
    assert!(ended.status.success(), "{}", ended.log);
    for line in [
        "token replaced",
        "token not reloaded; that from before stays",
        "\"cause\":\"",
        "profiles reloaded",
        "profiles not reloaded; those from before stay",
    ] {
        assert!(ended.log.contains(line), "{line}: {}", ended.log);
    }
    assert!(!ended.log.contains("CANARY"), "{}", ended.log);
}

#[tokio::test]
async fn sighup_does_not_end_a_server_that_has_nothing_to_reload() {
    let home = tempfile::tempdir().unwrap();
    let server = ServerProcess::start(home.path(), &[], &[]).await;
    server.signal(Signal::HUP);
    server.client.get("/healthz").await.expect(200);
    server.signal(Signal::TERM);
    assert!(server.ended().await.status.success());
}
