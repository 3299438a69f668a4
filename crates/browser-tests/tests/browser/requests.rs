//! How often the page asks: seldom while a reply grows, and never while nobody looks.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use testkit::server::TestServer;
use tokio::sync::Notify;
use yoi_workspace_server::config::AuthSetting;

use crate::driver::{hide, show};
use crate::page::{Request, with_page};
use crate::servers::{begin_reply, scripted_server};

/// Most requests of a second, on average while a reply grows: after a moment in which the machine did
/// nothing, those of several seconds come due at once.
const REQUESTS_PER_S_MAX: f64 = 12.0;
/// The pause before each word of that reply.
const PACE: Duration = Duration::from_millis(3);
/// How many it has.
const WORDS: u32 = 2_000;
/// Its word in the middle, at which it waits until it has been seen.
const MIDDLE: u32 = WORDS / 2;

/// Keeps what is asked of the server while nobody looks, and how many timers are left by the end of that.
const WATCH_HIDDEN: &str = "(() => {
    const timers = new Set();
    const { fetch, setTimeout, clearTimeout } = window;
    Object.assign(window, {
        visibility: [],
        askedHidden: [],
        timersLeft: 0,
        fetch: (url, options) => {
            if (document.hidden) askedHidden.push(url);
            return fetch(url, options);
        },
        setTimeout: (act, ms) => {
            const timer = setTimeout(() => { timers.delete(timer); act(); }, ms);
            timers.add(timer);
            return timer;
        },
        clearTimeout: (timer) => {
            timers.delete(timer);
            clearTimeout(timer);
        },
    });
    // Before the page's own listeners.
    document.addEventListener('visibilitychange', () => {
        visibility.push(document.visibilityState);
        if (!document.hidden) timersLeft = timers.size;
    });
})()";

#[tokio::test]
async fn a_reply_of_two_thousand_words_needs_few_requests_a_second() {
    let (provider, server) = scripted_server().await;
    let seen = Arc::new(Notify::new());
    let reply = (0..WORDS).fold(begin_reply("Count:"), |reply, word| {
        let reply = reply.delay(PACE).delta(&format!(" {word}"));
        if word == MIDDLE {
            reply.wait_for(&seen)
        } else {
            reply
        }
    });
    provider.enqueue(reply.end("stop"));
    let worker = server.create_worker().await;
    worker.rename("Talkative").await.expect(200);
    with_page(&server.base, async |page| {
        page.opens().await;
        page.chooses("Talkative").await;
        page.requests().await;
        worker.send("count!").await;
        let half =
            format!("document.querySelector('[aria-busy]')?.textContent.includes(' {MIDDLE}')");
        page.shows(&half).await;
        seen.notify_one();
        assert!(page.reply(2).await.contains(" 1999"));
        let requests = api(page.requests().await);
        let times = requests.iter().map(|request| request.at);
        let first = times.clone().fold(f64::INFINITY, f64::min);
        let seconds = times.fold(first, f64::max) - first;
        let most = REQUESTS_PER_S_MAX * seconds;
        assert!(requests.len() as f64 <= most, "{seconds} s: {requests:#?}");
    })
    .await;
}

#[tokio::test]
async fn a_hidden_tab_asks_nothing_and_one_that_is_shown_asks_at_once() {
    let server = TestServer::start_with(|config| config.auth = AuthSetting::None).await;
    let worker = server.create_worker().await;
    worker.rename("Unseen").await.expect(200);
    with_page(&server.base, async |page| {
        page.runs_first(WATCH_HIDDEN).await;
        page.opens().await;
        page.chooses("Unseen").await;
        page.expects("net::ERR_ABORTED");
        let hidden = hide(&page.client).await;
        worker.run("said while nobody looks").await;
        show(&page.client, hidden).await;
        assert!(page.reply(2).await.contains("nobody looks"));
        let visibility = page.evaluate("visibility").await;
        assert_eq!(visibility, json!(["hidden", "visible"]));
        assert_eq!(page.evaluate("askedHidden").await, json!([]));
        // However long nobody looks, nothing is asked then.
        assert_eq!(page.evaluate("timersLeft").await, 0);
    })
    .await;
}

fn api(mut requests: Vec<Request>) -> Vec<Request> {
    requests.retain(|request| request.url.contains("/api/"));
    requests
}

#[tokio::test]
async fn what_the_policy_forbids_does_not_happen_and_would_be_noticed() {
    let server = TestServer::start_with(|config| config.auth = AuthSetting::None).await;
    with_page(&server.base, async |page| {
        page.opens().await;
        page.is("connected").await;
        for (attempt, complaint) in [
            (
                "new Image().src = 'http://127.0.0.2:1/x'",
                "Content Security Policy",
            ),
            ("document.body.innerHTML = '<b>x</b>'", "TrustedHTML"),
        ] {
            let attempt = format!("(() => {{ try {{ {attempt} }} catch {{}} }})()");
            page.evaluate(&attempt).await;
            page.until(async || {
                let complaints = page.complaints().await;
                complaints.iter().any(|text| text.contains(complaint))
            })
            .await;
        }
        assert!(page.has("button", "New worker").await);
    })
    .await;
}
