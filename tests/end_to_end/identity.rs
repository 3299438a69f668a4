//! Ids that name nothing, ids of another runtime's worker, and other spellings of an id.

use serde_json::json;
use testkit::client::{EMBEDDED, LOCAL};
use testkit::json::text;
use testkit::server::TestServer;

/// A worker id and a run id that nothing has.
pub(crate) const UNUSED_ID: &str = "0190a3c0-0000-7000-8000-000000000000";

#[tokio::test]
async fn unknown_and_foreign_are_the_same() {
    let server = TestServer::start().await;
    server.workspace.write_record("workers/old", "old");
    let local = server.get(&format!("{LOCAL}/workers")).await.expect(200);
    let local_id = text(&local["items"][0]["worker_id"]);
    let embedded_id = server.create_worker().await.id;

    for path in ["", &format!("/workers/{embedded_id}")] {
        let response = server.get(&format!("/api/runtimes/elsewhere{path}")).await;
        response.expect_problem(404, "unknown_runtime");
    }
    let mut problems = Vec::new();
    for path in [
        format!("{EMBEDDED}/workers/{UNUSED_ID}"),
        format!("{EMBEDDED}/workers/{local_id}"),
        format!("{LOCAL}/workers/{embedded_id}"),
    ] {
        let response = server.get(&path).await;
        let mut problem = response.expect_problem(404, "unknown_worker");
        let fields = problem.as_object_mut().unwrap();
        for own in ["worker_id", "runtime_id", "request_id"] {
            fields.remove(own).expect("the ids of the request");
        }
        problems.push(problem);
    }
    let are_same = problems.windows(2).all(|pair| pair[0] == pair[1]);
    assert!(are_same, "{problems:?}");

    let nobody = server.worker(UNUSED_ID);
    for view in ["transcript", "events"] {
        let response = server.get(&format!("{}/{view}", nobody.path)).await;
        response.expect_problem(404, "unknown_worker");
    }
    let requests = [
        nobody.try_send("hi").await,
        nobody.cancel(&json!({})).await,
        nobody.stop().await,
        nobody.rename("A name").await,
        nobody.delete().await,
    ];
    for response in requests {
        response.expect_problem(404, "unknown_worker");
    }
}

#[tokio::test]
async fn another_spelling_of_an_id_is_another_id() {
    let server = TestServer::start().await;
    let id = &server.create_worker().await.id;
    let unknown = [
        id.replace('-', ""),
        id[..35].to_owned(),
        format!("{id}0"),
        id.replace('-', "_"),
    ];
    for spelling in unknown {
        let response = server.get(&format!("{EMBEDDED}/workers/{spelling}")).await;
        response.expect_problem(404, "unknown_worker");
    }
    let invalid = [
        id.to_uppercase(),
        format!("{id}@backend-internal"),
        format!("%7B{id}%7D"),
        "..%2F..%2Fetc".to_owned(),
        "%00".to_owned(),
        "%ff".to_owned(),
    ];
    for spelling in invalid {
        let response = server.get(&format!("{EMBEDDED}/workers/{spelling}")).await;
        let problem = response.expect_problem(400, "invalid_identifier");
        assert!(!response.text().contains("etc"), "{problem}");
    }
}
