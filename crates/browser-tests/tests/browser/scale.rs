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
/// Longest time from the answer of the API to its first page on the screen, in milliseconds.
const SHOWN_MS_MAX: f64 = 300.0;

async fn elements(page: &Page) -> u64 {
    let count = page.evaluate("document.querySelectorAll('*').length");
    count.await.as_u64().unwrap()
}

/// How long after the first answer of `path` it was that `shown` was on the screen, in milliseconds.
///
/// Measured in the page, from the end of the answer to the frame: the polls of the test and the time
/// of the server are none of the page's. The best of some loads, because other work of the machine
/// can only make a load slower.
async fn shown_after(page: &Page, fragment: &str, path: &str, shown: &str) -> f64 {
    const LOADS: usize = 3;
    let watch = format!(
        "new MutationObserver((_, observer) => {{ if (!document.querySelector('{shown}')) return; \
         observer.disconnect(); \
         requestAnimationFrame(() => setTimeout(() => window.shownAt = performance.now())); \
         }}).observe(document, {{ childList: true, subtree: true }})"
    );
    let watch = json!({ "source": watch });
    page.devtools("Page.addScriptToEvaluateOnNewDocument", watch)
        .await;
    let waited = format!(
        "window.shownAt - performance.getEntriesByType('resource')\
         .find((entry) => entry.name.includes('{path}')).responseEnd"
    );
    let mut loads = Vec::new();
    for load in 0..LOADS {
        page.goes_to(&format!("?{load}{fragment}")).await;
        page.until(async || page.evaluate("window.shownAt > 0").await == true)
            .await;
        loads.push(page.evaluate(&waited).await.as_f64().unwrap());
    }
    loads.into_iter().fold(f64::INFINITY, f64::min)
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
        let waited = shown_after(page, "", "api/workers", "[aria-label=Workers] li").await;
        assert!(waited < SHOWN_MS_MAX, "{waited} ms");

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
        let waited = shown_after(page, &fragment, "/transcript", "article").await;
        assert!(waited < SHOWN_MS_MAX, "{waited} ms");
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
