//! Lists over all runtimes: what is in them, and that pages neither lose nor repeat a worker.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};
use testkit::client::{EMBEDDED, LOCAL};
use testkit::json::{each, find, text};
use testkit::server::TestServer;

use crate::sources::{Fault, FaultySource};

fn refs(page: &Value) -> Vec<String> {
    let refs = each(&page["items"], "display_ref").into_iter();
    refs.map(|display_ref| text(display_ref).to_owned())
        .collect()
}

/// The list, unless it is the one with this tag; and its tag.
async fn unless_known(server: &TestServer, path: &str, known: &str) -> (u16, String) {
    let request = server.request("GET", path);
    let response = server.send(request.header("if-none-match", known)).await;
    let tag = response.header("etag").unwrap();
    (response.status, tag.to_owned())
}

#[tokio::test]
async fn a_list_is_sent_again_when_anything_in_it_has_changed_and_not_before() {
    let server = TestServer::start().await;
    server.workspace.write_record("workers/old", "old hand");
    let worker = server.create_worker().await;
    let runtimes = "/api/runtimes";
    let of_runtime = format!("{EMBEDDED}/workers");
    let lists = ["/api/workers", &of_runtime, runtimes];
    let mut tags = lists.map(|_| String::new());
    for change in ["none yet", "a name", "a worker", "a state"] {
        match change {
            "a name" => drop(worker.rename("another").await.expect(200)),
            "a worker" => drop(server.create_worker().await),
            "a state" => drop(worker.stop().await.expect(200)),
            _ => {}
        }
        for (list, tag) in lists.iter().zip(&mut tags) {
            let (status, now) = unless_known(&server, list, tag).await;
            // A runtime's counts don't depend on names.
            let is_same = (*list, change) == (runtimes, "a name");
            assert_eq!(status, if is_same { 304 } else { 200 }, "{list}, {change}");
            assert_eq!(now == *tag, is_same, "{list}, {change}");
            *tag = now;
            for _ in 0..3 {
                let (status, same) = unless_known(&server, list, tag).await;
                assert_eq!((status, &same), (304, &*tag), "{list}, {change}");
            }
        }
    }
}

#[tokio::test]
async fn one_list_has_the_workers_of_every_runtime_and_says_whose_they_are() {
    let server = TestServer::start().await;
    server.workspace.write_record("workers/old", "old hand");
    let worker = server.create_worker().await;
    let page = server.get("/api/workers").await.expect(200);
    let kinds = each(&page["items"], "implementation_kind");
    assert_eq!(kinds, ["embedded", "local_compat"]);
    assert_eq!(page["items"][0]["worker_id"], worker.id);
    assert_eq!(page["items"][1]["display_name"], "old hand");
    assert_eq!(page["items"][1]["state"], "recorded");

    for (query, count) in [
        ("runtime_id=local-compat", 1),
        ("implementation_kind=embedded", 1),
        ("state=recorded", 1),
        ("state=idle&implementation_kind=local_compat", 0),
    ] {
        let page = server.get(&format!("/api/workers?{query}")).await;
        assert_eq!(refs(&page.expect(200)).len(), count, "{query}");
    }
    let unknown = server.get("/api/workers?runtime_id=elsewhere").await;
    unknown.expect_problem(404, "unknown_runtime");
    let local = server.get(&format!("{LOCAL}/workers")).await.expect(200);
    assert_eq!(local["items"][0], page["items"][1]);
}

#[tokio::test]
async fn pages_have_every_worker_once_while_others_are_created() {
    let server = TestServer::start().await;
    let mut expected = BTreeSet::new();
    for _ in 0..23 {
        let worker = server.create_worker().await;
        expected.insert(format!("{}@backend-internal", worker.id));
    }
    let mut listed = Vec::new();
    let mut path = "/api/workers?limit=5".to_owned();
    loop {
        let page = server.get(&path).await.expect(200);
        let new = refs(&page);
        assert!(new.len() <= 5);
        listed.extend(new);
        // A newer worker belongs before the first page, and moves nothing.
        server.create_worker().await;
        let Some(token) = page.get("next_page_token") else {
            break;
        };
        path = format!("/api/workers?limit=5&page_token={}", text(token));
    }
    let newest_first = listed.windows(2).all(|pair| pair[0] > pair[1]);
    assert!(newest_first, "{listed:?}");
    assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), expected);
}

#[tokio::test]
async fn a_runtime_that_fails_is_named_and_hides_no_other() {
    let secret = "CANARY-cause-of-the-failure";
    let failing = Arc::new(FaultySource::new("failing", Fault::Fails(secret)));
    let server = TestServer::start_with(|config| config.sources.push(failing)).await;
    server.create_worker().await;
    let workers = server.get("/api/workers").await;
    let page = workers.expect(200);
    assert_eq!(refs(&page).len(), 1);
    let diagnostic = find(&page["diagnostics"], "runtime_id", "failing");
    assert_eq!(diagnostic["code"], "runtime_unavailable");
    let runtimes = server.get("/api/runtimes").await;
    let list = runtimes.expect(200);
    let statuses = each(&list["items"], "status");
    assert_eq!(statuses, ["available", "available", "unavailable"]);
    assert!(!workers.text().contains(secret) && !runtimes.text().contains(secret));
}

#[tokio::test]
async fn limits_and_tokens_of_lists_are_refused_not_guessed_at() {
    let server = TestServer::start().await;
    let list = format!("{EMBEDDED}/workers");
    for (query, code) in [
        ("limit=0", "invalid_query"),
        ("limit=201", "invalid_query"),
        ("limit=-1", "invalid_query"),
        ("limit=x", "invalid_query"),
        ("limit=1&limit=2", "invalid_query"),
        ("nonsense=1", "invalid_query"),
        ("page_token=x", "invalid_page_token"),
        ("page_token=MSBsb2NhbC1jb21wYXQg", "invalid_page_token"),
        ("page_token=AAAA%00", "invalid_page_token"),
    ] {
        let response = server.get(&format!("{list}?{query}")).await;
        response.expect_problem(400, code);
    }
    let response = server.get("/api/workers?state=sleeping").await;
    response.expect_problem(400, "invalid_query");
    let page = server.get(&format!("{list}?limit=200")).await.expect(200);
    assert_eq!(page["items"], json!([]));
}
