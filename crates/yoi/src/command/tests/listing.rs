//! `workers`: pages, and runtimes that fail to answer.

use super::*;

fn page(ids: &[&str], next: Option<&str>) -> Scripted {
    let items: Vec<Value> = ids.iter().map(|id| worker_summary(id, "idle")).collect();
    let diagnostic =
        json!({"code": "left_out", "severity": "warning", "message": "Some.", "count": 2});
    let page = json!({"items": items, "diagnostics": [diagnostic], "next_page_token": next});
    Scripted::Json(200, page)
}

#[tokio::test]
async fn a_note_says_that_there_are_more_workers() {
    let script = [page(&["a1", "b2"], Some("MSByIA"))];
    let workers = run_line("workers", script).await.success();
    let lines = workers.out.lines();
    let ids: Vec<_> = lines.map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(ids, ["WORKER", "a1", "b2"]);
    assert_eq!(
        workers.err,
        "warning: Some. ×2 [left_out]\nnote: there are more; add --all, or --page-token MSByIA\n"
    );
}

#[tokio::test]
async fn a_list_that_lacks_a_runtime_never_says_that_there_are_no_workers() {
    let page = |ids: &[&str]| {
        let items: Vec<Value> = ids.iter().map(|id| worker_summary(id, "idle")).collect();
        let diagnostic = json!({
            "code": "runtime_unavailable", "severity": "error", "message": "It failed.",
            "count": 1, "runtime_id": "backend-internal",
        });
        let page = json!({"items": items, "diagnostics": [diagnostic]});
        [Scripted::Json(200, page)]
    };
    let problem = "problem: backend-internal: It failed. [runtime_unavailable]\n";
    for line in [
        "workers",
        "workers --all",
        "workers --json",
        "workers --all --json",
    ] {
        let empty = run_line(line, page(&[])).await;
        assert_eq!(empty.result.unwrap_err().exit(), Exit::Failed, "{line}");
        let is_json = line.ends_with("--json");
        assert_eq!(empty.err, if is_json { "" } else { problem }, "{line}");
        assert_eq!(empty.out.contains("runtime_unavailable"), is_json, "{line}");
        // What other runtimes have is listed.
        let others = run_line(line, page(&["a1"])).await.success();
        assert_contains(&others.out, "a1");
    }
    let none = [Scripted::Json(200, json!({"items": [], "diagnostics": []}))];
    let none = run_line("workers", none).await.success();
    assert_eq!(none.err, "note: no workers; `yoi create` creates one\n");
}

#[tokio::test]
async fn all_pages_are_one_list_even_when_the_response_budget_refuses_one() {
    let script = || {
        let (first, empty) = (page(&["a1"], Some("MSByIA")), page(&[], Some("MSByIA")));
        let refused = response_budget_exhausted(0);
        [first, empty, refused, page(&["b2"], None)]
    };
    let all = run_line("workers --all", script()).await.success();
    assert_eq!(all.out.lines().count(), 3);
    assert_eq!(all.err, "warning: Some. ×2 [left_out]\n");
    let next = "GET /api/workers?limit=200&page_token=MSByIA";
    assert_eq!(all.requests[1..], [next; 3]);
    let all = run_line("workers --all --json", script()).await.success();
    let list: Value = serde_json::from_str(&all.out).unwrap();
    assert_eq!(list["items"].as_array().unwrap().len(), 2);
    assert_eq!(list["diagnostics"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn stopped_workers_are_hidden_and_counted_unless_they_are_asked_for() {
    let page = |states: &[&str], next: Option<&str>| {
        let item = |(index, state): (usize, &&str)| worker_summary(&format!("w{index}"), state);
        let items: Vec<Value> = states.iter().enumerate().map(item).collect();
        Scripted::Json(
            200,
            json!({"items": items, "diagnostics": [], "next_page_token": next}),
        )
    };
    let script = || {
        [
            page(&["stopped", "idle", "stopped"], Some("MSByIA")),
            page(&["stopped", "running", "recorded"], None),
        ]
    };
    let workers = run_line("workers --limit 3", script()).await.success();
    assert_eq!(workers.out.lines().count(), 1 + 3);
    assert!(!workers.out.contains("stopped"), "{}", workers.out);
    assert_eq!(
        workers.err,
        "note: 3 stopped workers are hidden; --all lists them\n"
    );
    // No more than there is room for.
    let next = "GET /api/workers?limit=2&page_token=MSByIA";
    assert_eq!(workers.requests, ["GET /api/workers?limit=3", next]);

    let only = run_line("workers", [page(&["stopped"], None)])
        .await
        .success();
    assert_eq!(only.out, "");
    assert_eq!(
        only.err,
        "note: 1 stopped worker is hidden; --all lists it\n"
    );
    for line in ["workers --all", "workers --state stopped", "workers --json"] {
        let asked_for = run_line(line, [page(&["stopped"], None)]).await.success();
        assert_contains(&asked_for.out, "stopped");
        assert_eq!(asked_for.err, "", "{line}");
    }
}

#[tokio::test]
async fn a_list_of_stopped_workers_alone_is_not_read_without_end() {
    let stopped = || {
        let items = [worker_summary("w1", "stopped")];
        let page = json!({"items": items, "diagnostics": [], "next_page_token": "MSByIA"});
        Scripted::Json(200, page)
    };
    let endless = run_line("workers", std::iter::repeat_with(stopped).take(25)).await;
    assert_contains(&endless.success().err, "20 stopped workers are hidden");
}

#[tokio::test]
async fn workers_in_a_state_are_looked_for_on_pages_that_have_none() {
    let page = |ids: &[&str], next: Option<&str>| {
        let items: Vec<Value> = ids.iter().map(|id| worker_summary(id, "running")).collect();
        let page = json!({"items": items, "diagnostics": [], "next_page_token": next});
        Scripted::Json(200, page)
    };
    let next = Some("MSByIA");
    let script = [page(&[], next), page(&["w1"], next), page(&["w2"], None)];
    let found = run_line("workers --state running", script).await.success();
    assert_eq!(found.out.lines().count(), 1 + 2);
    assert_eq!(found.err, "");
    let further = "GET /api/workers?state=running&limit=50&page_token=MSByIA";
    assert_eq!(found.requests[1], further);
    let endless = std::iter::repeat_with(|| page(&[], next)).take(25);
    let endless = run_line("workers --state running", endless).await.success();
    assert_eq!(
        endless.err,
        "note: there are more; add --all, or --page-token MSByIA\n"
    );
}
