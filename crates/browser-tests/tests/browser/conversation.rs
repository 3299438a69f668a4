//! Making a worker and talking to it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use testkit::provider::ScriptedResponse;
use testkit::server::TestServer;
use tokio::sync::Notify;

use crate::page::{ENTER, SHIFT, with_page};
use crate::servers::{begin_reply, echo, open_server, scripted_server};

/// A reply, a step of it at a time.
const STEPS: [&str; 6] = ["Once ", "upon ", "a ", "time ", "there ", "was"];

#[tokio::test]
async fn a_worker_is_made_and_its_reply_is_seen_as_it_grows() {
    let (provider, server) = scripted_server().await;
    let seen = Arc::new(Notify::new());
    let (first, rest) = STEPS.split_first().unwrap();
    let reply = rest.iter().fold(begin_reply(first), |reply, step| {
        reply.wait_for(&seen).delta(step)
    });
    provider.enqueue(reply.wait_for(&seen).end("stop"));
    with_page(&server.base, async |page| {
        page.opens().await;
        page.creates("Scribe").await;
        page.says("Tell me of cursors").await;
        let user = page.find("article", "user 1").await.text().await;
        assert!(user.contains("Tell me of cursors"), "{user}");

        let reply = page.find("article", "assistant 2").await;
        let is_last = "function() { return this === this.parentElement.lastElementChild }";
        assert_eq!(reply.call(is_last).await, true);
        let text = "document.querySelector('article:last-of-type .text').textContent";
        for steps in 1..=STEPS.len() {
            let so_far = json!(STEPS[..steps].concat());
            page.shows(&format!("{text} === {so_far}")).await;
            assert_eq!(reply.attribute("aria-busy").await, "true");
            seen.notify_one();
        }
        assert!(page.reply(2).await.contains(&STEPS.concat()));
        page.until(async || {
            let line = page
                .evaluate("document.getElementById('status-line').textContent")
                .await;
            line.as_str().unwrap().contains("tokens in")
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn shift_and_enter_breaks_the_line_and_a_fenced_block_can_be_copied() {
    let server = open_server(Duration::ZERO).await;
    with_page(&server.base, async |page| {
        page.opens().await;
        page.creates("Scribe").await;
        let line = format!("{SHIFT}{ENTER}{SHIFT}");
        let code = ["See:", "```rust", "fn main() {}", "```", "Done."].join(&line);
        page.says(&code).await;
        let code = page.find("group", "Code: rust").await.text().await;
        assert_eq!(code.trim_end(), "fn main() {}");
        // Until then it may be scrolled away under the mouse.
        page.reply(2).await;
        page.presses("Copy code").await;
        page.shows_news("Copied.").await;
        // What a person pastes next.
        let message = page.find("textbox", "Message").await;
        message.types("\u{e009}v\u{e009}").await;
        page.until(async || message.value().await == "fn main() {}\n")
            .await;
        page.find("button", "Copy user 1").await.click().await;
    })
    .await;
}

#[tokio::test]
async fn two_tabs_show_the_same_conversation() {
    let server = open_server(Duration::from_millis(5)).await;
    with_page(&server.base, async |page| {
        page.opens().await;
        page.creates("Shared").await;
        let first = page.client.window().await.unwrap();
        let second = page.client.new_window(false).await.unwrap().handle;
        page.client.switch_to_window(second.clone()).await.unwrap();
        page.opens().await;
        page.chooses("Shared").await;
        page.says("from the second").await;
        assert!(page.reply(2).await.contains("from the second"));
        page.client.switch_to_window(first).await.unwrap();
        assert!(page.reply(2).await.contains("from the second"));
        page.says("from the first").await;
        let here = page.reply(4).await;
        page.client.switch_to_window(second).await.unwrap();
        assert_eq!(page.reply(4).await, here);
    })
    .await;
}

#[tokio::test]
async fn a_reply_that_ends_before_the_page_has_read_it_is_not_taken_for_one_in_progress() {
    let (provider, server) = scripted_server().await;
    let known = Arc::new(Notify::new());
    provider.respond_with(echo);
    provider.enqueue(begin_reply("a reply").wait_for(&known).end("stop"));
    let worker = server.create_worker().await;
    worker.rename("Quick").await.expect(200);
    let accepted = worker.send("be quick").await;
    with_page(&server.base, async |page| {
        // The page reads the worker, which replies, and is slow to ask for its transcript.
        let hold = "window.fetch = ((send) => async (url, options) => { \
            if (url.includes('/transcript') && !window.asks) \
                await new Promise((resolve) => Object.assign(window, { asks: true, go: resolve })); \
            return send(url, options) })(fetch)";
        page.runs_first(hold).await;
        page.opens().await;
        page.chooses("Quick").await;
        page.find("button", "Cancel").await;
        page.shows("window.asks").await;
        known.notify_one();
        let cursor = accepted["cursor"].as_str().unwrap();
        worker.run_events_after(cursor).await;
        page.evaluate("go()").await;
        assert!(page.reply(2).await.contains("a reply"));
        page.loses("button", "Cancel").await;
        page.says("and another one").await;
        assert!(page.reply(4).await.contains("and another one"));
    })
    .await;
}

#[tokio::test]
async fn an_answer_that_arrives_after_another_worker_was_opened_is_not_shown() {
    let server = open_server(Duration::ZERO).await;
    let (left, opened) = (server.create_worker().await, server.create_worker().await);
    left.rename("Left").await.expect(200);
    opened.rename("Opened").await.expect(200);
    with_page(&server.base, async |page| {
        // When all of the answer is there, and the page has not seen it yet, the address changes.
        let script = format!(
            "const read = Response.prototype.text; Response.prototype.text = async function () {{ \
             const text = await read.call(this); \
             if (this.url.includes('{}?')) await new Promise((resolve) => {{ \
                 addEventListener('hashchange', () => setTimeout(resolve)); \
                 location.hash = '#/backend-internal/{}'; \
             }}); \
             return text; }}; \
             addEventListener('DOMContentLoaded', () => {{ const name = document.getElementById('worker-name'); \
                 window.names = []; \
                 new MutationObserver(() => names.push(name.textContent)).observe(name, {{ childList: true }}); }})",
            left.id, opened.id
        );
        page.runs_first(&script).await;
        page.goes_to(&format!("#/backend-internal/{}", left.id))
            .await;
        page.find("heading", "Opened").await;
        page.find("textbox", "Message").await;
        let names = page.evaluate("names").await;
        assert!(!names.as_array().unwrap().contains(&json!("Left")), "{names}");
    })
    .await;
}

#[tokio::test]
async fn the_address_names_the_worker_and_a_wrong_one_is_said() {
    let server = TestServer::start_with(|config| {
        config.auth = yoi_workspace_server::config::AuthSetting::None;
    });
    let server = server.await;
    let worker = server.create_worker().await;
    worker.rename("Named").await.expect(200);
    with_page(&server.base, async |page| {
        let fragment = format!("#/backend-internal/{}", worker.id);
        page.goes_to(&fragment).await;
        page.find("heading", "Named").await;
        let link = page.link("Named").await;
        assert_eq!(link.attribute("aria-current").await, "page");
        page.expects("404 (Not Found)");
        let elsewhere = json!(format!("#/backend-internal/{}x", &worker.id[1..]));
        page.evaluate(&format!("location.hash = {elsewhere}")).await;
        page.alerts("no such worker").await;
        page.is("connected").await;
    })
    .await;
}

/// A reply, and what its code blocks have.
const FENCED: [(&str, &[&str]); 5] = [
    ("- ```js\n  one()\n  ```\nplain", &["one()\n"]),
    (
        "10. See:\n\n    ```sh\n    two\n      deeper\n    ```\nplain",
        &["two\n  deeper\n"],
    ),
    ("   ```\n   three\n   ```\nplain", &["three\n"]),
    ("```\n    ```\n```\nplain", &["    ```\n"]),
    ("no ```fence``` here\nplain", &[]),
];

#[tokio::test]
async fn code_in_the_items_of_a_list_is_code_and_what_follows_is_text() {
    let (provider, server) = scripted_server().await;
    let long = format!("```text {}\nfour\n```\nplain", "x".repeat(300));
    let long: [(&str, &[&str]); 1] = [(&long, &["four\n"])];
    let replies = FENCED.iter().chain(&long);
    with_page(&server.base, async |page| {
        page.opens().await;
        page.creates("Coder").await;
        for (turn, (reply, blocks)) in replies.enumerate() {
            provider.enqueue(ScriptedResponse::openai(&[reply]));
            page.says("more").await;
            page.reply(2 * turn as u64 + 2).await;
            let last = "document.querySelector('article:last-of-type .text')";
            let found =
                format!("[...{last}.querySelectorAll('pre')].map((pre) => pre.textContent)");
            assert_eq!(page.evaluate(&found).await, json!(blocks), "{reply}");
            let end =
                format!("{last}.lastElementChild.tagName + {last}.lastElementChild.className");
            assert_eq!(page.evaluate(&end).await, "DIV", "{reply}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_keys_of_a_composition_neither_send_a_message_nor_close_a_form() {
    let server = open_server(Duration::ZERO).await;
    with_page(&server.base, async |page| {
        page.opens().await;
        page.creates("Composed").await;
        let press = |id: &str, init: &str| {
            format!(
                "document.getElementById('{id}').dispatchEvent(new KeyboardEvent('keydown', \
                 {{ bubbles: true, cancelable: true, {init} }}))"
            )
        };
        page.find("textbox", "Message").await.types("half").await;
        // As Safari sends it, after the composition.
        page.evaluate(&press("message", "key: 'Enter', keyCode: 229"))
            .await;
        page.says(" whole").await;
        assert!(page.reply(2).await.contains("half whole"));
        page.presses("Rename").await;
        page.find("textbox", "New name").await;
        page.evaluate(&press("rename-name", "key: 'Escape', isComposing: true"))
            .await;
        assert!(page.has("textbox", "New name").await);
    })
    .await;
}

#[tokio::test]
async fn enter_breaks_the_line_where_the_keyboard_is_on_the_screen() {
    let server = open_server(Duration::ZERO).await;
    with_page(&server.base, async |page| {
        let touch = json!({ "enabled": true });
        page.devtools("Emulation.setTouchEmulationEnabled", touch)
            .await;
        page.opens().await;
        page.shows("matchMedia('(pointer: coarse)').matches").await;
        page.creates("Touched").await;
        page.says("one").await;
        let message = page.find("textbox", "Message").await;
        assert_eq!(message.value().await, "one\n");
        message.types("two").await;
        page.presses("Send").await;
        assert!(page.reply(2).await.contains("two"));
    })
    .await;
}
