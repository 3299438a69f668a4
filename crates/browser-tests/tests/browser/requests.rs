//! How often the page asks: seldom while a reply grows, and never while nobody looks.

use std::time::Duration;

use serde_json::json;
use testkit::provider::ScriptedResponse;
use testkit::server::TestServer;
use yoi_workspace_server::config::AuthSetting;

use crate::driver::{hide, show};
use crate::page::{Request, with_page};
use crate::servers::scripted_server;

/// Most requests of any second.
const REQUESTS_PER_S_MAX: usize = 12;

#[tokio::test]
async fn a_reply_of_two_thousand_words_needs_few_requests_a_second() {
    let (provider, server) = scripted_server().await;
    provider.respond_with(|request| {
        ScriptedResponse::openai_numbers(request, 2_000, Duration::from_millis(3))
    });
    let worker = server.create_worker().await;
    worker.rename("Talkative").await.expect(200);
    with_page(&server.base, async |page| {
        page.opens().await;
        page.chooses("Talkative").await;
        page.requests().await;
        worker.send("count!").await;
        assert!(page.reply(2).await.contains(" 1999"));
        let requests = api(page.requests().await);
        let most = most_in_a_second(&requests);
        assert!(most <= REQUESTS_PER_S_MAX, "{most} of {requests:#?}");
        assert!(requests.len() > 20, "the reply did not grow: {requests:#?}");
    })
    .await;
}

#[tokio::test]
async fn a_hidden_tab_asks_nothing_and_one_that_is_shown_asks_at_once() {
    let server = TestServer::start_with(|config| config.auth = AuthSetting::None).await;
    let worker = server.create_worker().await;
    worker.rename("Unseen").await.expect(200);
    with_page(&server.base, async |page| {
        page.opens().await;
        page.chooses("Unseen").await;
        page.expects("net::ERR_ABORTED");
        let seen = "window.seen = [], document.addEventListener('visibilitychange', () => seen.push(document.visibilityState))";
        page.evaluate(seen).await;
        let hidden = hide(&page.client).await;
        page.requests().await;
        worker.run("said while nobody looks").await;
        // Longer than the list's pause.
        tokio::time::sleep(Duration::from_secs(3)).await;
        let requests = api(page.requests().await);
        assert!(requests.is_empty(), "{requests:#?}");
        show(&page.client, hidden).await;
        assert!(page.reply(2).await.contains("nobody looks"));
        assert_eq!(page.evaluate("seen").await, json!(["hidden", "visible"]));
    })
    .await;
}

fn api(mut requests: Vec<Request>) -> Vec<Request> {
    requests.retain(|request| request.url.contains("/api/"));
    requests
}

fn most_in_a_second(requests: &[Request]) -> usize {
    let within = |from: f64| {
        let of_it = requests
            .iter()
            .filter(|r| r.at >= from && r.at < from + 1.0);
        of_it.count()
    };
    requests.iter().map(|r| within(r.at)).max().unwrap_or(0)
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
