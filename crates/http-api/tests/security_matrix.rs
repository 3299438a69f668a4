//! Every security rule over every route and every method. The routes come from the OpenAPI
//! document, which is made of the router's own, and from the table of the page's files, so a new one
//! is tested without an edit here.

#[path = "support/server.rs"]
#[expect(dead_code, reason = "the matrix needs a part of the fixture alone")]
mod server;

use futures_util::future::join_all;
use http_api::wire::header::INSTANCE;
use http_api::{Auth, InstanceId, OperationInfo, operations};
use server::{Answer, SHORT_DEADLINE, Server, TEST_TIMEOUT, TOKEN, read_to_end};
use tokio::io::AsyncWriteExt as _;

const METHODS: [&str; 9] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW",
];

/// A method on a path, and the operation that it is, if any.
struct Cell {
    method: &'static str,
    target: String,
    operation: Option<OperationInfo>,
    /// Whether the path has a file of the browser page.
    is_page: bool,
    is_open: bool,
}

/// Every documented path, those of the page's files and one that is unknown, with every method.
fn matrix() -> Vec<Cell> {
    let all = operations();
    let mut templates: Vec<&str> = all
        .iter()
        .map(|operation| operation.path.as_str())
        .collect();
    templates.dedup();
    templates.extend(web_page::assets().iter().map(|asset| asset.path));
    templates.push("/no/such/path");
    let mut cells = Vec::new();
    for template in templates {
        let of_path = all.iter().filter(|operation| operation.path == template);
        let is_page = web_page::assets().iter().any(|a| a.path == template);
        let is_open = is_page || of_path.clone().any(|operation| operation.open);
        for method in METHODS {
            let answers = if method == "HEAD" { "GET" } else { method };
            cells.push(Cell {
                method,
                target: template
                    .replace("{runtime_id}", "backend-internal")
                    .replace("{worker_id}", "w1"),
                operation: of_path.clone().find(|o| o.method == answers).cloned(),
                is_page,
                is_open,
            });
        }
    }
    assert!(cells.len() >= (16 + web_page::assets().len()) * METHODS.len());
    cells
}

impl Cell {
    fn name(&self) -> String {
        format!("{} {}", self.method, self.target)
    }

    /// Whether the method is one of the path's.
    fn answers(&self) -> bool {
        self.operation.is_some() || self.is_page && ["GET", "HEAD"].contains(&self.method)
    }

    /// The body that the operation takes; nothing where it takes none.
    fn body(&self) -> &'static str {
        match &self.operation {
            Some(operation) if operation.takes_body => match operation.id.as_str() {
                "send_input" => r#"{"content":"hi"}"#,
                "rename_worker" => r#"{"display_name":"A name"}"#,
                _ => "{}",
            },
            Some(_) | None => "",
        }
    }

    /// The request with these headers, and the body that the operation takes.
    fn request(&self, headers: &str) -> String {
        let body = self.body();
        let length = body.len();
        let more = if body.is_empty() {
            String::new()
        } else {
            format!("Content-Type: application/json\r\nContent-Length: {length}\r\n")
        };
        format!(
            "{} {} HTTP/1.1\r\nConnection: close\r\n{headers}{more}\r\n{body}",
            self.method, self.target
        )
    }
}

/// Sends every cell with `headers` and checks what each answer must have.
async fn over_all(server: &Server, headers: &str, mut check: impl FnMut(&Cell, &Answer)) {
    for cell in matrix() {
        let answer = server.send(cell.request(headers).as_bytes()).await;
        has_what_every_answer_has(&cell, &answer);
        check(&cell, &answer);
    }
}

fn has_what_every_answer_has(cell: &Cell, answer: &Answer) {
    let name = cell.name();
    let is_file = cell.is_page && answer.status == 200;
    let expected = [
        (
            "cache-control",
            if is_file { "no-cache" } else { "no-store" },
        ),
        ("x-content-type-options", "nosniff"),
        ("cross-origin-resource-policy", "same-origin"),
        ("referrer-policy", "no-referrer"),
    ];
    for (header, value) in expected {
        assert_eq!(answer.header(header), Some(value), "{name}: {header}");
    }
    let request_id = answer.header("x-request-id").map(str::len);
    assert_eq!(request_id, Some(36), "{name}");
    assert!(
        answer.header("access-control-allow-origin").is_none(),
        "{name}"
    );
    if answer.status >= 400 && cell.method != "HEAD" {
        answer.problem();
    }
}

fn host(server: &Server) -> String {
    format!("Host: 127.0.0.1:{}\r\n", server.port)
}

fn bearer() -> String {
    format!("Authorization: Bearer {TOKEN}\r\n")
}

