//! Requests as they are sent, and responses of every kind.

use http_api::wire::ProblemCode;
use registry_core::Cursor;
use serde_json::json;

use super::*;
use crate::args::{KindFilter, StateFilter};
use crate::error::{ResponseDefect, Unreachable};
use crate::scripted_server::{
    Scripted, ScriptedServer, TOKEN, accepted, assert_contains, batch, cursor, problem, w1, worker,
};

/// Requests a worker from a server that responds as `scripted`.
async fn get_worker(scripted: Scripted) -> Result<Response<WorkerDetail>, Error> {
    let server = ScriptedServer::start([scripted]).await;
    server.client().worker(&w1()).await
}

#[tokio::test]
async fn a_request_has_token_key_and_json() {
    let server = ScriptedServer::start([accepted(3, 4)]).await;
    let key = "key-1".parse().unwrap();
    let (client, worker) = (server.client(), w1());
    let sent = client.send_input(&worker, "a\"b".to_owned(), Some(&key));
    let sent = sent.await.unwrap();
    assert_eq!(sent.value.cursor, Cursor::new(1, 4));
    assert!(!sent.replayed);
    let request = server.requests().remove(0);
    let line = "POST /api/runtimes/backend-internal/workers/w1/input HTTP/1.1\r\n";
    assert!(request.starts_with(line), "{request}");
    let token = format!("\r\nauthorization: Bearer {TOKEN}\r\n");
    assert_contains(&request, &token);
    assert_contains(&request, "\r\nidempotency-key: key-1\r\n");
    assert_contains(&request, "\r\ncontent-type: application/json\r\n");
    assert!(request.ends_with("\r\n\r\n{\"content\":\"a\\\"b\"}"));
}

#[tokio::test]
async fn a_query_has_the_parameters_that_were_given_and_no_others() {
    let empty = || Scripted::Json(200, json!({"items": [], "diagnostics": []}));
    let server = ScriptedServer::start([empty(), empty(), batch(1, [])]).await;
    let client = server.client();
    client.workers(&WorkersQuery::default()).await.unwrap();
    let query = WorkersQuery {
        runtime_id: Some("r".parse().unwrap()),
        implementation_kind: Some(KindFilter::LocalCompat),
        state: Some(StateFilter::Idle),
        limit: Some(7),
        page_token: Some("MSByIA".parse().unwrap()),
    };
    client.workers(&query).await.unwrap();
    let query = EventsQuery {
        after: Some(Cursor::new(1, 1)),
        limit: None,
        wait_ms: Some(2000),
    };
    client.events(&w1(), &query).await.unwrap();
    let events = "GET /api/runtimes/backend-internal/workers/w1/events";
    let expected = [
        "GET /api/workers",
        "GET /api/workers?runtime_id=r&implementation_kind=local_compat&state=idle&limit=7\
         &page_token=MSByIA",
        &format!("{events}?after={}&wait_ms=2000", cursor(1)),
    ];
    assert_eq!(server.request_lines(), expected);
}

#[tokio::test]
async fn a_response_and_a_problem_keep_their_json() {
    let response = get_worker(worker("idle")).await.unwrap();
    assert_eq!(response.value.summary.worker_id.as_str(), "w1");
    assert!(response.json.starts_with('{'));
    assert_contains(&response.json, "\"display_name\":\"Worker\"");
    let Err(Error::Api(error)) = get_worker(problem(404, "unknown_worker")).await else {
        panic!("no problem");
    };
    assert_eq!(error.problem.code, ProblemCode::UnknownWorker);
    assert_contains(&error.json, "urn:yoi:problem:unknown_worker");
}

#[tokio::test]
async fn a_response_that_is_not_of_this_api_is_an_error() {
    let max_bytes = response::BODY_MAX_BYTES;
    for (scripted, expected) in [
        (Scripted::Text(200, "<html>"), ResponseDefect::Json),
        (Scripted::Text(200, "{}"), ResponseDefect::Json),
        (
            Scripted::Text(502, "Bad gateway"),
            ResponseDefect::Status(502),
        ),
        (Scripted::Endless, ResponseDefect::Oversized { max_bytes }),
    ] {
        let result = get_worker(scripted).await;
        let Err(Error::InvalidResponse { defect, .. }) = result else {
            panic!("{result:?}");
        };
        assert_eq!(defect, expected);
    }
}

#[tokio::test]
async fn no_redirect_is_followed_because_the_token_is_for_this_server() {
    let other = ScriptedServer::start([worker("idle")]).await;
    let result = get_worker(Scripted::Redirect(format!("{}/", other.url()))).await;
    let Err(Error::InvalidResponse { defect, .. }) = result else {
        panic!("{result:?}");
    };
    assert_eq!(defect, ResponseDefect::Status(307));
    assert!(other.requests().is_empty());
}

#[tokio::test]
async fn an_array_is_no_response_even_where_it_lists_the_right_fields() {
    let server = ScriptedServer::start([Scripted::Json(200, json!([[], null, []]))]).await;
    let result = server.client().workers(&WorkersQuery::default()).await;
    let Err(Error::InvalidResponse { defect, .. }) = result else {
        panic!("{result:?}");
    };
    assert_eq!(defect, ResponseDefect::Json);
}

#[tokio::test]
async fn a_lost_connection_and_an_absent_server_are_unreachable() {
    for scripted in [Scripted::Close, Scripted::Truncated] {
        let result = get_worker(scripted).await;
        let Err(Error::Unreachable(Unreachable::Lost { .. })) = result else {
            panic!("{result:?}");
        };
    }
    // A port that was free a moment ago, and that nobody listens on.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let client = Client::new(Target::named(url.parse().unwrap(), None)).unwrap();
    let error = client.worker(&w1()).await.unwrap_err();
    let expected = format!("no server responds at {url}: connection refused");
    assert_eq!(error.message(), expected);
}
