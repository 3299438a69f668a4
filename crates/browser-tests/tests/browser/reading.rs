//! The place in a conversation: its end is followed while a reply grows, and what is read stays.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use testkit::provider::ScriptedResponse;
use testkit::server::TestServer;
use tokio::sync::Notify;
use yoi_workspace_server::config::AuthSetting;

use crate::page::{ENTER, Page, SHIFT, with_page};
use crate::servers::{Site, begin_reply, open_server, scripted_server};

/// How many pixels the end of the log is below what is seen of it.
const BELOW: &str = "(() => { const log = document.getElementById('log'); \
    return Math.round(log.scrollHeight - log.scrollTop - log.clientHeight) })()";
/// So high that the log is lower by it than what counts as being at its end.
const LINES: usize = 5;

/// Asserts that the reply, which ends so, is at its end, and was all the time: who is not there once stays behind.
async fn follows(page: &Page, reply: u64, end: &str) {
    assert!(page.reply(reply).await.contains(end));
    let below = page.evaluate(BELOW).await;
    assert_eq!(below, 0, "the reply is not followed");
}

/// The end of a reply of [`growing`].
const END: &str = "and that is all.";

/// A reply that grows until `enough`.
fn growing(enough: &Arc<Notify>) -> ScriptedResponse {
    let pace = Duration::from_millis(8);
    let reply = begin_reply("On").deltas_until(" and on", pace, enough);
    reply.delta(END).end("stop")
}

/// A conversation that is longer than the window, and replies that are, too.
async fn long_conversation() -> (testkit::provider::ScriptedProvider, TestServer) {
    let (provider, server) = scripted_server().await;
    provider.enqueue(ScriptedResponse::openai(&[&"a line\n".repeat(60)]));
    provider.respond_with(|request| {
        let count = if request.body["stream"] == true {
            300
        } else {
            1
        };
        ScriptedResponse::openai_numbers(request, count, Duration::from_millis(8))
    });
    let worker = server.create_worker().await;
    worker.rename("Lengthy").await.expect(200);
    worker.run("a long one").await;
    (provider, server)
}

#[tokio::test]
async fn a_reply_is_followed_while_the_message_below_it_grows() {
    let (provider, server) = long_conversation().await;
    let enough = Arc::new(Notify::new());
    provider.enqueue(growing(&enough));
    with_page(&server.base, async |page| {
        page.opens().await;
        page.chooses("Lengthy").await;
        page.says("go on").await;
        page.find("article", "assistant 4").await;
        let line = format!("line{SHIFT}{ENTER}{SHIFT}");
        let height = page
            .evaluate("document.getElementById('log').clientHeight")
            .await;
        page.types(&line.repeat(LINES)).await;
        let lower = format!("document.getElementById('log').clientHeight < {height} - 60");
        page.shows(&lower).await;
        assert!(
            page.find("article", "assistant 4")
                .await
                .attribute("aria-busy")
                .await
                == "true"
        );
        enough.notify_one();
        follows(page, 4, END).await;
    })
    .await;
}

#[tokio::test]
async fn a_reply_is_followed_while_the_window_gets_lower() {
    let (provider, server) = long_conversation().await;
    let enough = Arc::new(Notify::new());
    provider.enqueue(growing(&enough));
    with_page(&server.base, async |page| {
        page.has_size(1_000, 800).await;
        page.opens().await;
        page.chooses("Lengthy").await;
        page.says("go on").await;
        let reply = page.find("article", "assistant 4").await;
        page.has_size(1_000, 600).await;
        page.shows("innerHeight === 600").await;
        assert_eq!(reply.attribute("aria-busy").await, "true");
        enough.notify_one();
        follows(page, 4, END).await;
    })
    .await;
}

#[tokio::test]
async fn who_reads_further_up_is_left_there_and_sees_a_message_of_ones_own() {
    let (_provider, server) = long_conversation().await;
    with_page(&server.base, async |page| {
        page.opens().await;
        page.chooses("Lengthy").await;
        page.find("article", "assistant 2").await;
        page.shows(&format!("{BELOW} === 0")).await;
        page.evaluate("document.getElementById('log').scrollTop -= 400")
            .await;
        let worker = server.worker(&only_worker(page).await);
        worker.run("said elsewhere").await;
        page.reply(4).await;
        let below = page.evaluate(BELOW).await;
        assert!(below.as_i64().unwrap() > 400, "{below}");
        page.says("said here").await;
        page.find("article", "assistant 6").await;
        follows(page, 6, " 299").await;
    })
    .await;
}

