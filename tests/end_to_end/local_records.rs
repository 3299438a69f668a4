//! A local data directory that nobody vouches for: the answer is right and leaks nothing.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::fixture::{LOCAL, TestServer};
use crate::records::{SECRETS, record, write, write_bytes};

/// Every kind of thing that a data directory should not hold.
fn fill_with_hostile_records(data: &Path, outside: &Path, workspace: &Path) {
    let workers = data.join("workers");
    write(
        data,
        "workers/elsewhere",
        &record("elsewhere", Path::new("/another/workspace")),
    );
    let mut homeless = record("homeless", workspace);
    homeless.as_object_mut().unwrap().remove("workspace_root");
    write(data, "workers/homeless", &homeless);
    write_bytes(
        &workers.join("broken"),
        b"{\"worker_name\": \"CANARY-manifest-secret",
    );
    write_bytes(&workers.join("deep"), "[".repeat(200_000).as_bytes());
    write_bytes(&workers.join("binary"), &[0xff, 0xfe, 0x00, 0x80]);
    fs::create_dir_all(workers.join("empty")).unwrap();
    fs::create_dir_all(workers.join("directory/metadata.json")).unwrap();

    fs::create_dir_all(workers.join("fifo")).unwrap();
    let fifo = workers.join("fifo/metadata.json");
    assert!(
        Command::new("mkfifo")
            .arg(fifo)
            .status()
            .expect("mkfifo")
            .success()
    );
    fs::create_dir_all(workers.join("sparse")).unwrap();
    File::create(workers.join("sparse/metadata.json"))
        .unwrap()
        .set_len(1 << 30)
        .unwrap();

    write(outside, "stolen", &record("stolen", workspace));
    symlink(outside.join("stolen"), workers.join("link-to-directory")).unwrap();
    fs::create_dir_all(workers.join("link-to-file")).unwrap();
    let target = outside.join("stolen/metadata.json");
    symlink(target, workers.join("link-to-file/metadata.json")).unwrap();
    symlink("/dev/zero", workers.join("device")).unwrap();
    symlink("nowhere", workers.join("dangling")).unwrap();

    let mut foreign_bytes = record("named by bytes", workspace);
    foreign_bytes["workspace_root"] = json!(workspace.to_str().unwrap());
    let name = OsStr::from_bytes(b"not-utf-8-\xff\xfe");
    write_bytes(&workers.join(name), foreign_bytes.to_string().as_bytes());
    write(
        data,
        "workers/path-like",
        &record("/CANARY-target/of/somebody", workspace),
    );
    write(
        data,
        "workers/terminal",
        &record("\u{1b}[2J\u{202e}evil", workspace),
    );
}

#[tokio::test]
async fn hostile_records_cost_a_diagnostic_each_and_show_nothing() {
    let outside = tempfile::tempdir().unwrap();
    let server = TestServer::start().await;
    fill_with_hostile_records(server.data(), outside.path(), server.workspace());
    server.has_record("workers/good", "good");
    server.has_record("pods/good", "good pod");

    let answer = server.get(&format!("{LOCAL}/workers?limit=200")).await;
    let page = answer.expect(200);
    let mut names: Vec<_> = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|w| w["display_name"].as_str().unwrap())
        .collect();
    names.sort_unstable();
    let labels: Vec<_> = names
        .iter()
        .filter(|name| name.starts_with("Local worker"))
        .collect();
    assert_eq!(labels.len(), 1, "a path is no name: {names:?}");
    names.retain(|name| !name.starts_with("Local worker"));
    assert_eq!(names, ["[2Jevil", "good", "good pod", "named by bytes"]);
    for worker in page["items"].as_array().unwrap() {
        assert_eq!(worker["state"], "recorded");
        assert_eq!(worker["capabilities"], json!(["get_worker"]));
        assert_eq!(worker["profile"], "builtin:coder");
        assert_eq!(worker["diagnostics"][0]["code"], "local_record_active");
        let id = worker["worker_id"].as_str().unwrap();
        let detail = server
            .get(&format!("{LOCAL}/workers/{id}"))
            .await
            .expect(200);
        assert_eq!(&detail, worker);
    }

    let runtime = server.get(LOCAL).await;
    let summary = runtime.expect(200);
    assert_eq!(summary["counts"]["workers"]["recorded"], 5);
    let counted = |code: &str| -> u64 {
        let found = summary["diagnostics"]
            .as_array()
            .unwrap()
            .iter()
            .find(|d| d["code"] == code);
        found.map_or(0, |diagnostic| diagnostic["count"].as_u64().unwrap())
    };
    assert_eq!(counted("local_metadata_invalid"), 3, "{summary}");
    assert_eq!(counted("local_metadata_oversized"), 1, "{summary}");
    assert_eq!(counted("local_other_workspace"), 1, "{summary}");
    assert_eq!(counted("local_no_workspace"), 1, "{summary}");

    let paths = [server.data(), outside.path(), server.workspace()];
    for text in [&answer.text, &runtime.text] {
        for secret in SECRETS {
            assert!(!text.contains(secret), "{secret}");
        }
        for path in paths {
            assert!(!text.contains(path.to_str().unwrap()), "{}", path.display());
        }
        assert!(!text.contains("stolen") && !text.contains("elsewhere"));
    }
}

#[tokio::test]
async fn five_thousand_records_are_listed_once_each() {
    let server = TestServer::start().await;
    for n in 0..5_000 {
        server.has_record(&format!("workers/w{n}"), &format!("n{n}"));
    }
    let mut names = Vec::new();
    let mut path = format!("{LOCAL}/workers?limit=200");
    loop {
        let page = server.get(&path).await.expect(200);
        let items = page["items"].as_array().unwrap();
        names.extend(
            items
                .iter()
                .map(|w| w["display_name"].as_str().unwrap().to_owned()),
        );
        let Some(token) = page.get("next_page_token") else {
            break;
        };
        path = format!(
            "{LOCAL}/workers?limit=200&page_token={}",
            token.as_str().unwrap()
        );
    }
    assert_eq!(names.len(), 5_000);
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 5_000, "each record once");
    let counts = server.get(LOCAL).await.expect(200);
    assert_eq!(counts["counts"]["workers"]["recorded"], 5_000);
}

#[tokio::test]
async fn a_data_directory_that_is_missing_is_no_failure() {
    let data = tempfile::tempdir().unwrap();
    let missing = data.path().join("not-there");
    let server = TestServer::start_with(|config| config.local_data_dir = Some(missing)).await;
    let summary = server.get(LOCAL).await.expect(200);
    assert_eq!(summary["status"], "available");
    assert_eq!(summary["diagnostics"][0]["code"], "local_data_missing");
    assert_eq!(
        server.get(&format!("{LOCAL}/workers")).await.expect(200)["items"],
        json!([])
    );
}

#[tokio::test]
async fn a_data_directory_that_is_none_is_unavailable_and_hides_no_other_runtime() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("a-file");
    fs::write(&file, "no directory").unwrap();
    let server = TestServer::start_with(|config| config.local_data_dir = Some(file)).await;
    let problem = server.get(&format!("{LOCAL}/workers")).await;
    problem.expect_problem(503, "runtime_unavailable");
    let list = server.get("/api/runtimes").await.expect(200);
    assert_eq!(
        (&list["items"][0]["status"], &list["items"][1]["status"]),
        (&json!("available"), &json!("unavailable"))
    );
}
