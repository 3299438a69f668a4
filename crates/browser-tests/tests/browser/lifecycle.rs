//! Cancelling, renaming, stopping and deleting, by keyboard as well; records that can only be read.

use std::sync::Arc;
use std::time::Duration;

use testkit::json::{each, text};
use testkit::server::TestServer;
use tokio::sync::Notify;
use yoi_workspace_server::config::AuthSetting;

use crate::page::{ENTER, ESCAPE, with_page};
use crate::servers::{begin_reply, echo, open_server, scripted_server};

#[tokio::test]
async fn a_reply_is_cancelled_and_the_worker_takes_the_next_message() {
    let (provider, server) = scripted_server().await;
    provider.respond_with(echo);
    provider.enqueue(begin_reply("half a reply").stall());
    with_page(&server.base, async |page| {
        page.opens().await;
        page.creates("Busy").await;
        page.says("go on and on").await;
        page.find("button", "Cancel").await;
        page.says("too early").await;
        page.shows_news("The worker is still replying.").await;
        page.presses("Cancel").await;
        let partial = page.reply(2).await;
        assert!(partial.contains("cancelled"), "{partial}");
        page.loses("button", "Cancel").await;
        // The early text was kept; Enter alone sends it.
        page.says("").await;
        assert!(page.reply(4).await.contains("too early"));
    })
    .await;
}

#[tokio::test]
async fn the_focus_goes_on_when_a_reply_ends_and_takes_its_button_along() {
    let (provider, server) = scripted_server().await;
    let focused = Arc::new(Notify::new());
    let reply = begin_reply("a reply").wait_for(&focused).end("stop");
    provider.enqueue(reply);
    with_page(&server.base, async |page| {
        page.opens().await;
        page.creates("Brief").await;
        page.says("be brief").await;
        page.find("button", "Cancel").await;
        page.evaluate("document.getElementById('cancel').focus()")
            .await;
        page.has_focus_on("cancel").await;
        focused.notify_one();
        page.reply(2).await;
        page.has_focus_on("log").await;
    })
    .await;
}

#[tokio::test]
async fn a_worker_is_renamed_stopped_and_deleted_after_questions() {
    let server = open_server(Duration::ZERO).await;
    with_page(&server.base, async |page| {
        page.opens().await;
        page.creates("First name").await;
        page.presses("Rename").await;
        let name = page.find("textbox", "New name").await;
        assert_eq!(name.value().await, "First name");
        name.types("Second name").await;
        page.presses("Save").await;
        page.find("heading", "Second name").await;
        page.expects("400 (Bad Request)");
        page.presses("Rename").await;
        page.find("textbox", "New name")
            .await
            .types(&"x".repeat(99))
            .await;
        page.presses("Save").await;
        page.alerts("That name can't be used. It is not one line")
            .await;
        page.find("textbox", "New name").await.types(ESCAPE).await;
        page.link("Second name").await;

        page.presses("Stop").await;
        page.presses("Keep").await;
        page.loses("alertdialog", "Stop this worker for good?")
            .await;
        page.find("textbox", "Message").await;
        page.presses("Stop").await;
        page.presses("Stop worker").await;
        page.loses("textbox", "Message").await;
        page.loses("button", "Stop").await;
        // The button that had the focus is gone.
        page.has_focus_on("log").await;

        page.presses("Delete").await;
        page.presses("Delete worker").await;
        page.has_focus_on("home").await;
        page.until(async || page.evaluate("location.hash").await == "")
            .await;
        page.until(async || {
            let workers =
                page.evaluate("document.querySelectorAll('[aria-label=Workers] li').length");
            workers.await == 0
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn a_whole_conversation_needs_no_mouse() {
    let server = open_server(Duration::ZERO).await;
    with_page(&server.base, async |page| {
        const TAB: &str = "\u{e004}";
        page.opens().await;
        page.is("connected").await;
        let press = async |key: &str| {
            page.client
                .active_element()
                .await
                .unwrap()
                .send_keys(key)
                .await
                .unwrap();
        };
        let tab_to = async |id: &str| {
            for _ in 0..30 {
                let at = page
                    .evaluate("document.activeElement.id || document.activeElement.textContent")
                    .await;
                let at = at.as_str().unwrap().to_owned();
                if at.starts_with(id) {
                    let outline = page
                        .evaluate("getComputedStyle(document.activeElement).outlineStyle")
                        .await;
                    assert_eq!(outline, "solid", "the focus on {at} is not seen");
                    return;
                }
                press(TAB).await;
            }
            panic!("tab does not lead to {id}")
        };
        tab_to("new-worker").await;
        press(ENTER).await;
        page.find("dialog", "New worker").await;
        press("By keys").await;
        press(ENTER).await;
        page.find("heading", "By keys").await;
        tab_to("message").await;
        press("hello").await;
        press(ENTER).await;
        assert!(page.reply(2).await.contains("hello"));
        tab_to("delete").await;
        press(ENTER).await;
        page.find("button", "Delete worker").await;
        press(ESCAPE).await;
        page.loses("button", "Delete worker").await;
        tab_to("rename").await;
        press(ENTER).await;
        page.find("textbox", "New name").await;
        press(ESCAPE).await;
        page.loses("textbox", "New name").await;
        tab_to("By keys").await;
    })
    .await;
}

#[tokio::test]
async fn a_question_is_about_the_worker_that_was_open_when_it_was_asked() {
    let server = open_server(Duration::ZERO).await;
    with_page(&server.base, async |page| {
        page.opens().await;
        page.creates("Kept").await;
        page.creates("Deleted").await;
        page.presses("Delete").await;
        page.find("button", "Delete worker").await;
        page.evaluate("history.back()").await;
        let open = "document.getElementById('worker-name').textContent";
        page.until(async || page.evaluate(open).await == "Kept")
            .await;
        page.presses("Delete worker").await;
        let left = async || {
            let list = server.get("/api/workers").await.expect(200);
            let names = each(&list["items"], "display_name").into_iter();
            names.map(|name| text(name).to_owned()).collect::<Vec<_>>()
        };
        page.until(async || left().await.len() == 1).await;
        assert_eq!(left().await, ["Kept"]);
        page.find("heading", "Kept").await;
    })
    .await;
}

#[tokio::test]
async fn a_record_of_older_tools_is_shown_and_can_only_be_read() {
    let server = TestServer::start_with(|config| config.auth = AuthSetting::None).await;
    server.workspace.write_record("workers/old", "Old hand");
    with_page(&server.base, async |page| {
        page.opens().await;
        let link = page.link("Old hand").await;
        assert!(link.text().await.contains("read-only record"));
        link.click().await;
        page.find("heading", "Old hand").await;
        page.until(async || {
            let said = page
                .evaluate("document.getElementById('record').textContent")
                .await;
            said.as_str().unwrap().contains("read-only record")
        })
        .await;
        for button in ["Stop", "Delete", "Rename", "Send", "Cancel"] {
            assert!(!page.has("button", button).await, "{button}");
        }
        page.is("connected").await;
    })
    .await;
}
