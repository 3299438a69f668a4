//! The files of the browser page as they are served: to whoever asks, compressed or not, and not
//! again to who has them.

#[path = "support/server.rs"]
#[expect(dead_code, reason = "this needs a part of the fixture alone")]
mod server;

use server::{Answer, Server};

/// Asks for a file without credentials.
async fn ask(server: &Server, method: &str, path: &str, headers: &str) -> Answer {
    let host = format!("Host: 127.0.0.1:{}\r\n", server.port);
    let request = format!("{method} {path} HTTP/1.1\r\n{host}Connection: close\r\n{headers}\r\n");
    server.send(request.as_bytes()).await
}

#[tokio::test]
async fn every_file_is_served_with_its_type_and_the_policy_and_without_credentials() {
    let server = Server::start().await;
    for asset in web_page::assets() {
        let answer = ask(&server, "GET", asset.path, "").await;
        assert_eq!(answer.status, 200, "{}", asset.path);
        assert_eq!(answer.body, asset.identity.bytes, "{}", asset.path);
        assert_eq!(answer.header("content-type"), Some(asset.media_type));
        assert_eq!(answer.header("content-encoding"), None);
        assert_eq!(answer.header("vary"), Some("accept-encoding"));
        let policy = answer.header("content-security-policy").unwrap();
        assert_eq!(policy, web_page::CONTENT_SECURITY_POLICY);
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"));
    }
}

#[tokio::test]
async fn a_link_on_another_site_leads_to_the_page_and_to_nothing_else() {
    let server = Server::start().await;
    let navigation = "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n";
    let link = format!("{navigation}Sec-Fetch-Dest: document\r\n");
    let answer = ask(&server, "GET", "/", &link).await;
    assert_eq!(answer.status, 200);
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    assert_eq!(answer.header("access-control-allow-origin"), None);
    let opener_policy = answer.header("cross-origin-opener-policy");
    assert_eq!(opener_policy, Some("same-origin"));
    for path in ["/api/workers", "/api/openapi.json", "/healthz", "/nothing"] {
        let answer = ask(&server, "GET", path, &link).await;
        assert_eq!(answer.code(), "cross_origin_rejected", "{path}");
        // Nor with the token.
        let request = server.head("GET", path, &link);
        let answer = server.send(request.as_bytes()).await;
        assert_eq!(answer.code(), "cross_origin_rejected", "{path}");
    }
    // In a frame, as a script, by a form: no person has asked for that.
    for (method, headers) in [
        ("GET", format!("{navigation}Sec-Fetch-Dest: iframe\r\n")),
        (
            "GET",
            "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: script\r\n"
                .into(),
        ),
        ("GET", format!("{link}Origin: https://evil.example\r\n")),
        ("POST", link),
    ] {
        let answer = ask(&server, method, "/", &headers).await;
        assert_eq!(answer.code(), "cross_origin_rejected", "{headers}");
    }
}

#[tokio::test]
async fn a_file_is_compressed_for_those_who_take_gzip() {
    let server = Server::start().await;
    let script = web_page::assets().iter().find(|a| a.path == "/main.js");
    let script = script.unwrap();
    for (accepted, is_compressed) in [
        ("gzip, deflate, br", true),
        ("br;q=1.0, GZIP;q=0.5", true),
        ("gzip;q=0, identity", false),
        ("gzip; q=0.000", false),
        ("br, zstd", false),
        ("x-gzip-not", false),
    ] {
        let headers = format!("Accept-Encoding: {accepted}\r\n");
        let answer = ask(&server, "GET", "/main.js", &headers).await;
        let (expected, coding) = if is_compressed {
            (&script.gzip, Some("gzip"))
        } else {
            (&script.identity, None)
        };
        assert_eq!(answer.header("content-encoding"), coding, "{accepted}");
        assert_eq!(answer.header("etag"), Some(&*expected.etag), "{accepted}");
        assert_eq!(answer.body, expected.bytes, "{accepted}");
    }
}

#[tokio::test]
async fn who_has_a_file_does_not_get_it_again() {
    let server = Server::start().await;
    let answer = ask(&server, "GET", "/style.css", "").await;
    let etag = answer.header("etag").unwrap().to_owned();
    assert!(etag.starts_with('"'), "{etag} is weak");
    for known in [
        etag.clone(),
        format!("W/{etag}"),
        format!("\"other\", {etag}"),
        "*".to_owned(),
    ] {
        let headers = format!("If-None-Match: {known}\r\n");
        let again = ask(&server, "GET", "/style.css", &headers).await;
        assert_eq!((again.status, again.body.len()), (304, 0), "{known}");
        let again = ask(&server, "HEAD", "/style.css", &headers).await;
        let (length, whole) = [&again, &answer]
            .map(|it| it.header("content-length"))
            .into();
        assert!(length.is_none() || length == whole, "{length:?}");
        assert_eq!(again.header("etag"), Some(&*etag), "{known}");
        assert_eq!(again.header("cache-control"), Some("no-cache"));
        assert_eq!(again.header("vary"), Some("accept-encoding"));
    }
    // The compressed file is another representation, which this client does not have.
    let headers = format!("If-None-Match: {etag}\r\nAccept-Encoding: gzip\r\n");
    let other = ask(&server, "GET", "/style.css", &headers).await;
    assert_eq!(other.status, 200);
}

#[tokio::test]
async fn a_head_request_has_the_headers_alone() {
    let server = Server::start().await;
    let [whole, head] = ["GET", "HEAD"].map(|method| ask(&server, method, "/", ""));
    let (whole, head) = (whole.await, head.await);
    assert!(head.body.is_empty());
    assert_eq!(head.status, 200);
    for name in ["content-length", "content-type", "etag"] {
        assert_eq!(head.header(name), whole.header(name), "{name}");
    }
}

#[tokio::test]
async fn the_document_has_no_files() {
    let server = Server::start().await;
    let document = server.get("/api/openapi.json").await.json();
    for asset in web_page::assets() {
        assert!(
            document["paths"].get(asset.path).is_none(),
            "{}",
            asset.path
        );
    }
}
