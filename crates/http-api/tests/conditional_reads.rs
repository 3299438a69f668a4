//! Lists that a client has already are not sent again (RFC 9110 §13.1.2, §15.4.5).

#[path = "support/server.rs"]
#[expect(dead_code, reason = "these tests need a part of the fixture alone")]
mod server;

use server::{Answer, Server};

const LISTS: [&str; 4] = [
    "/api/runtimes",
    "/api/workers",
    "/api/workers?limit=1",
    "/api/runtimes/backend-internal/workers",
];

async fn read(server: &Server, method: &str, target: &str, headers: &str) -> Answer {
    let head = server.head(method, target, headers);
    server.send(head.as_bytes()).await
}

#[tokio::test]
async fn a_list_that_the_client_has_is_answered_without_a_body() {
    let server = Server::start().await;
    for target in LISTS {
        let first = server.get(target).await;
        let tag = first.header("etag").unwrap();
        for method in ["GET", "HEAD"] {
            let known = format!("If-None-Match: \"a,b\"\r\nIf-None-Match: {tag}\r\n");
            let second = read(&server, method, target, &known).await;
            assert_eq!((second.status, second.body.len()), (304, 0), "{target}");
            assert_eq!(second.header("etag"), Some(tag));
            // That of the body which a client without it would get now: counts in it may have changed.
            let length = second.header("content-length");
            assert_ne!(length, Some("0"), "{method} {target}");
            assert_eq!(second.header("cache-control"), Some("no-store"));
            assert_eq!(second.header("content-type"), None);
            assert!(second.header("x-request-id").is_some());

            let other = read(&server, method, target, "If-None-Match: W/\"x\"\r\n").await;
            assert_eq!((other.status, other.header("etag")), (200, Some(tag)));
            assert_eq!(other.body.is_empty(), method == "HEAD");
        }
    }
}

#[tokio::test]
async fn only_lists_have_a_tag() {
    let server = Server::start().await;
    let any = "If-None-Match: *\r\n";
    for target in [server::WORKER, "/api/workspace", "/api/workers?limit=0"] {
        let answer = read(&server, "GET", target, any).await;
        assert_ne!(answer.status, 304, "{target}");
        assert_eq!(answer.header("etag"), None, "{target}");
    }
    let target = "/api/runtimes/backend-internal/workers";
    let created = server.post_with(target, any, "{}").await;
    assert_eq!((created.status, created.header("etag")), (201, None));
}
