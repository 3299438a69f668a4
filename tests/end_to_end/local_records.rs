//! A hostile local data directory: what is valid in it is listed, and nothing of it leaks.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::json;
use testkit::canary::assert_absent;
use testkit::client::LOCAL;
use testkit::json::{each, items, text};
use testkit::local_records::{SECRETS, record, write, write_bytes};
use testkit::server::TestServer;

/// Every kind of thing that a data directory should not hold.
fn write_hostile_records(data: &Path, outside: &Path, workspace: &Path) {
    let workers = data.join("workers");
    let elsewhere = record("elsewhere", Path::new("/another/workspace"));
    write(&workers.join("elsewhere"), &elsewhere);
    let mut homeless = record("homeless", workspace);
    homeless.as_object_mut().unwrap().remove("workspace_root");
    write(&workers.join("homeless"), &homeless);
    let broken = b"{\"worker_name\": \"CANARY-manifest-secret";
    write_bytes(&workers.join("broken"), broken);
    write_bytes(&workers.join("deep"), "[".repeat(200_000).as_bytes());
    write_bytes(&workers.join("binary"), &[0xff, 0xfe, 0x00, 0x80]);
    fs::create_dir_all(workers.join("empty")).unwrap();
    fs::create_dir_all(workers.join("directory/metadata.json")).unwrap();

    fs::create_dir_all(workers.join("fifo")).unwrap();
    let fifo = workers.join("fifo/metadata.json");
    mknodat(CWD, fifo, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    fs::create_dir_all(workers.join("sparse")).unwrap();
    let sparse = File::create(workers.join("sparse/metadata.json")).unwrap();
    sparse.set_len(1 << 30).unwrap();

    write(&outside.join("stolen"), &record("stolen", workspace));
    symlink(outside.join("stolen"), workers.join("link-to-directory")).unwrap();
    fs::create_dir_all(workers.join("link-to-file")).unwrap();
    let target = outside.join("stolen/metadata.json");
    symlink(target, workers.join("link-to-file/metadata.json")).unwrap();
    symlink("/dev/zero", workers.join("device")).unwrap();
    symlink("nowhere", workers.join("dangling")).unwrap();

    let directory = OsStr::from_bytes(b"not-utf-8-\xff\xfe");
    for (directory, name) in [
        (directory, "named by bytes"),
        ("path-like".as_ref(), "/CANARY-target/of/somebody"),
        ("terminal".as_ref(), "\u{1b}[2J\u{202e}evil"),
    ] {
        write(&workers.join(directory), &record(name, workspace));
    }
}

#[tokio::test]
async fn hostile_records_cost_a_diagnostic_each_and_leak_nothing() {
    let outside = tempfile::tempdir().unwrap();
    let server = TestServer::start().await;
    let (data, workspace) = (server.workspace.data_dir(), server.workspace.root());
    write_hostile_records(data, outside.path(), workspace);
    server.workspace.write_record("workers/good", "good");
    server.workspace.write_record("pods/good", "good pod");

    let workers = server.get(&format!("{LOCAL}/workers?limit=200")).await;
    let page = workers.expect(200);
    let names = each(&page["items"], "display_name").into_iter().map(text);
    let (labels, mut names): (Vec<_>, Vec<_>) =
        names.partition(|name| name.starts_with("Local worker"));
    names.sort_unstable();
    assert_eq!(labels.len(), 1, "a path is no name: {labels:?}");
    assert_eq!(names, ["[2Jevil", "good", "good pod", "named by bytes"]);
    for worker in items(&page["items"]) {
        assert_eq!(worker["state"], "recorded");
        assert_eq!(worker["capabilities"], json!(["get_worker"]));
        assert_eq!(worker["profile"], "builtin:coder");
        assert_eq!(worker["diagnostics"][0]["code"], "local_record_active");
        let path = format!("{LOCAL}/workers/{}", text(&worker["worker_id"]));
        assert_eq!(server.get(&path).await.expect(200), *worker);
    }

    let runtime = server.get(LOCAL).await;
    let summary = runtime.expect(200);
    assert_eq!(summary["counts"]["workers"]["recorded"], 5);
    for (code, count) in [
        ("local_metadata_invalid", 3),
        ("local_metadata_oversized", 1),
        ("local_other_workspace", 1),
        ("local_no_workspace", 1),
    ] {
        let mut diagnostics = items(&summary["diagnostics"]).iter();
        let diagnostic = diagnostics.find(|diagnostic| diagnostic["code"] == code);
        assert_eq!(diagnostic.unwrap()["count"], count, "{summary}");
    }

    let paths = [data, outside.path(), workspace].map(|path| path.to_str().unwrap());
    for response in [&workers, &runtime] {
        assert_absent("a response", response.text(), SECRETS);
        assert_absent("a response", response.text(), &paths);
        assert_absent("a response", response.text(), &["stolen", "elsewhere"]);
    }
}

#[tokio::test]
async fn a_data_directory_that_is_a_file_is_unavailable_and_hides_no_other_runtime() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("a-file");
    fs::write(&file, "no directory").unwrap();
    let server = TestServer::start_with(|config| config.local_data_dir = Some(file)).await;
    let workers = server.get(&format!("{LOCAL}/workers")).await;
    workers.expect_problem(503, "runtime_unavailable");
    let list = server.get("/api/runtimes").await.expect(200);
    let statuses = each(&list["items"], "status");
    assert_eq!(statuses, ["available", "unavailable"]);
}
