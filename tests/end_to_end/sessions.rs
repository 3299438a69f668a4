//! Sessions of pages: how they are opened by a code, what they are worth, and how they end.

use serde_json::json;
use testkit::client::Client;
use testkit::server::TestServer;

/// The session cookie, as a browser sends it, that a page gets for `code`.
async fn cookie_for(client: &Client, code: &str) -> String {
    let request = client.anonymous("POST", "/api/session");
    let response = client.send(request.json(&json!({ "code": code }))).await;
    response.expect(204);
    let cookie = response.header("set-cookie").unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

async fn new_code(client: &Client) -> String {
    let response = client
        .send(client.request("POST", "/api/session-codes"))
        .await;
    response.expect(201)["code"].as_str().unwrap().to_owned()
}

async fn workers_with(client: &Client, cookie: &str) -> u16 {
    let request = client.anonymous("GET", "/api/workers");
    client.send(request.header("cookie", cookie)).await.status
}

#[tokio::test]
async fn a_page_gets_a_session_for_a_code_once_and_ends_it() {
    let server = TestServer::start().await;
    let code = new_code(&server).await;
    let cookie = cookie_for(&server, &code).await;
    assert_eq!(workers_with(&server, &cookie).await, 200);
    for code in [code.as_str(), "", "a-code-that-nobody-was-given"] {
        let again = server.anonymous("POST", "/api/session");
        let again = server.send(again.json(&json!({ "code": code }))).await;
        again.expect_problem(401, "unauthorized");
    }
    // A session is not worth a token: it gets no code, and no further session.
    for path in ["/api/session-codes", "/api/session"] {
        let request = server.anonymous("POST", path).header("cookie", &cookie);
        server
            .send(request)
            .await
            .expect_problem(401, "unauthorized");
    }
    let other = cookie_for(&server, &new_code(&server).await).await;
    let request = server.anonymous("DELETE", "/api/session");
    let ended = server.send(request.header("cookie", &cookie)).await;
    ended.expect(204);
    let removal = ended.header("set-cookie").unwrap();
    assert!(removal.contains("=; Path=/; Max-Age=0"), "{removal}");
    assert_eq!(workers_with(&server, &cookie).await, 401);
    assert_eq!(workers_with(&server, &other).await, 200);
}

#[tokio::test]
async fn a_stranger_can_have_no_more_kept_than_a_code() {
    let server = TestServer::start().await;
    let long = json!({ "code": "x".repeat(1024) });
    let request = server.anonymous("POST", "/api/session").json(&long);
    let problem = server.send(request).await;
    let problem = problem.expect_problem(413, "body_too_large");
    assert_eq!(problem["limit_bytes"], 1024);
    let with_token = server.post("/api/session", &long).await;
    with_token.expect_problem(401, "unauthorized");
}

#[tokio::test]
async fn where_no_credentials_are_asked_for_a_page_needs_no_session_and_gets_none() {
    let server = TestServer::start_with(|config| {
        config.auth = yoi_workspace_server::config::AuthSetting::None;
    })
    .await;
    let code = new_code(&server).await;
    for body in [json!({ "code": code }), json!({})] {
        let request = server.anonymous("POST", "/api/session").json(&body);
        let response = server.send(request).await;
        response.expect(204);
        assert_eq!(response.header("set-cookie"), None);
    }
}

#[tokio::test]
async fn behind_a_proxy_that_speaks_tls_cookies_are_secure_and_plain_pages_of_that_host_foreign() {
    let server = TestServer::start_with(|config| {
        config.public_origin = Some("https://yoi.example".parse().unwrap());
    })
    .await;
    let from = |origin: &str, method: &str, path: &str| {
        let request = server.request(method, path).header("host", "yoi.example");
        request.header("origin", origin)
    };
    let request = from("https://yoi.example", "POST", "/api/session");
    let response = server.send(request).await;
    response.expect(204);
    let cookie = response.header("set-cookie").unwrap();
    assert!(cookie.ends_with("; SameSite=Strict; Secure"), "{cookie}");
    let plain = from("http://yoi.example", "GET", "/api/workers");
    let plain = server.send(plain).await;
    plain.expect_problem(403, "cross_origin_rejected");
}