#[tokio::test]
async fn every_operation_answers_and_every_other_method_is_refused_with_allow() {
    let server = Server::start().await;
    let headers = host(&server) + &bearer();
    over_all(&server, &headers, |cell, answer| {
        let name = cell.name();
        if cell.target == "/no/such/path" {
            assert_eq!(answer.status, 404, "{name}");
        } else if cell.answers() {
            assert!((200..300).contains(&answer.status), "{name}: {answer:?}");
        } else {
            assert_eq!(answer.status, 405, "{name}");
            let allow = answer.header("allow").unwrap();
            assert!(
                !allow.is_empty() && !allow.contains(cell.method),
                "{name}: {allow}"
            );
        }
        if cell.method == "HEAD" {
            assert!(answer.body.is_empty(), "{name}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_wrong_missing_or_repeated_host_is_misdirected_everywhere_but_at_the_probes() {
    let server = Server::start().await;
    let right = host(&server);
    let hosts = [
        String::new(),
        "Host: evil.example\r\n".to_owned(),
        "Host: 127.0.0.1\r\n".to_owned(),
        format!("{right}{right}"),
        format!("{right}Host: evil.example\r\n"),
    ];
    for host in hosts {
        let headers = host.clone() + &bearer();
        over_all(&server, &headers, |cell, answer| {
            let is_probe = ["/healthz", "/readyz"].contains(&cell.target.as_str());
            let is_refused = answer.status == 421;
            assert_eq!(is_refused, !is_probe, "{} with {host:?}", cell.name());
        })
        .await;
    }
}

#[tokio::test]
async fn a_request_for_another_start_of_the_server_is_misdirected_everywhere() {
    let [own, other] = [(), ()].map(|()| InstanceId::generate().unwrap());
    let named = |id: &InstanceId| format!("{INSTANCE}: {}\r\n", id.as_str());
    let unnamed = Server::start().await;
    // Without a token the instance alone keeps servers apart.
    let open = Server::with(|config| {
        config.auth = Auth::None;
        config.instance = Some(own.clone());
    });
    let open = open.await;
    for (server, wrong) in [
        (&unnamed, named(&own)),
        (&open, named(&other)),
        (&open, named(&own) + &named(&own)),
        (&open, format!("{INSTANCE}: \r\n")),
    ] {
        let headers = host(server) + &bearer() + &wrong;
        over_all(server, &headers, |cell, answer| {
            assert_eq!(answer.status, 421, "{} with {wrong:?}", cell.name());
        })
        .await;
    }
    let headers = host(&open) + &named(&own);
    over_all(&open, &headers, |cell, answer| {
        assert_ne!(answer.status, 421, "{}", cell.name());
    })
    .await;
}

#[tokio::test]
async fn a_page_of_another_origin_is_rejected_everywhere() {
    let server = Server::start().await;
    let foreign = [
        "Origin: http://evil.example\r\n",
        "Origin: null\r\n",
        "Sec-Fetch-Site: cross-site\r\n",
        "Sec-Fetch-Site: same-site\r\n",
        "Origin: http://evil.example\r\nAccess-Control-Request-Method: POST\r\n",
    ];
    for source in foreign {
        let headers = host(&server) + &bearer() + source;
        over_all(&server, &headers, |cell, answer| {
            assert_eq!(answer.status, 403, "{} with {source:?}", cell.name());
        })
        .await;
    }
}

#[tokio::test]
async fn nobody_without_the_token_gets_in_anywhere_but_health() {
    let server = Server::start().await;
    let credentials = [
        String::new(),
        "Authorization: Bearer wrong-wrong-wrong-wrong-wrong\r\n".to_owned(),
        format!("Authorization: Basic {TOKEN}\r\n"),
        bearer() + &bearer(),
        format!("Cookie: yoi_session_{}={TOKEN}\r\n", server.port),
    ];
    for credentials in credentials {
        let headers = host(&server) + &credentials;
        over_all(&server, &headers, |cell, answer| {
            let name = cell.name();
            if cell.is_open {
                assert_ne!(answer.status, 401, "{name}");
            } else {
                assert_eq!(answer.status, 401, "{name} with {credentials:?}");
                assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{name}");
            }
        })
        .await;
    }
}

#[tokio::test]
async fn with_authorisation_off_everybody_on_this_machine_gets_in_but_no_foreign_page() {
    let server = Server::with(|config| config.auth = Auth::None).await;
    let headers = host(&server);
    over_all(&server, &headers, |cell, answer| {
        assert_ne!(answer.status, 401, "{}", cell.name());
        assert!(answer.header("set-cookie").is_none(), "{}", cell.name());
    })
    .await;
    let headers = host(&server) + "Sec-Fetch-Site: cross-site\r\n";
    over_all(&server, &headers, |cell, answer| {
        assert_eq!(answer.status, 403, "{}", cell.name());
    })
    .await;
}

#[tokio::test]
async fn a_query_parameter_that_an_operation_does_not_take_is_refused_everywhere() {
    let server = Server::start().await;
    for cell in matrix() {
        if cell.operation.is_none() || cell.method == "HEAD" {
            continue;
        }
        let target = format!("{}?canary=1", cell.target);
        let refused = server.write(cell.method, &target, "", cell.body()).await;
        assert_eq!(refused.code(), "invalid_query", "{}", cell.name());
    }
}

#[tokio::test]
async fn a_write_that_is_not_declared_as_json_is_refused() {
    let server = Server::start().await;
    let media_types = [
        "",
        "Content-Type: text/plain\r\n",
        "Content-Type: application/x-www-form-urlencoded\r\n",
        "Content-Type: application/json; charset=latin1\r\n",
        "Content-Type: application/json\r\nContent-Type: application/json\r\n",
    ];
    for cell in matrix() {
        if !cell
            .operation
            .as_ref()
            .is_some_and(|operation| operation.takes_body)
        {
            continue;
        }
        for media_type in media_types {
            let headers = format!("{media_type}Content-Length: 2\r\n");
            let request = server.head(cell.method, &cell.target, &headers) + "{}";
            let answer = server.send(request.as_bytes()).await;
            assert_eq!(answer.status, 415, "{} with {media_type:?}", cell.name());
            has_what_every_answer_has(&cell, &answer);
        }
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_by_its_length_and_by_its_bytes() {
    let server = Server::with(|config| config.connection.body_bytes = 64 * 1024).await;
    for cell in matrix() {
        let json = "Content-Type: application/json\r\n";
        let declared = format!("{json}Content-Length: 999999999\r\n");
        let declared = server.head(cell.method, &cell.target, &declared);
        let chunked = format!("{json}Transfer-Encoding: chunked\r\n");
        let mut chunked = server.head(cell.method, &cell.target, &chunked);
        chunked += &format!("11000\r\n{}\r\n0\r\n\r\n", "x".repeat(0x11000));
        for request in [declared, chunked] {
            let answer = server.send(request.as_bytes()).await;
            assert_eq!(answer.status, 413, "{}", cell.name());
            has_what_every_answer_has(&cell, &answer);
            if cell.method != "HEAD" {
                assert_eq!(answer.problem().limit_bytes, Some(64 * 1024));
            }
        }
    }
}

#[tokio::test]
async fn a_broken_body_is_refused_everywhere_and_the_document_says_so() {
    let server = Server::start().await;
    let document = server.get("/api/openapi.json").await.json();
    for cell in matrix() {
        let headers = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n";
        let request = server.head(cell.method, &cell.target, headers) + "no size\r\n";
        let answer = server.send(request.as_bytes()).await;
        assert_eq!(answer.status, 400, "{}", cell.name());
        has_what_every_answer_has(&cell, &answer);
        if cell.method != "HEAD" {
            assert_eq!(answer.code(), "invalid_body", "{}", cell.name());
        }
        if let Some(operation) = &cell.operation {
            let operation = &document["paths"][&operation.path][operation.method.to_lowercase()];
            let refusal = &operation["responses"]["400"]["$ref"];
            assert_eq!(refusal, "#/components/responses/BadRequest");
        }
    }
}

#[tokio::test]
async fn the_refusal_of_a_large_body_arrives_though_the_client_goes_on_sending() {
    let server = Server::with(|config| {
        config.connection.body_bytes = 1024;
        config.connection.lingering_close_timeout = TEST_TIMEOUT;
    })
    .await;
    let request = server.head("POST", "/api/session", "Content-Length: 4000000\r\n");
    let mut stream = server.connect().await;
    // A reset would end this write with an error, and a usual client would stop there.
    let request = request + &"x".repeat(4_000_000);
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let answer = Answer::parse(&read_to_end(&mut stream).await);
    assert_eq!(answer.code(), "body_too_large");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let server = Server::with(|config| config.connection.body_timeout = SHORT_DEADLINE).await;
    let server = &server;
    join_all(matrix().into_iter().map(|cell| async move {
        let headers = "Content-Type: application/json\r\nContent-Length: 10\r\n";
        let request = server.head(cell.method, &cell.target, headers) + "{";
        let answer = server.send(request.as_bytes()).await;
        assert_eq!(answer.status, 408, "{}", cell.name());
        has_what_every_answer_has(&cell, &answer);
    }))
    .await;
}

#[tokio::test]
async fn a_head_that_does_not_come_is_not_waited_for() {
    let server = Server::with(|config| config.connection.head_timeout = SHORT_DEADLINE).await;
    for sent in ["", "GET / HT", "GET /healthz HTTP/1.1\r\nHost: "] {
        let mut stream = server.connect().await;
        stream.write_all(sent.as_bytes()).await.unwrap();
        let answer = read_to_end(&mut stream).await;
        assert!(answer.is_empty(), "{:?}", String::from_utf8_lossy(&answer));
    }
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let server = Server::with(|config| config.connection.head_timeout = SHORT_DEADLINE).await;
    let mut stream = server.connect().await;
    let request = format!("GET /healthz HTTP/1.1\r\n{}\r\n", host(&server));
    stream.write_all(request.as_bytes()).await.unwrap();
    let answer = Answer::parse(&read_to_end(&mut stream).await);
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn a_head_over_its_limit_is_refused() {
    let server = Server::start().await;
    let headers = format!("X-Padding: {}\r\n", "x".repeat(17 * 1024));
    let answer = server
        .send(server.head("GET", "/healthz", &headers).as_bytes())
        .await;
    assert_eq!(answer.status, 431);
    let fits = format!("X-Padding: {}\r\n", "x".repeat(15 * 1024));
    let answer = server
        .send(server.head("GET", "/healthz", &fits).as_bytes())
        .await;
    assert_eq!(answer.status, 200);
}
