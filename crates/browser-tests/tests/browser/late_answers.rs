//! Answers that arrive when another worker or form is open act on neither.

use std::time::Duration;

use testkit::json::{each, text};
use testkit::server::TestServer;

use crate::page::{ENTER, Page, with_page};
use crate::servers::open_server;

/// A server with the workers "Left" and "Opened".
async fn two_workers() -> TestServer {
    let server = open_server(Duration::ZERO).await;
    for name in ["Left", "Opened"] {
        let worker = server.create_worker().await;
        worker.rename(name).await.expect(200);
    }
    server
}

async fn names(server: &TestServer) -> Vec<String> {
    let list = server.get("/api/workers").await.expect(200);
    let names = each(&list["items"], "display_name").into_iter();
    names.map(|name| text(name).to_owned()).collect()
}

/// Opens the form for a new worker, and types its name.
async fn fills_form(page: &Page, name: &str) {
    page.presses("New worker").await;
    page.find("dialog", "New worker").await;
    page.find("textbox", "Name").await.types(name).await;
}

/// Renames the worker that is open; the page learns of it when the answers are released.
async fn renames_slowly(page: &Page, name: &str) {
    page.holds_answers("PATCH", "workers").await;
    page.presses("Rename").await;
    page.find("textbox", "New name").await.types(name).await;
    page.presses("Save").await;
    page.is_answered().await;
}

#[tokio::test]
async fn a_rename_that_is_slow_leaves_the_worker_alone_that_is_open_by_then() {
    let server = two_workers().await;
    with_page(&server.base, async |page| {
        page.opens().await;
        page.chooses("Left").await;
        renames_slowly(page, "Left behind").await;
        page.chooses("Opened").await;
        page.find("heading", "Opened").await;
        page.presses("Rename").await;
        page.find("textbox", "New name").await;
        page.has_focus_on("rename-name").await;
        page.releases_answers().await;
        page.link("Left behind").await;
        page.types("Typed on").await;
        assert_eq!(
            page.find("textbox", "New name").await.value().await,
            "Typed on"
        );
    })
    .await;
}

#[tokio::test]
async fn a_rename_that_is_slow_leaves_the_focus_where_a_message_is_typed() {
    let server = two_workers().await;
    with_page(&server.base, async |page| {
        page.opens().await;
        page.chooses("Left").await;
        renames_slowly(page, "Renamed").await;
        page.find("textbox", "Message").await.types("half").await;
        page.releases_answers().await;
        page.loses("textbox", "New name").await;
        page.types(" whole").await;
        assert_eq!(
            page.find("textbox", "Message").await.value().await,
            "half whole"
        );
    })
    .await;
}

#[tokio::test]
async fn a_worker_that_is_made_slowly_does_not_open_in_place_of_another_one() {
    let server = two_workers().await;
    with_page(&server.base, async |page| {
        page.opens().await;
        page.is("connected").await;
        page.holds_answers("POST", "workers").await;
        fills_form(page, "Slowly made").await;
        page.presses("Create").await;
        page.is_answered().await;
        page.presses("Close").await;
        page.chooses("Opened").await;
        // Another one is about to be made.
        fills_form(page, "Next").await;
        page.releases_answers().await;
        let listed = "document.getElementById('workers').textContent.includes('Slowly made')";
        page.shows(listed).await;
        assert_eq!(page.find("textbox", "Name").await.value().await, "Next");
        page.presses("Close").await;
        page.find("heading", "Opened").await;
    })
    .await;
}

#[tokio::test]
async fn a_message_that_can_not_be_sent_leaves_the_fields_of_other_workers_alone() {
    let server = two_workers().await;
    with_page(&server.base, async |page| {
        page.opens().await;
        page.chooses("Left").await;
        page.holds_answers("POST", "input").await;
        page.says("slowly sent").await;
        page.is_answered().await;
        page.chooses("Opened").await;
        page.find("heading", "Opened").await;
        let message = page.find("textbox", "Message").await;
        message.types("typed meanwhile").await;
        page.chooses("Left").await;
        page.find("heading", "Left").await;
        assert_eq!(
            page.find("textbox", "Message")
                .await
                .attribute("readonly")
                .await,
            ""
        );
        page.chooses("Opened").await;
        page.find("heading", "Opened").await;
        page.releases_answers().await;
        page.says(" and sent").await;
        assert!(page.reply(2).await.contains("typed meanwhile and sent"));
    })
    .await;
}

#[tokio::test]
async fn a_worker_whose_answer_was_lost_is_said_to_be_there_and_not_made_twice_unasked() {
    let server = open_server(Duration::ZERO).await;
    with_page(&server.base, async |page| {
        page.opens().await;
        page.is("connected").await;
        page.loses_answers("POST", "workers").await;
        fills_form(page, "Made").await;
        page.presses("Create").await;
        page.alerts("does not answer").await;
        page.loses_no_answers().await;
        page.expects("422 (Unprocessable");
        page.find("textbox", "Name")
            .await
            .types(&format!(" otherwise{ENTER}"))
            .await;
        page.alerts("was made already").await;
        assert_eq!(names(&server).await, ["Made"]);
        page.presses("Close").await;
        page.link("Made").await;
    })
    .await;
}
