//! What clients see of the API, over real sockets.

#[path = "support/server.rs"]
#[expect(dead_code, reason = "these tests need a part of the fixture alone")]
mod server;

use http_api::wire::ProblemCode;
use registry_core::SourceError;
use server::{Server, WORKER, embedded};

#[tokio::test]
async fn a_worker_is_created_at_a_location_that_answers() {
    let server = Server::start().await;
    let created = server
        .post("/api/runtimes/backend-internal/workers", "{}")
        .await;
    assert_eq!(created.status, 201);
    assert_eq!(created.header("location"), Some(WORKER));
    assert_eq!(created.header("content-type"), Some("application/json"));
    assert_eq!(created.header("idempotency-replayed"), None);
    let shown = server.get(created.header("location").unwrap()).await;
    assert_eq!(shown.json(), created.json());
    assert_eq!(shown.json()["display_ref"], "w1@backend-internal");
}

#[tokio::test]
async fn a_replay_answers_the_same_and_says_so() {
    let server = Server::start().await;
    let target = "/api/runtimes/backend-internal/workers";
    let key = "Idempotency-Key: seen\r\n";
    let replayed = server.post_with(target, key, "{}").await;
    assert_eq!(
        (replayed.status, replayed.header("location")),
        (201, Some(WORKER))
    );
    assert_eq!(replayed.header("idempotency-replayed"), Some("true"));
    let twice = format!("{key}{key}");
    let refused = server.post_with(target, &twice, "{}").await.problem();
    assert_eq!(refused.code, ProblemCode::InvalidIdentifier);
    assert_eq!(refused.field.unwrap().as_str(), "Idempotency-Key");
}

