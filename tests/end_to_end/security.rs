//! Authorisation and origins, over every route and method of the wired server.

use std::net::SocketAddr;

use serde_json::json;
use testkit::http::Response;
use testkit::server::TestServer;
use yoi_workspace_server::config::AuthSetting;
use yoi_workspace_server::{Server, ServerConfig, StartError};

use crate::identity::UNUSED_ID;

const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// Headers of requests that must be refused, and the status of the refusal. `TOKEN` stands for
/// the server's token.
const REFUSED: [(&[(&str, &str)], u16); 10] = [
    (&[], 401),
    (
        &[(
            "authorization",
            "Bearer wrong-token-wrong-token-wrong-token",
        )],
        401,
    ),
    (&[("authorization", "Basic dG9rZW46")], 401),
    (&[("cookie", "yoi_session=TOKEN")], 401),
    (&[BEARER, ("host", "evil.example")], 421),
    (&[BEARER, ("host", "127.0.0.1")], 421),
    (&[BEARER, ("origin", "http://evil.example")], 403),
    (&[BEARER, ("origin", "null")], 403),
    (&[BEARER, ("sec-fetch-site", "cross-site")], 403),
    (&[BEARER, ("sec-fetch-site", "same-site")], 403),
];
const BEARER: (&str, &str) = ("authorization", "Bearer TOKEN");

/// Every path of the API with ids that parse, and one that is no route.
fn paths() -> Vec<String> {
    let paths = http_api::operations().iter();
    let paths = paths.map(|operation| operation.path.as_str());
    let paths = paths.chain(["/no/such/route"]).map(|path| {
        path.replace("{runtime_id}", "backend-internal")
            .replace("{worker_id}", UNUSED_ID)
    });
    let mut paths: Vec<_> = paths.collect();
    paths.sort();
    paths.dedup();
    assert!(paths.len() > 14, "{paths:?}");
    paths
}

#[track_caller]
fn assert_has_security_headers(response: &Response) {
    for (name, value) in [
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("cross-origin-resource-policy", "same-origin"),
        ("referrer-policy", "no-referrer"),
    ] {
        assert_eq!(response.header(name), Some(value), "{name}");
    }
    assert!(response.header("x-request-id").is_some());
    assert_eq!(response.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn no_route_and_no_method_is_open_to_a_stranger() {
    let server = TestServer::start().await;
    for path in paths() {
        let is_open = ["/healthz", "/readyz", "/api/openapi.json"].contains(&path.as_str());
        for method in METHODS {
            for (headers, status) in REFUSED {
                let mut request = server.anonymous(method, &path);
                for (name, value) in headers {
                    request = request.header(*name, value.replace("TOKEN", &server.token));
                }
                let response = server.send(request).await;
                assert_has_security_headers(&response);
                let is_probe = ["/healthz", "/readyz"].contains(&path.as_str());
                let is_right = if is_open && status == 401 || is_probe && status == 421 {
                    matches!(response.status, 200 | 405)
                } else {
                    response.status == status
                };
                assert!(is_right, "{method} {path} {headers:?}: {response:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_page_exchanges_the_token_for_a_cookie() {
    let server = TestServer::start().await;
    let response = server.post("/api/session", &json!({})).await;
    assert!(matches!(response.status, 200..=204), "{response:?}");
    let cookie = response.header("set-cookie").unwrap();
    let name = format!("yoi_session_{}=", server.address().port());
    assert!(cookie.starts_with(&name), "{cookie}");
    for attribute in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    assert!(!cookie.contains(&server.token));
    let pair = cookie.split(';').next().unwrap();
    let with_cookie = || {
        let request = server.anonymous("GET", "/api/workspace");
        request.header("cookie", pair)
    };
    server.send(with_cookie()).await.expect(200);
    let own_page = with_cookie().header("origin", &server.base);
    server.send(own_page).await.expect(200);
    let other_page = server
        .send(with_cookie().header("origin", "http://localhost:3000"))
        .await;
    other_page.expect_problem(403, "cross_origin_rejected");
}

#[tokio::test]
async fn the_configured_origin_may_call_and_no_other() {
    const ALLOWED: &str = "https://app.example";
    let allow_origin = "access-control-allow-origin";
    let server = TestServer::start_with(|config| {
        config.allowed_origins = vec![ALLOWED.parse().unwrap()];
    })
    .await;
    let request = server.request("GET", "/api/workspace");
    let response = server.send(request.header("origin", ALLOWED)).await;
    response.expect(200);
    assert_eq!(response.header(allow_origin), Some(ALLOWED));
    for other in [
        "https://app.example.evil",
        "http://app.example",
        "https://APP.example:444",
    ] {
        let request = server.request("GET", "/api/workspace");
        let response = server.send(request.header("origin", other)).await;
        response.expect_problem(403, "cross_origin_rejected");
        assert_eq!(response.header(allow_origin), None);
    }
    let headers = "authorization,content-type,idempotency-key";
    let preflight = server
        .anonymous("OPTIONS", "/api/workspace")
        .header("origin", ALLOWED)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", headers);
    let response = server.send(preflight).await;
    assert!(matches!(response.status, 200 | 204), "{response:?}");
    assert_eq!(response.header(allow_origin), Some(ALLOWED));
}

#[tokio::test]
async fn a_server_without_token_listens_on_loopback_alone() {
    let workspace = tempfile::tempdir().unwrap();
    let mut config = ServerConfig::new(workspace.path().to_owned());
    config.auth = AuthSetting::None;
    config.listen = vec![SocketAddr::from(([0, 0, 0, 0], 0)).into()];
    let refused = Server::bind(config).await.err();
    assert!(matches!(refused, Some(StartError::OpenToTheNetwork)));

    let server = TestServer::start_with(|config| config.auth = AuthSetting::None).await;
    let request = || server.anonymous("GET", "/api/workspace");
    server.send(request()).await.expect(200);
    let rebound = server.send(request().header("host", "evil.example")).await;
    rebound.expect_problem(421, "misdirected_host");
}
