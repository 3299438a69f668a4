//! Requests as they are sent, and responses of every kind.

use registry_core::{Cursor, WorkerRef};
use serde_json::json;

use super::*;
use crate::args::{KindFilter, StateFilter};
use crate::error::{ResponseDefect, Unreachable};
use crate::scripted_server::{Scripted, ScriptedServer, accepted, batch, cursor, problem, worker};

fn w1() -> WorkerRef {
    WorkerRef::new("r".parse().unwrap(), "w1".parse().unwrap())
}

async fn worker_of(does: Scripted) -> Result<Response<WorkerDetail>, Error> {
    ScriptedServer::start([does])
        .await
        .client()
        .worker(&w1())
        .await
}

fn defect(result: Result<Response<WorkerDetail>, Error>) -> ResponseDefect {
    let error = result.unwrap_err();
    let Error::InvalidResponse { defect, .. } = error else {
        panic!("{error:?}");
    };
    defect
}

#[tokio::test]
async fn a_request_has_token_key_and_json() {
    let server = ScriptedServer::start([accepted(3, 4)]).await;
    let key = "key-1".parse().unwrap();
    let sent = server
        .client()
        .send_input(&w1(), "a\"b".to_owned(), Some(&key))
        .await
        .unwrap();
    assert_eq!(sent.value.cursor, Cursor::new(1, 4));
    assert!(!sent.replayed);
    let request = server.requests().remove(0);
    assert!(
        request.starts_with("POST /api/runtimes/r/workers/w1/input HTTP/1.1\r\n"),
        "{request}"
    );
    assert!(request.contains("\r\nauthorization: Bearer a-token-of-at-least-22-characters\r\n"));
    assert!(request.contains("\r\nidempotency-key: key-1\r\n"));
    assert!(request.contains("\r\ncontent-type: application/json\r\n"));
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
    let lines = server.request_lines();
    assert_eq!(lines[0], "GET /api/workers");
    assert_eq!(
        lines[1],
        "GET /api/workers?runtime_id=r&implementation_kind=local_compat&state=idle&limit=7&page_token=MSByIA"
    );
    assert_eq!(
        lines[2],
        format!(
            "GET /api/runtimes/r/workers/w1/events?after={}&wait_ms=2000",
            cursor(1)
        )
    );
}

#[tokio::test]
async fn a_response_keeps_its_json() {
    let response = worker_of(worker("idle")).await.unwrap();
    assert_eq!(response.value.summary.worker_id.as_str(), "w1");
    assert!(
        response.json.starts_with('{') && response.json.contains("\"display_name\":\"Worker\"")
    );
}

#[tokio::test]
async fn an_error_response_is_a_problem_with_its_json() {
    let error = worker_of(problem(404, "unknown_worker")).await.unwrap_err();
    let Error::Api(error) = error else {
        panic!("{error:?}");
    };
    assert_eq!(
        error.problem.code,
        http_api::wire::ProblemCode::UnknownWorker
    );
    assert!(error.json.contains("urn:yoi:problem:unknown_worker"));
}

#[tokio::test]
async fn a_response_that_is_not_of_this_api_is_an_error() {
    assert_eq!(
        defect(worker_of(Scripted::Text(200, "<html>")).await),
        ResponseDefect::Json
    );
    assert_eq!(
        defect(worker_of(Scripted::Text(200, "{}")).await),
        ResponseDefect::Json
    );
    assert_eq!(
        defect(worker_of(Scripted::Text(502, "Bad gateway")).await),
        ResponseDefect::Status(502)
    );
}

#[tokio::test]
async fn no_redirect_is_followed_because_the_token_is_for_this_server() {
    let other = ScriptedServer::start([worker("idle")]).await;
    let redirect = Scripted::Redirect(format!("{}/", other.url()));
    assert_eq!(
        defect(worker_of(redirect).await),
        ResponseDefect::Status(307)
    );
    assert!(other.request_lines().is_empty());
}

#[tokio::test]
async fn a_response_without_an_end_is_given_up() {
    let max_bytes = response::BODY_MAX_BYTES;
    assert_eq!(
        defect(worker_of(Scripted::Endless).await),
        ResponseDefect::Oversized { max_bytes }
    );
}

#[tokio::test]
async fn a_lost_connection_and_an_absent_server_are_unreachable() {
    for does in [Scripted::Close, Scripted::Truncated] {
        let error = worker_of(does).await.unwrap_err();
        assert!(
            matches!(error, Error::Unreachable(Unreachable::Lost { .. })),
            "{error:?}"
        );
    }
    // A port that was free a moment ago, and that nobody listens on.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let client = Client::new(format!("http://{port}").parse().unwrap(), None).unwrap();
    let error = client.worker(&w1()).await.unwrap_err();
    assert_eq!(
        error.message(),
        format!("no server responds at http://{port}: connection refused")
    );
}

#[tokio::test]
async fn an_array_is_no_response_even_where_it_lists_the_right_fields() {
    let server = ScriptedServer::start([Scripted::Json(200, json!([[], null, []]))]).await;
    let error = server.client().workers(&WorkersQuery::default()).await;
    let error = error.unwrap_err();
    let Error::InvalidResponse { defect, .. } = error else {
        panic!("{error:?}");
    };
    assert_eq!(defect, ResponseDefect::Json);
}
