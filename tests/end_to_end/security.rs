//! Who gets in, over every route and method of the wired server.

use std::net::SocketAddr;

use reqwest::Method;
use reqwest::header::HeaderMap;
use yoi_workspace_server::config::AuthSetting;
use yoi_workspace_server::{Server, ServerConfig, StartError};

use crate::fixture::{Answer, TestServer};

const METHODS: [Method; 7] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
];

/// Every path template of the API with ids that parse, and one that is no route.
fn paths() -> Vec<String> {
    let mut paths: Vec<_> = http_api::operations()
        .iter()
        .map(|operation| {
            operation
                .path
                .replace("{runtime_id}", "backend-internal")
                .replace("{worker_id}", "0190a3c0-0000-7000-8000-000000000000")
        })
        .collect();
    paths.push("/no/such/route".to_owned());
    paths.sort();
    paths.dedup();
    assert!(paths.len() > 14, "{paths:?}");
    paths
}

fn is_open(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz")
}

#[track_caller]
fn assert_marked_private(headers: &HeaderMap) {
    let expected = [
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("cross-origin-resource-policy", "same-origin"),
        ("referrer-policy", "no-referrer"),
    ];
    for (name, value) in expected {
        assert_eq!(
            headers.get(name).map(|found| found.to_str().unwrap()),
            Some(value),
            "{name}"
        );
    }
    assert!(headers.contains_key("x-request-id"));
    assert!(!headers.contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn no_route_and_no_method_lets_a_stranger_in() {
    let server = TestServer::start().await;
    for path in paths() {
        for method in METHODS {
            let url = format!("{}{path}", server.base);
            let bare = || server.http.request(method.clone(), &url);
            let strangers = [
                (bare(), 401),
                (
                    bare().bearer_auth("wrong-token-wrong-token-wrong-token"),
                    401,
                ),
                (bare().header("authorization", "Basic dG9rZW46"), 401),
                (
                    bare().header("cookie", format!("yoi_session={}", server.token)),
                    401,
                ),
                (
                    bare()
                        .bearer_auth(&server.token)
                        .header("host", "evil.example"),
                    421,
                ),
                (
                    bare()
                        .bearer_auth(&server.token)
                        .header("host", "127.0.0.1"),
                    421,
                ),
                (
                    bare()
                        .bearer_auth(&server.token)
                        .header("origin", "http://evil.example"),
                    403,
                ),
                (
                    bare().bearer_auth(&server.token).header("origin", "null"),
                    403,
                ),
                (
                    bare()
                        .bearer_auth(&server.token)
                        .header("sec-fetch-site", "cross-site"),
                    403,
                ),
                (
                    bare()
                        .bearer_auth(&server.token)
                        .header("sec-fetch-site", "same-site"),
                    403,
                ),
            ];
            for (request, status) in strangers {
                let answer = Answer::to(request).await;
                assert_marked_private(&answer.headers);
                if status == 401 && is_open(&path) {
                    assert!(
                        matches!(answer.status, 200 | 405),
                        "{method} {path}: {}",
                        answer.status
                    );
                } else {
                    assert_eq!(answer.status, status, "{method} {path}: {}", answer.text);
                }
            }
        }
    }
}

#[tokio::test]
async fn a_page_exchanges_the_token_once_for_a_cookie() {
    let server = TestServer::start().await;
    let port = server.base.rsplit(':').next().unwrap();
    let answer = server.post("/api/session", &serde_json::json!({})).await;
    assert!(matches!(answer.status, 200..=204), "{}", answer.text);
    let cookie = answer.header("set-cookie").unwrap().to_owned();
    assert!(
        cookie.starts_with(&format!("yoi_session_{port}=")),
        "{cookie}"
    );
    for attribute in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    assert!(!cookie.contains(&server.token));
    let pair = cookie.split(';').next().unwrap();
    let url = format!("{}/api/workspace", server.base);
    let with_cookie = || server.http.get(&url).header("cookie", pair);
    Answer::to(with_cookie()).await.expect(200);
    let origin = server.base.clone();
    Answer::to(with_cookie().header("origin", origin))
        .await
        .expect(200);
    let cross = with_cookie().header("origin", "http://localhost:3000");
    Answer::to(cross)
        .await
        .expect_problem(403, "cross_origin_rejected");
}

#[tokio::test]
async fn an_origin_that_the_operator_named_may_call_and_no_other() {
    let server = TestServer::start_with(|config| {
        config.allowed_origins = vec!["https://app.example".parse().unwrap()];
    })
    .await;
    let url = format!("{}/api/workspace", server.base);
    let from = |origin: &str| {
        server
            .http
            .get(&url)
            .bearer_auth(&server.token)
            .header("origin", origin.to_owned())
    };
    let answer = Answer::to(from("https://app.example")).await;
    answer.expect(200);
    assert_eq!(
        answer.header("access-control-allow-origin"),
        Some("https://app.example")
    );
    for other in [
        "https://app.example.evil",
        "http://app.example",
        "https://APP.example:444",
    ] {
        let answer = Answer::to(from(other)).await;
        answer.expect_problem(403, "cross_origin_rejected");
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
    let preflight = server.http.request(Method::OPTIONS, &url);
    let preflight = preflight
        .header("origin", "https://app.example")
        .header("access-control-request-method", "POST")
        .header(
            "access-control-request-headers",
            "authorization,content-type,idempotency-key",
        );
    let answer = Answer::to(preflight).await;
    assert!(matches!(answer.status, 200 | 204), "{}", answer.status);
    assert_eq!(
        answer.header("access-control-allow-origin"),
        Some("https://app.example")
    );
}

#[tokio::test]
async fn a_server_without_token_listens_on_loopback_alone() {
    let workspace = tempfile::tempdir().unwrap();
    let mut config = ServerConfig::new(workspace.path().to_owned());
    config.auth = AuthSetting::None;
    config.listen = SocketAddr::from(([0, 0, 0, 0], 0));
    let refused = Server::bind(config).await.err();
    assert!(matches!(refused, Some(StartError::OpenToTheNetwork)));

    let server = TestServer::start_with(|config| config.auth = AuthSetting::None).await;
    let open = server.http.get(format!("{}/api/workspace", server.base));
    Answer::to(open).await.expect(200);
    let rebound = server.http.get(format!("{}/api/workspace", server.base));
    let rebound = Answer::to(rebound.header("host", "evil.example")).await;
    rebound.expect_problem(421, "misdirected_host");
}
