//! Signing in with the token or a code, and out; what a token may do.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;
use testkit::json::text;
use testkit::server::TestServer;

use crate::driver::{hide, show};
use crate::page::{Page, with_page};

#[tokio::test]
async fn the_token_signs_in_and_stays_in_no_address_or_field() {
    let server = TestServer::start().await;
    with_page(&server.base, async |page| {
        page.expects("401 (Unauthorized)");
        page.opens().await;
        page.is("signed out").await;
        page.signs_in(&server.token).await;
        page.is("connected").await;
        page.find("button", "New worker").await;
        let left = page.evaluate(
            "location.href + document.body.innerText + document.getElementById('token').value",
        );
        assert!(!left.await.as_str().unwrap().contains(&server.token));
        let cookies = page.evaluate("document.cookie").await;
        assert_eq!(cookies, "", "a script can read the session");
        // The cookie is there: the next page asks for nothing.
        page.opens().await;
        page.is("connected").await;
    })
    .await;
}

#[tokio::test]
async fn a_wrong_token_is_refused_in_words_and_the_right_one_taken_afterwards() {
    let server = TestServer::start().await;
    with_page(&server.base, async |page| {
        page.expects("401 (Unauthorized)");
        page.opens().await;
        for wrong in ["a-token-of-another-server-altogether", "not a token ü"] {
            page.signs_in(wrong).await;
            page.alerts("where the server was started").await;
            page.evaluate("document.getElementById('token').select()")
                .await;
        }
        page.signs_in(&server.token).await;
        page.is("connected").await;
        page.until(async || !page.has("button", "Dismiss").await)
            .await;
    })
    .await;
}

#[tokio::test]
async fn signing_out_of_a_session_that_has_ended_shows_the_form_and_no_trouble() {
    let server = TestServer::start().await;
    with_page(&server.base, async |page| {
        page.opens_signed_in(&server.token).await;
        let note = "document.getElementById('list-note').textContent";
        page.until(async || {
            page.evaluate(note)
                .await
                .as_str()
                .unwrap()
                .contains("Make one")
        })
        .await;
        // Ended elsewhere; the page has not asked since.
        let end = "fetch('api/session', { method: 'DELETE' })";
        let press = "document.getElementById('sign-out').click()";
        page.evaluate(&format!("void {end}.then(() => {press})"))
            .await;
        page.is("signed out").await;
        page.find("button", "Sign in").await;
        page.alerts("The session has ended").await;
    })
    .await;
}

#[tokio::test]
async fn a_link_on_another_site_leads_to_the_page_which_is_signed_in() {
    let server = TestServer::start().await;
    with_page(&server.base, async |page| {
        page.opens_signed_in(&server.token).await;
        let elsewhere = format!("data:text/html,<a href='{}/'>the workers</a>", server.base);
        page.client.goto(&elsewhere).await.unwrap();
        page.find("link", "the workers").await.click().await;
        page.is("connected").await;
    })
    .await;
}

#[tokio::test]
async fn a_code_in_the_address_signs_in_once_and_leaves_the_address() {
    let server = TestServer::start().await;
    let issue = async || {
        let issued = server
            .post("/api/session-codes", &json!({}))
            .await
            .expect(201);
        text(&issued["code"]).to_owned()
    };
    let code = issue().await;
    with_page(&server.base, async |page| {
        page.goes_to(&format!("#code={code}")).await;
        page.is("connected").await;
        assert_eq!(page.evaluate("location.hash").await, "");
        // The code is used; the session that it opened is not over.
        page.expects("401 (Unauthorized)");
        page.goes_to(&format!("?again#code={code}")).await;
        page.alerts("used before").await;
        page.is("connected").await;

        page.presses("Sign out").await;
        page.is("signed out").await;
        page.opens().await;
        page.is("signed out").await;
        // In the same tab, whose page is there already.
        let fragment = json!(format!("#code={}", issue().await));
        page.evaluate(&format!("location.hash = {fragment}")).await;
        page.is("connected").await;

        let worker = server.create_worker().await;
        worker.rename("Linked").await.expect(200);
        let shown = format!("/backend-internal/{}", worker.id);
        let link = format!("?worker#code={}{shown}", issue().await);
        page.goes_to(&link).await;
        page.find("heading", "Linked").await;
        let hash = page.evaluate("location.hash").await;
        assert_eq!(hash, format!("#{shown}"));
    })
    .await;
}

/// The token of a client that may only read.
const READER: &str = "a-token-of-a-reader-with-22-characters-or-more";

/// A server with a client that may only read.
async fn server_with_reader() -> TestServer {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    fs::write(&file, READER).unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    let reader = format!("reader={},scope=read", file.display());
    TestServer::start_with(|config| config.named_tokens = vec![reader.parse().unwrap()]).await
}

/// Opens the worker “Watched” as the reader.
async fn opens_watched(page: &Page) {
    page.opens_signed_in(READER).await;
    page.link("Watched").await.click().await;
    page.find("heading", "Watched").await;
}

#[tokio::test]
async fn who_may_only_read_is_shown_nothing_that_changes_a_worker() {
    let server = server_with_reader().await;
    let worker = server.create_worker().await;
    worker.rename("Watched").await.expect(200);
    with_page(&server.base, async |page| {
        opens_watched(page).await;
        worker.run("seen by the reader").await;
        assert!(page.reply(2).await.contains("seen by the reader"));
        for button in ["New worker", "Stop", "Delete", "Rename", "Send"] {
            assert!(!page.has("button", button).await, "{button}");
        }
    })
    .await;
}

#[tokio::test]
async fn who_signs_in_after_another_client_sees_what_that_one_may_do_with_the_open_worker() {
    let server = server_with_reader().await;
    let worker = server.create_worker().await;
    worker.rename("Watched").await.expect(200);
    with_page(&server.base, async |page| {
        opens_watched(page).await;
        assert!(!page.has("button", "Stop").await);
        page.presses("Sign out").await;
        page.signs_in(&server.token).await;
        for button in ["Stop", "Delete", "Rename", "Send"] {
            page.find("button", button).await;
        }
        page.presses("Sign out").await;
        page.signs_in(READER).await;
        page.find("heading", "Watched").await;
        for button in ["Stop", "Delete", "Rename", "Send"] {
            page.loses("button", button).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_tab_goes_on_when_another_one_has_signed_in() {
    let server = TestServer::start().await;
    with_page(&server.base, async |page| {
        page.opens_signed_in(&server.token).await;
        page.presses("Sign out").await;
        page.is("signed out").await;
        let hidden = hide(&page.client).await;
        page.opens_signed_in(&server.token).await;
        show(&page.client, hidden).await;
        page.is("connected").await;
        page.find("button", "New worker").await;
    })
    .await;
}

#[tokio::test]
async fn a_browser_that_keeps_no_cookie_is_told_why_signing_in_does_not_help() {
    let server = TestServer::start().await;
    with_page(&server.base, async |page| {
        page.expects("401 (Unauthorized)");
        page.opens().await;
        page.is("signed out").await;
        // As if cookies were blocked.
        let omit = "void (window.fetch = ((send) => (url, options) => \
            send(url, { ...options, credentials: 'omit' }))(window.fetch))";
        page.evaluate(omit).await;
        page.signs_in(&server.token).await;
        page.alerts("did not keep the cookie").await;
        page.is("signed out").await;
    })
    .await;
}