/// The id of the worker that is open.
async fn only_worker(page: &Page) -> String {
    let id = page.evaluate("location.hash.split('/')[2]").await;
    id.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_message_of_ones_own_is_shown_from_far_up_too() {
    let server = open_server(Duration::ZERO).await;
    let worker = server.create_worker().await;
    worker.rename("Chronicler").await.expect(200);
    for turn in 0..110 {
        worker.run(&format!("turn {turn}")).await;
    }
    with_page(&server.base, async |page| {
        page.opens().await;
        page.chooses("Chronicler").await;
        page.find("article", "assistant 220").await;
        for earlier in [121, 71, 21] {
            page.evaluate("document.getElementById('log').scrollTop = 0")
                .await;
            page.find("article", &format!("user {earlier}")).await;
        }
        page.find("button", "Jump to the latest").await;
        page.says("said far up").await;
        assert!(page.reply(222).await.contains("said far up"));
        assert_eq!(page.evaluate(BELOW).await, 0);
    })
    .await;
}

#[tokio::test]
async fn an_entry_that_is_read_stays_where_it_is_while_the_server_restarts() {
    let (site, server) = Site::open(AuthSetting::None).await;
    let base = server.base.clone();
    let worker = server.create_worker().await;
    worker.rename("Read").await.expect(200);
    for turn in 0..8 {
        worker.run(&format!("turn {turn}\n\n\n\n\n\n\n.")).await;
    }
    with_page(&base, async |page| {
        page.opens().await;
        page.chooses("Read").await;
        page.find("article", "assistant 16").await;
        page.shows(&format!("{BELOW} === 0")).await;
        let place = "(() => { const entry = document.querySelector('[aria-label=\"assistant 6\"]'); \
            return Math.round(entry.getBoundingClientRect().top \
            - entry.parentElement.getBoundingClientRect().top) })()";
        page.evaluate("document.querySelector('[aria-label=\"Copy assistant 6\"]').focus()").await;
        page.evaluate("document.querySelector('[aria-label=\"assistant 6\"]').scrollIntoView()").await;
        let before = page.evaluate(place).await;
        page.expects("net::ERR_");
        page.expects("503");
        page.expects("410 (Gone)");
        server.shut_down().await;
        page.is("reconnecting").await;
        let server = site.start().await;
        page.shows_news("read anew").await;
        server.worker(&worker.id).run("after the restart").await;
        page.reply(18).await;
        assert_eq!(page.evaluate(place).await, before);
        let focused = "document.activeElement.getAttribute('aria-label')";
        assert_eq!(page.evaluate(focused).await, "Copy assistant 6");
    })
    .await;
}

#[tokio::test]
async fn reasoning_is_laid_out_in_pieces_and_a_batch_of_events_once() {
    let (provider, server) = scripted_server().await;
    provider.respond_with(|_| {
        let response = ScriptedResponse::event_stream();
        let thought = json!({ "reasoning_content": "a thought, and another one\n" });
        let event = json!({ "choices": [{ "index": 0, "delta": thought, "finish_reason": null }] });
        let response = (0..1_500).fold(response, |response, _| {
            response.event(&event).delay(Duration::from_millis(2))
        });
        response.delta("thought through").end("stop")
    });
    with_page(&server.base, async |page| {
        page.opens().await;
        page.creates("Thinker").await;
        let count = "(() => { window.layouts = window.answers = 0; \
            const { text } = Response.prototype; \
            Response.prototype.text = function () { answers++; return text.call(this) }; \
            const { get } = Object.getOwnPropertyDescriptor(Element.prototype, 'scrollHeight'); \
            Object.defineProperty(document.getElementById('log'), 'scrollHeight', \
                { get() { window.layouts++; return get.call(this) } }) })()";
        page.evaluate(count).await;
        page.says("think").await;
        page.find("article", "assistant 2").await;
        let open = "void (document.querySelector('details').open = true)";
        page.shows("document.querySelector('details') !== null").await;
        page.evaluate(open).await;
        assert!(page.reply(2).await.contains("thought through"));
        let pieces = "[...document.querySelectorAll('details .text > div')].map((d) => d.textContent.length)";
        let pieces = page.evaluate(pieces).await;
        let pieces: Vec<_> = pieces.as_array().unwrap().iter().map(|p| p.as_u64().unwrap()).collect();
        assert_eq!(pieces.iter().sum::<u64>(), 27 * 1_500);
        assert!(pieces.iter().all(|piece| *piece < 10_000), "{pieces:?}");
        let layouts = page.evaluate("layouts").await.as_u64().unwrap();
        let answers = page.evaluate("answers").await.as_u64().unwrap();
        // Once more when it scrolls.
        assert!(layouts <= 2 * answers, "{layouts} layouts for {answers} answers");
    })
    .await;
}
