//! What axe-core says of the page's main states, and pictures of them.

use std::path::PathBuf;
use std::time::Duration;
use std::{env, fs};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use testkit::server::TestServer;

use crate::page::{ENTER, Page, SHIFT, with_page};
use crate::servers::{begin_reply, open_server, scripted_server};

/// Most bytes of the picture in the README.
const PICTURE_BYTES_MAX: usize = 200 * 1024;

/// The buttons whose text has the colour of what is behind it: axe-core takes that for hidden text.
const INVISIBLE_BUTTONS: &str = "[...document.querySelectorAll('button')].filter((button) => {
    const background = (element) => {
        const { backgroundColor } = getComputedStyle(element);
        const isClear = backgroundColor === 'rgba(0, 0, 0, 0)' && element.parentElement;
        return isClear ? background(element.parentElement) : backgroundColor;
    };
    return button.checkVisibility() && background(button) === getComputedStyle(button).color;
}).map((button) => button.textContent)";

/// Asserts that axe-core finds nothing serious or critical, bright and dark.
async fn is_accessible(page: &Page, state: &str) {
    let axe = env::var("YOI_AXE").expect("`.ci/browser-tests` says where axe-core is");
    let axe = fs::read_to_string(axe).unwrap();
    // Not by the page, whose policy forbids it.
    let script = format!("{axe}; axe.run().then((found) => found.violations)");
    for scheme in ["light", "dark"] {
        shows_in(page, scheme).await;
        let run = json!({ "expression": script, "awaitPromise": true, "returnByValue": true });
        let found = page.devtools("Runtime.evaluate", run).await;
        let violations = found["result"]["value"].as_array();
        let violations = violations.unwrap_or_else(|| panic!("{state}: {found}"));
        let serious = |violation: &&Value| {
            ["serious", "critical"].contains(&violation["impact"].as_str().unwrap_or_default())
        };
        let serious: Vec<_> = violations.iter().filter(serious).collect();
        assert!(serious.is_empty(), "{state}, {scheme}: {serious:#?}");
        let invisible = page.evaluate(INVISIBLE_BUTTONS).await;
        assert_eq!(invisible, json!([]), "{state}, {scheme}");
    }
    shows_in(page, "light").await;
}

async fn shows_in(page: &Page, scheme: &str) {
    let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
    let media = json!({ "features": features });
    page.devtools("Emulation.setEmulatedMedia", media).await;
}

/// Keeps a picture where the gate collects them.
async fn keeps_picture(page: &Page, name: &str) -> Vec<u8> {
    let shot = page.devtools("Page.captureScreenshot", json!({})).await;
    let picture = STANDARD.decode(shot["data"].as_str().unwrap()).unwrap();
    let directory =
        PathBuf::from(env::var("YOI_PICTURES").expect("`.ci/browser-tests` says where"));
    fs::write(directory.join(format!("{name}.png")), &picture).unwrap();
    picture
}

/// Whether nothing sticks out at the side.
async fn fits(page: &Page) {
    let wide = "[...document.querySelectorAll('body *')].filter((e) => e.checkVisibility() \
        && e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('pre')).map((e) => e.id || e.className)";
    assert_eq!(page.evaluate(wide).await, json!([]));
}

#[tokio::test]
async fn the_sign_in_form_is_accessible() {
    let server = TestServer::start().await;
    with_page(&server.base, async |page| {
        page.expects("401 (Unauthorized)");
        page.opens().await;
        page.is("signed out").await;
        is_accessible(page, "signed out").await;
        page.signs_in("wrong-but-long-enough-to-be-one").await;
        page.alerts("token").await;
        is_accessible(page, "a trouble").await;
        page.has_size(360, 740).await;
        fits(page).await;
        keeps_picture(page, "narrow-sign-in").await;
    })
    .await;
}

#[tokio::test]
async fn a_reply_in_progress_is_accessible() {
    let (provider, server) = scripted_server().await;
    provider.enqueue(begin_reply("half a reply").stall());
    with_page(&server.base, async |page| {
        page.opens().await;
        page.creates("Busy").await;
        page.says("go on and on").await;
        let reply = page.find("article", "assistant 2").await;
        is_accessible(page, "a reply in progress").await;
        assert_eq!(reply.attribute("aria-busy").await, "true");
    })
    .await;
}

#[tokio::test]
async fn every_state_of_a_conversation_is_accessible_and_looks_as_in_the_readme() {
    let server = open_server(Duration::from_millis(20)).await;
    for name in ["Release notes", "Scribe"] {
        let worker = server.create_worker().await;
        worker.rename(name).await.expect(200);
        worker.run("Which crates may know which?").await;
    }
    server.workspace.write_record("workers/old", "Old hand");
    with_page(&server.base, async |page| {
        page.opens().await;
        is_accessible(page, "a list").await;
        page.presses("New worker").await;
        page.find("dialog", "New worker").await;
        is_accessible(page, "a new worker").await;
        page.find("textbox", "Name")
            .await
            .types("Cursor expert")
            .await;
        keeps_picture(page, "new-worker").await;
        page.presses("Create").await;
        page.find("heading", "Cursor expert").await;
        let line = format!("{SHIFT}{ENTER}{SHIFT}");
        let said = [
            "How do I read on from a cursor?",
            "```sh",
            "curl \"$URL/events?after=$CURSOR&wait_ms=30000\"",
            "```",
        ];
        page.says(&said.join(&line)).await;
        page.reply(2).await;
        page.until(async || {
            page.evaluate(
                "document.getElementById('status-line').textContent.includes('completed')",
            )
            .await
                == true
        })
        .await;
        is_accessible(page, "a conversation").await;
        page.presses("Rename").await;
        page.find("button", "Save").await;
        is_accessible(page, "renaming").await;
        page.presses("Rename").await;
        page.presses("Delete").await;
        page.find("button", "Delete worker").await;
        is_accessible(page, "a question").await;
        page.presses("Keep").await;

        page.has_size(1100, 640).await;
        let picture = keeps_picture(page, "page").await;
        assert!(picture.len() < PICTURE_BYTES_MAX, "{} bytes", picture.len());
        shows_in(page, "dark").await;
        keeps_picture(page, "dark").await;
        page.has_size(360, 740).await;
        fits(page).await;
        keeps_picture(page, "narrow-dark").await;
        page.find("link", "All workers").await.click().await;
        page.link("Scribe").await;
        fits(page).await;
        keeps_picture(page, "narrow-list").await;
    })
    .await;
}
