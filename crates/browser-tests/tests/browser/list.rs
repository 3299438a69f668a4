//! The list of workers changes under the mouse, a selection and the focus, and takes none of them away.

use std::time::Duration;

use serde_json::json;
use testkit::client::Worker;
use testkit::local_records::write_bytes;
use testkit::server::TestServer;

use crate::page::{ENTER, Page, with_page};
use crate::servers::open_server;

async fn named_worker(server: &TestServer, name: &str) -> Worker {
    let worker = server.create_worker().await;
    worker.rename(name).await.expect(200);
    worker
}

/// Gives the link to this worker the focus.
async fn focuses(page: &Page, name: &str) {
    page.link(name)
        .await
        .call("function() { this.focus() }")
        .await;
    page.shows(&has_focus(name)).await;
}

/// Whether the link to this worker has the focus.
fn has_focus(name: &str) -> String {
    format!(
        "document.activeElement.textContent.startsWith({})",
        json!(name)
    )
}

fn lists(count: usize) -> String {
    format!("document.querySelectorAll('[aria-label=Workers] li').length === {count}")
}

#[tokio::test]
async fn a_click_opens_its_worker_though_the_list_changes_while_the_button_is_down() {
    let server = open_server(Duration::ZERO).await;
    let worker = named_worker(&server, "Pressed").await;
    with_page(&server.base, async |page| {
        page.opens().await;
        let link = page.link("Pressed").await;
        page.mouse("mousePressed", &link).await;
        worker.rename("Renamed meanwhile").await.expect(200);
        let link = page.link("Renamed meanwhile").await;
        page.mouse("mouseReleased", &link).await;
        page.find("heading", "Renamed meanwhile").await;
    })
    .await;
}

#[tokio::test]
async fn a_selection_in_the_runtimes_outlives_their_refresh() {
    let server = open_server(Duration::ZERO).await;
    with_page(&server.base, async |page| {
        page.opens().await;
        let says = |part: &str| {
            format!("document.getElementById('runtimes').textContent.includes('{part}')")
        };
        page.shows(&says("no workers")).await;
        page.evaluate("getSelection().selectAllChildren(document.querySelector('#runtimes bdi'))")
            .await;
        let selected = page.evaluate("String(getSelection())").await;
        assert_ne!(selected, "");
        server.create_worker().await;
        page.shows(&says("1 idle")).await;
        assert_eq!(page.evaluate("String(getSelection())").await, selected);
    })
    .await;
}

#[tokio::test]
async fn the_focus_stays_on_its_worker_or_goes_to_the_list_when_that_is_gone() {
    let server = open_server(Duration::ZERO).await;
    named_worker(&server, "Third").await;
    let second = named_worker(&server, "Second").await;
    let first = named_worker(&server, "First").await;
    with_page(&server.base, async |page| {
        page.opens().await;
        page.shows(&lists(3)).await;
        focuses(page, "Third").await;
        first.delete().await;
        page.shows(&lists(2)).await;
        page.shows(&has_focus("Third")).await;
        focuses(page, "Second").await;
        second.delete().await;
        page.shows(&lists(1)).await;
        page.has_focus_on("workers").await;
    })
    .await;
}

#[tokio::test]
async fn the_focus_goes_to_the_list_when_there_is_no_more_to_load() {
    let server = open_server(Duration::ZERO).await;
    for _ in 0..101 {
        server.create_worker().await;
    }
    with_page(&server.base, async |page| {
        page.opens().await;
        page.presses("Load more").await;
        page.shows(&lists(101)).await;
        page.loses("button", "Load more").await;
        page.has_focus_on("workers").await;
    })
    .await;
}

#[tokio::test]
async fn on_a_narrow_screen_the_focus_goes_to_the_conversation_that_takes_the_place_of_the_list() {
    let server = open_server(Duration::ZERO).await;
    let worker = named_worker(&server, "Stopped").await;
    worker.stop().await;
    with_page(&server.base, async |page| {
        page.has_size(360, 740).await;
        page.opens().await;
        focuses(page, "Stopped").await;
        page.types(ENTER).await;
        page.find("heading", "Stopped").await;
        page.has_focus_on("log").await;
    })
    .await;
}

#[tokio::test]
async fn a_rename_from_elsewhere_reaches_the_open_conversation() {
    let server = open_server(Duration::ZERO).await;
    let worker = named_worker(&server, "Before").await;
    with_page(&server.base, async |page| {
        page.opens().await;
        page.chooses("Before").await;
        page.find("heading", "Before").await;
        worker.rename("Afterwards").await.expect(200);
        page.find("heading", "Afterwards").await;
        assert_eq!(page.client.title().await.unwrap(), "Afterwards – yoi");
        page.presses("Rename").await;
        let name = page.find("textbox", "New name").await;
        assert_eq!(name.value().await, "Afterwards");
    })
    .await;
}

#[tokio::test]
async fn records_that_can_not_be_read_are_said_without_advice_to_make_a_worker() {
    let server = open_server(Duration::ZERO).await;
    let record = server.workspace.data_dir().join("workers/broken");
    write_bytes(&record, b"{");
    with_page(&server.base, async |page| {
        page.opens().await;
        let note = "document.getElementById('list-note').textContent";
        page.shows(&format!("/not valid/.test({note})")).await;
        let note = page.evaluate(note).await;
        assert!(
            !note.as_str().unwrap().contains("No such workers"),
            "{note}"
        );
    })
    .await;
}
