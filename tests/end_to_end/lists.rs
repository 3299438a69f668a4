//! Lists over all runtimes: what they show, and that pages lose and repeat nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::fixture::{EMBEDDED, LOCAL, TestServer};
use crate::sources::{Fault, Faulty};

fn ids(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().unwrap();
    items
        .iter()
        .map(|worker| worker["display_ref"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn one_list_shows_the_workers_of_every_runtime_and_says_whose_they_are() {
    let server = TestServer::start().await;
    server.has_record("workers/old", "old hand");
    let worker = server.create_worker().await;
    let page = server.get("/api/workers").await.expect(200);
    let kinds: Vec<_> = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|w| &w["implementation_kind"])
        .collect();
    assert_eq!(kinds, ["embedded", "local_compat"]);
    assert_eq!(page["items"][0]["worker_id"], worker.id);
    assert_eq!(page["items"][1]["display_name"], "old hand");
    assert_eq!(page["items"][1]["state"], "recorded");

    let by = async |query: &str| {
        ids(&server
            .get(&format!("/api/workers?{query}"))
            .await
            .expect(200))
        .len()
    };
    assert_eq!(by("runtime_id=local-compat").await, 1);
    assert_eq!(by("implementation_kind=embedded").await, 1);
    assert_eq!(by("state=recorded").await, 1);
    assert_eq!(by("state=idle&implementation_kind=local_compat").await, 0);
    let unknown = server.get("/api/workers?runtime_id=elsewhere").await;
    unknown.expect_problem(404, "unknown_runtime");
    let local = server.get(&format!("{LOCAL}/workers")).await.expect(200);
    assert_eq!(local["items"][0], page["items"][1]);
}

#[tokio::test]
async fn pages_show_every_worker_once_while_others_are_created() {
    let server = TestServer::start().await;
    let mut expected = BTreeSet::new();
    for _ in 0..23 {
        let worker = server.create_worker().await;
        expected.insert(format!("{}@backend-internal", worker.id));
    }
    let mut shown = Vec::new();
    let mut path = "/api/workers?limit=5".to_owned();
    loop {
        let page = server.get(&path).await.expect(200);
        let new = ids(&page);
        assert!(new.len() <= 5);
        shown.extend(new);
        // A newer worker stands before the first page, and moves nothing.
        server.create_worker().await;
        let Some(token) = page.get("next_page_token") else {
            break;
        };
        path = format!(
            "/api/workers?limit=5&page_token={}",
            token.as_str().unwrap()
        );
    }
    let newest_first = shown.windows(2).all(|pair| pair[0] > pair[1]);
    assert!(newest_first, "{shown:?}");
    assert_eq!(shown.into_iter().collect::<BTreeSet<_>>(), expected);
}

#[tokio::test]
async fn a_runtime_that_fails_is_named_and_hides_no_other() {
    let secret = "CANARY-cause-of-the-failure";
    let server = TestServer::start_with(|config| {
        config
            .sources
            .push(Arc::new(Faulty::new("failing", Fault::Fails(secret))));
    })
    .await;
    server.create_worker().await;
    let answer = server.get("/api/workers").await;
    let page = answer.expect(200);
    assert_eq!(ids(&page).len(), 1);
    let diagnostics = page["diagnostics"].as_array().unwrap();
    let failing = diagnostics
        .iter()
        .find(|d| d["runtime_id"] == "failing")
        .unwrap();
    assert_eq!(failing["code"], "runtime_unavailable");
    let runtimes = server.get("/api/runtimes").await;
    let statuses: Vec<_> = runtimes.expect(200)["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|runtime| runtime["status"].clone())
        .collect();
    assert_eq!(statuses, ["available", "available", "unavailable"]);
    assert!(!answer.text.contains(secret) && !runtimes.text.contains(secret));
}

#[tokio::test]
async fn bounds_and_tokens_of_lists_are_refused_not_guessed_at() {
    let server = TestServer::start().await;
    for query in [
        "limit=0",
        "limit=201",
        "limit=-1",
        "limit=x",
        "limit=1&limit=2",
        "nonsense=1",
    ] {
        let answer = server.get(&format!("{EMBEDDED}/workers?{query}")).await;
        answer.expect_problem(400, "invalid_query");
    }
    let answer = server.get("/api/workers?state=sleeping").await;
    answer.expect_problem(400, "invalid_query");
    for token in ["x", "MSBsb2NhbC1jb21wYXQg", "AAAA%00"] {
        let answer = server
            .get(&format!("{EMBEDDED}/workers?page_token={token}"))
            .await;
        answer.expect_problem(400, "invalid_page_token");
    }
    assert_eq!(
        server
            .get(&format!("{EMBEDDED}/workers?limit=200"))
            .await
            .expect(200)["items"],
        json!([])
    );
}
