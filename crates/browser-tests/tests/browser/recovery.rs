//! What interrupts a page, and how it goes on: restarts, sleep, expired cursors and sessions.

use std::time::Duration;

use testkit::server::{TestServer, offline};
use yoi_workspace_server::config::AuthSetting;

use crate::driver::{hide, show};
use crate::page::{Page, with_page};
use crate::servers::{Site, begin_reply, open_server};

const REFUSED: &str = "net::ERR_";
/// So few events are retained that six runs push the first ones out.
const EVENTS: usize = 60;

/// What is there of a reply that never ends.
const BEGINNING: &str = "half a reply";

/// Sends a message whose reply is in progress until the server ends.
async fn begins_endless_reply(page: &Page, site: &Site) {
    site.provider.enqueue(begin_reply(BEGINNING).stall());
    page.says("go on and on").await;
    page.until(async || {
        let reply = page.find("article", "assistant 2").await;
        reply.text().await.contains(BEGINNING)
    })
    .await;
}

/// Shuts the server down; the page says so.
async fn loses(page: &Page, server: TestServer) {
    page.expects(REFUSED);
    page.expects("503");
    page.expects("410 (Gone)");
    server.shut_down().await;
    page.is("reconnecting").await;
}

#[tokio::test]
async fn a_restart_during_a_reply_is_said_and_the_conversation_goes_on() {
    let (site, server) = Site::open(AuthSetting::None).await;
    let base = server.base.clone();
    with_page(&base, async |page| {
        page.opens().await;
        page.creates("Survivor").await;
        begins_endless_reply(page, &site).await;
        loses(page, server).await;
        page.find("textbox", "Message")
            .await
            .types("typed meanwhile")
            .await;
        let _server = site.start().await;
        page.is("connected").await;
        page.shows_news("The server was restarted").await;
        let partial = page.reply(2).await;
        assert!(partial.contains(BEGINNING), "{partial}");
        assert!(partial.contains("not whole"), "{partial}");
        assert_eq!(
            page.find("textbox", "Message").await.value().await,
            "typed meanwhile"
        );
        page.says("").await;
        assert!(page.reply(4).await.contains("typed meanwhile"));
    })
    .await;
}

#[tokio::test]
async fn a_message_that_is_sent_while_the_server_is_away_arrives() {
    let (site, server) = Site::open(AuthSetting::None).await;
    let base = server.base.clone();
    with_page(&base, async |page| {
        page.opens().await;
        page.creates("Patient").await;
        begins_endless_reply(page, &site).await;
        loses(page, server).await;
        // The last that is known of the worker is that it replies.
        page.says("said meanwhile").await;
        let _server = site.start().await;
        assert!(page.reply(4).await.contains("said meanwhile"));
    })
    .await;
}

#[tokio::test]
async fn a_session_that_ended_asks_for_the_token_and_keeps_what_was_typed() {
    let token = "a-token-that-stays-over-restarts-1234".parse().unwrap();
    let (site, server) = Site::open(AuthSetting::Token(token)).await;
    let (base, token) = (server.base.clone(), server.token.clone());
    with_page(&base, async |page| {
        page.opens_signed_in(&token).await;
        page.creates("Kept").await;
        page.find("textbox", "Message")
            .await
            .types("half a thought")
            .await;
        loses(page, server).await;
        let _server = site.start().await;
        page.is("signed out").await;
        page.alerts("The session has ended").await;
        assert!(!page.has("textbox", "Message").await);
        page.signs_in(&token).await;
        page.is("connected").await;
        assert!(!page.has_any("alert").await);
        let message = page.find("textbox", "Message").await;
        assert_eq!(message.value().await, "half a thought");
        page.says(" and the rest").await;
        assert!(page.reply(2).await.contains("half a thought and the rest"));
    })
    .await;
}

#[tokio::test]
async fn a_tab_that_slept_past_its_events_reads_the_conversation_anew() {
    let server = TestServer::start_with(|config| {
        config.auth = AuthSetting::None;
        config.engine = offline(Duration::ZERO);
        config.limits.events = EVENTS;
    });
    let server = server.await;
    let worker = server.create_worker().await;
    worker.rename("Sleeper").await.expect(200);
    with_page(&server.base, async |page| {
        page.opens().await;
        page.chooses("Sleeper").await;
        page.expects("410 (Gone)");
        page.expects(REFUSED);
        // Without a request that waits: its answer would have the page read the transcript.
        let hidden = hide(&page.client).await;
        page.signals("STOP");
        for turn in 0..6 {
            let said = format!("turn {turn} one two three four five six seven eight");
            worker.run(&said).await;
        }
        page.signals("CONT");
        show(&page.client, hidden).await;
        page.shows_news("read anew").await;
        assert!(page.reply(12).await.contains("turn 5"));
        assert!(page.reply(2).await.contains("turn 0"));
        page.is("connected").await;
    })
    .await;
}

#[tokio::test]
async fn a_worker_that_somebody_else_deletes_is_gone_here_too() {
    let server = open_server(Duration::ZERO).await;
    let worker = server.create_worker().await;
    worker.rename("Shortlived").await.expect(200);
    with_page(&server.base, async |page| {
        page.opens().await;
        page.chooses("Shortlived").await;
        page.expects("404 (Not Found)");
        worker.delete().await;
        page.alerts("no such worker").await;
        page.loses("textbox", "Message").await;
        page.is("connected").await;
    })
    .await;
}

#[tokio::test]
async fn what_was_typed_can_be_read_when_the_worker_is_stopped_elsewhere() {
    let server = open_server(Duration::ZERO).await;
    let worker = server.create_worker().await;
    worker.rename("Stopped").await.expect(200);
    with_page(&server.base, async |page| {
        page.opens().await;
        page.chooses("Stopped").await;
        let message = page.find("textbox", "Message").await;
        message.types("a long thought").await;
        worker.stop().await;
        page.loses("button", "Send").await;
        assert_eq!(message.value().await, "a long thought");
        assert_eq!(message.attribute("readonly").await, "");
        assert!(page.has("textbox", "Message").await);
    })
    .await;
}

#[tokio::test]
async fn a_reply_ends_and_what_was_typed_can_be_read_when_the_server_forgot_the_worker() {
    let (mut site, server) = Site::open(AuthSetting::None).await;
    let base = server.base.clone();
    with_page(&base, async |page| {
        page.opens().await;
        page.creates("Forgotten").await;
        begins_endless_reply(page, &site).await;
        page.find("textbox", "Message")
            .await
            .types("typed meanwhile")
            .await;
        loses(page, server).await;
        page.expects("404 (Not Found)");
        let _server = site.start_anew().await;
        page.alerts("no such worker").await;
        assert!(page.reply(2).await.contains("not whole"));
        let message = page.find("textbox", "Message").await;
        assert_eq!(message.value().await, "typed meanwhile");
        for button in ["Send", "Cancel"] {
            assert!(!page.has("button", button).await, "{button}");
        }
    })
    .await;
}