#[tokio::test]
async fn an_input_is_accepted_and_names_its_run() {
    let server = Server::start().await;
    let sent = server
        .post(&format!("{WORKER}/input"), r#"{"content":"hi"}"#)
        .await;
    assert_eq!(sent.status, 202);
    assert_eq!(sent.json()["run_id"], "r1");
}

#[tokio::test]
async fn workers_of_all_runtimes_are_listed_each_with_its_kind() {
    let server = Server::start().await;
    let page = server.get("/api/workers").await.json();
    let kinds: Vec<_> = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["implementation_kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["embedded", "local_compat"]);
    let recorded = server
        .get("/api/workers?implementation_kind=local_compat")
        .await;
    assert_eq!(recorded.json()["items"].as_array().unwrap().len(), 1);
    let unknown = server.get("/api/workers?runtime_id=nowhere").await;
    assert_eq!(unknown.code(), "unknown_runtime");
}

#[tokio::test]
async fn a_runtime_without_the_port_says_which_methods_are_left() {
    let server = Server::start().await;
    let refused = server
        .post("/api/runtimes/local-compat/workers", "{}")
        .await;
    assert_eq!(refused.code(), "operation_unsupported");
    assert_eq!(refused.header("allow"), Some("GET, HEAD"));
    let refused = server
        .post("/api/runtimes/local-compat/workers/w1/stop", "{}")
        .await;
    assert_eq!(refused.code(), "operation_unsupported");
    assert_eq!(refused.header("allow"), Some(""));
    let worker = "/api/runtimes/local-compat/workers/w1";
    let name = r#"{"display_name":"A name"}"#;
    let refused = [
        (
            server.write("PATCH", worker, "", name).await,
            "rename_worker",
        ),
        (server.delete(worker).await, "delete_worker"),
    ];
    for (refused, capability) in refused {
        assert_eq!(refused.code(), "operation_unsupported");
        assert_eq!(refused.header("allow"), Some("GET, HEAD"));
        assert_eq!(refused.problem().capability.unwrap().as_str(), capability);
    }
}

#[tokio::test]
async fn a_worker_is_renamed_and_a_wrong_name_is_a_wrong_field() {
    let server = Server::start().await;
    let renamed = server
        .write("PATCH", WORKER, "", r#"{"display_name":"Än other"}"#)
        .await;
    assert_eq!(renamed.status, 200);
    let mut shown = server.get(WORKER).await.json();
    shown["display_name"] = "Än other".into();
    assert_eq!(renamed.json(), shown);
    let long = format!(r#"{{"display_name":"{}"}}"#, "x".repeat(81));
    for wrong in [
        r#"{"display_name":""}"#,
        r#"{"display_name":"a\nb"}"#,
        r#"{"display_name":"\u202e"}"#,
        r#"{"display_name":null}"#,
        r#"{"display_name":7}"#,
        &long,
    ] {
        let refused = server.write("PATCH", WORKER, "", wrong).await.problem();
        assert_eq!(refused.code, ProblemCode::InvalidBody, "{wrong}");
        assert_eq!(refused.field.unwrap().as_str(), "display_name", "{wrong}");
    }
    for wrong in [
        "{}",
        "",
        "null",
        r#"["A name"]"#,
        r#"{"display_name":"a","canary":1}"#,
        r#"{"display_name":"a","display_name":"b"}"#,
    ] {
        let refused = server.write("PATCH", WORKER, "", wrong).await;
        assert_eq!(refused.code(), "invalid_body", "{wrong}");
    }
}

#[tokio::test]
async fn a_delete_needs_no_body_and_answers_with_none() {
    let server = Server::start().await;
    let deleted = server.delete(WORKER).await;
    assert_eq!(deleted.status, 204);
    assert!(deleted.body.is_empty());
    assert_eq!(deleted.header("content-type"), None);
    assert_eq!(deleted.header("set-cookie"), None);
    let unknown = server
        .delete("/api/runtimes/backend-internal/workers/w2")
        .await;
    assert_eq!(unknown.code(), "unknown_worker");
    // What a client sends all the same is not looked at.
    let with_body = server.write("DELETE", WORKER, "", "no JSON").await;
    assert_eq!(with_body.status, 204);
}

#[tokio::test]
async fn no_body_an_empty_one_and_null_are_the_same_where_none_is_needed() {
    let server = Server::start().await;
    for operation in ["cancel", "stop"] {
        let target = format!("{WORKER}/{operation}");
        let full = server.post(&target, "{}").await;
        assert_eq!(full.status, 200);
        let (none, form) = ("", "Content-Type: application/x-www-form-urlencoded\r\n");
        for headers in [
            none,
            "Content-Length: 0\r\n",
            &format!("{form}Content-Length: 0\r\n"),
        ] {
            let request = server.head("POST", &target, headers);
            let bare = server.send(request.as_bytes()).await;
            assert_eq!((bare.status, &bare.body), (200, &full.body), "{headers}");
        }
        let chunked = "Transfer-Encoding: chunked\r\n";
        let request = server.head("POST", &target, chunked) + "0\r\n\r\n";
        assert_eq!(server.send(request.as_bytes()).await.status, 200);
        // `null` is what some generated clients send for an absent body.
        let null = server.post(&target, " null").await;
        assert_eq!((null.status, &null.body), (200, &full.body));
        for wrong in [r#"{"canary":1}"#, "nul", "null null", "[]"] {
            let wrong = server.post(&target, wrong).await;
            assert_eq!(wrong.code(), "invalid_body");
        }
    }
    for (target, status) in [("/api/session", 204), ("/api/session-codes", 201)] {
        assert_eq!(server.post(target, "null").await.status, status, "{target}");
    }
    let needed = server.post(&format!("{WORKER}/input"), "null").await;
    assert_eq!(needed.code(), "invalid_body");
}

#[tokio::test]
async fn ids_are_judged_after_percent_decoding() {
    let server = Server::start().await;
    let shown = server
        .get("/api/runtimes/backend%2Dinternal/workers/w%31")
        .await;
    assert_eq!(shown.status, 200);
    for hostile in [
        "..%2f..%2fetc",
        "%00",
        "%ff",
        "W1",
        "w%0d%0aX-Evil:1",
        "%2e%2e",
    ] {
        let target = format!("/api/runtimes/backend-internal/workers/{hostile}");
        let refused = server.get(&target).await;
        assert_eq!(refused.code(), "invalid_identifier", "{hostile}");
    }
    let unknown = server
        .get("/api/runtimes/backend-internal/workers/w2")
        .await;
    assert_eq!(unknown.code(), "unknown_worker");
}

#[tokio::test]
async fn no_refusal_repeats_what_was_sent() {
    let server = Server::start().await;
    let answers = [
        server.get("/canary").await,
        server.get("/api/runtimes/CANARY-canary").await,
        server.get("/api/workspace?canary=canary").await,
        server.get("/api/workers?state=canary").await,
        server.get("/api/workers?page_token=canary").await,
        server.get(&format!("{WORKER}/events?after=canary")).await,
        server
            .post(&format!("{WORKER}/input"), r#"{"canary":"canary"}"#)
            .await,
        server
            .post(&format!("{WORKER}/input"), r#"{"content":canary}"#)
            .await,
    ];
    for answer in answers {
        answer.problem();
        let text = String::from_utf8(answer.body).unwrap();
        assert!(!text.contains("canary"), "{text}");
        assert!(!format!("{:?}", answer.headers).contains("canary"));
    }
}

#[tokio::test]
async fn the_token_is_exchanged_for_a_cookie_that_opens_the_api() {
    let server = Server::start().await;
    let session = server.post("/api/session", "{}").await;
    assert_eq!((session.status, session.body.len()), (204, 0));
    let cookie = session.header("set-cookie").unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"));
    let pair = cookie.split(';').next().unwrap();
    assert!(pair.starts_with(&format!("yoi_session_{}=", server.port)));
    let request = |method: &str, target: &str, more: &str| {
        format!(
            "{method} {target} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nCookie: {pair}\r\n\
             Connection: close\r\n{more}\r\n",
            server.port
        )
    };
    let shown = server
        .send(request("GET", "/api/workspace", "").as_bytes())
        .await;
    assert_eq!(shown.status, 200);
    let json = "Content-Type: application/json\r\nContent-Length: 2\r\n";
    let another = request("POST", "/api/session", json) + "{}";
    assert_eq!(server.send(another.as_bytes()).await.code(), "unauthorized");
    let code = r#"{"code":"AAAAAAAAAAAAAAAAAAAAAA"}"#;
    let refused = server.post("/api/session", code).await;
    assert_eq!(refused.code(), "unauthorized");
    assert!(refused.problem().detail.as_str().starts_with("The code "));
}

#[tokio::test]
async fn an_allowed_origin_gets_cors_headers_and_its_preflight_needs_no_token() {
    let server = Server::with(|config| {
        config.allowed_origins = vec!["https://app.example".parse().unwrap()];
    })
    .await;
    let preflight = format!(
        "OPTIONS /api/workers HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nOrigin: https://app.example\r\n\
         Access-Control-Request-Method: GET\r\nConnection: close\r\n\r\n",
        server.port
    );
    let allowed = server.send(preflight.as_bytes()).await;
    assert_eq!(allowed.status, 204);
    let origin = Some("https://app.example");
    assert_eq!(allowed.header("access-control-allow-origin"), origin);
    assert_eq!(allowed.header("access-control-allow-credentials"), None);
    let methods = allowed.header("access-control-allow-methods");
    assert_eq!(methods, Some("GET, HEAD, POST, PATCH, DELETE"));
    let headers = "Origin: https://app.example\r\nSec-Fetch-Site: cross-site\r\n";
    let shown = server
        .send(server.head("GET", "/canary", headers).as_bytes())
        .await;
    assert_eq!(
        (shown.code(), shown.header("access-control-allow-origin")),
        ("unknown_route", origin)
    );
    let evil = preflight.replace("app.example", "evil.example");
    assert_eq!(
        server.send(evil.as_bytes()).await.code(),
        "cross_origin_rejected"
    );
}

#[tokio::test]
async fn a_panic_is_a_fixed_problem_and_harms_nothing_else() {
    let mut source = embedded();
    source.catalog.checkpoint();
    source.catalog.expect_get().returning(|_| panic!("canary"));
    let server = Server::over(vec![source], |_| {}).await;
    let failed = server.get(WORKER).await;
    assert_eq!(failed.code(), "internal");
    assert!(!String::from_utf8(failed.body).unwrap().contains("canary"));
    assert_eq!(server.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn a_failing_runtime_is_unavailable_and_its_cause_stays_inside() {
    let mut source = embedded();
    source.catalog.checkpoint();
    source
        .catalog
        .expect_get()
        .returning(|_| Err(SourceError::failed("canary /run/canary.sock")));
    let server = Server::over(vec![source], |_| {}).await;
    let failed = server.get(WORKER).await;
    let problem = failed.problem();
    assert_eq!(problem.code, ProblemCode::RuntimeUnavailable);
    assert_eq!(problem.reason.unwrap().as_str(), "source_failed");
    assert!(failed.header("retry-after").is_some());
    assert!(!String::from_utf8(failed.body).unwrap().contains("canary"));
}

#[tokio::test]
async fn metrics_count_by_template_and_show_the_runtimes() {
    let server = Server::start().await;
    server.get("/api/runtimes/canary-one").await;
    server.get("/canary").await;
    let metrics = String::from_utf8(server.get("/metrics").await.body).unwrap();
    assert!(!metrics.contains("canary"), "{metrics}");
    for line in [
        "yoi_http_requests_total{method=\"GET\",route=\"/api/runtimes/{runtime_id}\",status=\"404\"} 1",
        "yoi_http_requests_total{method=\"GET\",route=\"unmatched\",status=\"404\"} 1",
        "yoi_runtime_available{runtime=\"local-compat\"} 1",
        "yoi_workers{runtime=\"backend-internal\",state=\"idle\"} 0",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
}

#[tokio::test]
async fn refusals_to_clients_without_the_token_are_counted_by_reason() {
    let server = Server::start().await;
    let stranger = |headers: &str| {
        format!("GET /api/workspace HTTP/1.1\r\nConnection: close\r\n{headers}\r\n")
    };
    let host = format!("Host: 127.0.0.1:{}\r\n", server.port);
    for _ in 0..30 {
        server.send(stranger(&host).as_bytes()).await;
    }
    server
        .send(stranger("Host: evil.example\r\n").as_bytes())
        .await;
    let foreign = format!("{host}Origin: http://evil.example\r\n");
    server.send(stranger(&foreign).as_bytes()).await;
    // Who has the token is not counted among them.
    server.get("/no/such/path").await;
    let metrics = String::from_utf8(server.get("/metrics").await.body).unwrap();
    let counted: Vec<&str> = metrics
        .lines()
        .filter(|line| line.starts_with("yoi_http_unauthenticated_refusals_total{"))
        .collect();
    assert_eq!(counted.len(), 3, "{metrics}");
    for (reason, number) in [
        ("unauthorized", 30),
        ("misdirected_host", 1),
        ("cross_origin_rejected", 1),
    ] {
        let line =
            format!("yoi_http_unauthenticated_refusals_total{{reason=\"{reason}\"}} {number}");
        assert!(counted.contains(&line.as_str()), "{line} in {metrics}");
    }
}

#[tokio::test]
async fn readiness_ends_when_draining_begins_and_everything_else_goes_on() {
    let server = Server::start().await;
    assert_eq!(server.get("/readyz").await.status, 200);
    server.draining.begin();
    let ending = server.get("/readyz").await;
    assert_eq!(ending.code(), "shutting_down");
    assert!(ending.header("retry-after").is_some());
    assert_eq!(server.get("/healthz").await.status, 200);
    assert_eq!(server.get(WORKER).await.status, 200);
}
