//! Ten thousand workers and a transcript of two thousand entries.

use std::time::Duration;

use futures_util::StreamExt as _;
use serde_json::json;
use testkit::client::EMBEDDED;
use testkit::server::{TestServer, offline};
use yoi_workspace_server::config::AuthSetting;

use crate::page::{Page, with_page};

/// Most elements of the document: 500 workers have 2,500.
const ELEMENTS_MAX: u64 = 3_000;

/// Most elements that are made for the first page: 100 workers have 500.
const SHOWN_FIRST_MAX: u64 = 1_000;
/// Most layouts until it is there: if each entry had one of its own there would be 50.
const LAYOUTS_MAX: f64 = 30.0;

async fn elements(page: &Page) -> u64 {
    let count = page.evaluate("document.querySelectorAll('*').length");
    count.await.as_u64().unwrap()
}

/// What the page has done from the moment at which it was opened until `shown` was there.
///
/// The time that it took would say as much of the machine as of the page.
#[derive(Debug)]
struct Work {
    /// Requests whose address has this part.
    requests: u64,
    /// Elements that were put into the document.
    elements: u64,
    /// How often the browser has laid it out.
    layouts: f64,
}

impl Work {
    /// Asserts that it is that of the first page alone, which is laid out as a whole.
    fn is_little(&self) {
        assert_eq!(self.requests, 1, "{self:?}");
        assert!(self.elements < SHOWN_FIRST_MAX, "{self:?}");
        assert!(self.layouts < LAYOUTS_MAX, "{self:?}");
    }
}

async fn work_until_shown(page: &Page, fragment: &str, path: &str, shown: &str) -> Work {
    let count = format!(
        "window.work = {{ requests: 0, elements: 0, isDone: false }}; \
         const elements = new Set(); \
         const send = fetch; \
         window.fetch = (url, options) => {{ \
             if (!work.isDone && url.includes('{path}')) work.requests++; \
             return send(url, options) }}; \
         new MutationObserver((changes, observer) => {{ \
             for (const node of changes.flatMap(({{ addedNodes }}) => [...addedNodes])) \
                 if (node instanceof Element) \
                     for (const element of [node, ...node.querySelectorAll('*')]) elements.add(element); \
             if (!document.querySelector('{shown}')) return; \
             observer.disconnect(); \
             Object.assign(work, {{ elements: elements.size, isDone: true }}) \
         }}).observe(document, {{ childList: true, subtree: true }})"
    );
    page.runs_first(&format!("(() => {{ {count} }})()")).await;
    page.devtools("Performance.enable", json!({})).await;
    page.goes_to(fragment).await;
    page.shows("work.isDone").await;
    let metrics = page.devtools("Performance.getMetrics", json!({})).await;
    let metrics = metrics["metrics"].as_array().unwrap();
    let layouts = metrics
        .iter()
        .find(|metric| metric["name"] == "LayoutCount");
    let work = page.evaluate("work").await;
    Work {
        requests: work["requests"].as_u64().unwrap(),
        elements: work["elements"].as_u64().unwrap(),
        layouts: layouts.unwrap()["value"].as_f64().unwrap(),
    }
}

#[tokio::test]
async fn ten_thousand_workers_stay_fast_and_can_be_found() {
    let server = TestServer::start_with(|config| config.auth = AuthSetting::None).await;
    let path = format!("{EMBEDDED}/workers");
    let creating = (0..10_000).map(|number| {
        let (server, path) = (&server, &path);
        async move {
            let body = json!({ "display_name": format!("Worker {number:05}") });
            server.post(path, &body).await.expect(201);
        }
    });
    futures_util::stream::iter(creating)
        .buffer_unordered(16)
        .collect::<Vec<()>>()
        .await;
    with_page(&server.base, async |page| {
        let item = "[aria-label=Workers] li";
        let work = work_until_shown(page, "", "api/workers", item).await;
        work.is_little();

        for _ in 0..7 {
            let before = elements(page).await;
            page.presses("Load more").await;
            page.until(async || elements(page).await != before).await;
            assert!(elements(page).await < ELEMENTS_MAX);
        }
        page.find("searchbox", "Filter workers")
            .await
            .types("worker 00007")
            .await;
        page.link("Worker 00007").await;
        page.until(async || {
            let rows = page.evaluate("document.querySelectorAll('[aria-label=Workers] li').length");
            rows.await == 1
        })
        .await;
        page.is("connected").await;
    })
    .await;
}

#[tokio::test]
async fn a_transcript_of_two_thousand_entries_is_read_in_pages_and_far_ones_are_dropped() {
    let server = TestServer::start_with(|config| {
        config.auth = AuthSetting::None;
        config.engine = offline(Duration::ZERO);
    });
    let server = server.await;
    let worker = server.create_worker().await;
    worker.rename("Chronicler").await.expect(200);
    for turn in 0..1_000 {
        worker.run(&format!("turn {turn}")).await;
    }
    with_page(&server.base, async |page| {
        let fragment = format!("#/backend-internal/{}", worker.id);
        let work = work_until_shown(page, &fragment, "/transcript", "article").await;
        work.is_little();
        page.find("article", "assistant 2000").await;
        let log = page.find("log", "Conversation").await;
        let top = "function() { this.scrollTop = 0 }";
        for earlier in [1_901, 1_851, 1_801, 1_751, 1_701] {
            log.call(top).await;
            page.find("article", &format!("user {earlier}")).await;
            assert!(elements(page).await < ELEMENTS_MAX);
        }
        assert!(
            !page.has("article", "assistant 2000").await,
            "nothing was dropped"
        );
        // What is said meanwhile is not lost, and not in the way.
        worker.run("the newest").await;
        log.call("function() { this.scrollTop = this.scrollHeight }")
            .await;
        page.presses("Jump to the latest").await;
        // The button that had the focus is gone.
        page.has_focus_on("log").await;
        assert!(page.reply(2_002).await.contains("the newest"));
        assert!(!page.has("button", "Jump to the latest").await);
    })
    .await;
}
