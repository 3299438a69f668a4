//! Who is who: ids that name nothing, ids of others, and other spellings of an id.

use reqwest::Method;
use serde_json::json;

use crate::fixture::{Answer, EMBEDDED, LOCAL, NOBODY, TestServer};

#[tokio::test]
async fn unknown_and_foreign_are_the_same() {
    let server = TestServer::start().await;
    server.has_record("workers/old", "old");
    let local = server.get(&format!("{LOCAL}/workers")).await.expect(200);
    let local_id = local["items"][0]["worker_id"].as_str().unwrap().to_owned();
    let embedded_id = server.create_worker().await.id;

    server
        .get("/api/runtimes/elsewhere")
        .await
        .expect_problem(404, "unknown_runtime");
    let elsewhere = format!("/api/runtimes/elsewhere/workers/{embedded_id}");
    server
        .get(&elsewhere)
        .await
        .expect_problem(404, "unknown_runtime");

    let unknown = server.get(&format!("{EMBEDDED}/workers/{NOBODY}")).await;
    let foreign = server.get(&format!("{EMBEDDED}/workers/{local_id}")).await;
    let abroad = server.get(&format!("{LOCAL}/workers/{embedded_id}")).await;
    let mut shapes = Vec::new();
    for answer in [unknown, foreign, abroad] {
        let mut problem = answer.expect_problem(404, "unknown_worker");
        let fields = problem.as_object_mut().unwrap();
        for own in ["worker_id", "runtime_id", "request_id"] {
            fields.remove(own).expect("the ids that were asked for");
        }
        shapes.push(problem);
    }
    assert!(
        shapes.windows(2).all(|pair| pair[0] == pair[1]),
        "{shapes:?}"
    );
    for operation in ["input", "cancel", "stop"] {
        let body = if operation == "input" {
            json!({ "content": "hi" })
        } else {
            json!({})
        };
        let answer = server
            .post(&format!("{EMBEDDED}/workers/{NOBODY}/{operation}"), &body)
            .await;
        answer.expect_problem(404, "unknown_worker");
    }
    for view in ["transcript", "events"] {
        let answer = server
            .get(&format!("{EMBEDDED}/workers/{NOBODY}/{view}"))
            .await;
        answer.expect_problem(404, "unknown_worker");
    }
}

#[tokio::test]
async fn another_spelling_of_an_id_is_another_id() {
    let server = TestServer::start().await;
    let worker = server.create_worker().await;
    let id = &worker.id;
    let none = id.replace('-', "");
    let spellings = [
        none.as_str(),
        &id[..35],
        &format!("{id}0"),
        &id.replace('-', "_"),
    ];
    for spelling in spellings {
        let answer = server.get(&format!("{EMBEDDED}/workers/{spelling}")).await;
        answer.expect_problem(404, "unknown_worker");
    }
    let upper = id.to_uppercase();
    let display_ref = format!("{id}@backend-internal");
    let bad = [
        upper.as_str(),
        &display_ref,
        &format!("%7B{id}%7D"),
        "..%2F..%2Fetc",
        "%00",
        "%ff",
    ];
    for spelling in bad {
        let answer = server.get(&format!("{EMBEDDED}/workers/{spelling}")).await;
        answer.expect_problem(400, "invalid_identifier");
        assert!(!answer.text.contains("etc"), "{}", answer.text);
    }
}

#[tokio::test]
async fn unknown_routes_and_methods_are_problems_too() {
    let server = TestServer::start().await;
    for path in [
        "/",
        "/api",
        "/api/runtimes/",
        "/api/nothing",
        "/api/workers/x/input",
        "/%2e%2e",
    ] {
        server.get(path).await.expect_problem(404, "unknown_route");
    }
    for method in [Method::PUT, Method::DELETE, Method::PATCH, Method::POST] {
        let answer = Answer::to(server.request(method, "/api/runtimes")).await;
        answer.expect_problem(405, "method_not_allowed");
        assert!(answer.header("allow").unwrap().contains("GET"));
    }
}
