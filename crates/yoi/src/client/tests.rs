//! Requests as they are sent, and answers of every kind.

use registry_core::{Cursor, WorkerRef};
use serde_json::json;

use super::*;
use crate::failure::NotOurs;
use crate::scripted_server::{Does, ScriptedServer, batch, cursor, problem, worker};

fn w1() -> WorkerRef {
    WorkerRef::new("r".parse().unwrap(), "w1".parse().unwrap())
}

async fn worker_of(does: Does) -> Result<Answer<WorkerDetail>, Failure> {
    ScriptedServer::start([does])
        .await
        .client()
        .worker(&w1())
        .await
}

fn what(result: Result<Answer<WorkerDetail>, Failure>) -> NotOurs {
    let failure = result.unwrap_err();
    let Failure::NotOurAnswer { what, .. } = failure else {
        panic!("{failure:?}");
    };
    what
}

#[tokio::test]
async fn a_request_carries_token_key_and_json() {
    let accepted = json!({"run_id": "run-1", "sequence": 3, "cursor": cursor(4)});
    let server = ScriptedServer::start([Does::Answers(202, accepted)]).await;
    let key = "key-1".parse().unwrap();
    let sent = server
        .client()
        .send_input(&w1(), "a\"b".to_owned(), Some(&key))
        .await
        .unwrap();
    assert_eq!(sent.value.cursor, Cursor::new(1, 4));
    assert!(!sent.replayed);
    let heard = server.heard().remove(0);
    assert!(
        heard.starts_with("POST /api/runtimes/r/workers/w1/input HTTP/1.1\r\n"),
        "{heard}"
    );
    assert!(heard.contains("\r\nauthorization: Bearer a-token-of-at-least-22-characters\r\n"));
    assert!(heard.contains("\r\nidempotency-key: key-1\r\n"));
    assert!(heard.contains("\r\ncontent-type: application/json\r\n"));
    assert!(heard.ends_with("\r\n\r\n{\"content\":\"a\\\"b\"}"));
}

#[tokio::test]
async fn a_query_says_what_was_asked_and_nothing_else() {
    let empty = || Does::Answers(200, json!({"items": [], "diagnostics": []}));
    let server = ScriptedServer::start([empty(), empty(), batch(1, [])]).await;
    let client = server.client();
    client.workers(&WorkersQuery::default()).await.unwrap();
    let query = WorkersQuery {
        runtime_id: Some("r".parse().unwrap()),
        implementation_kind: Some(registry_core::projection::ImplementationKind::LOCAL_COMPAT),
        state: Some(registry_core::projection::WorkerState::Idle),
        limit: Some(7),
        page_token: Some("MSByIA".parse().unwrap()),
    };
    client.workers(&query).await.unwrap();
    let query = EventsQuery {
        after: Some(Cursor::new(1, 1)),
        limit: None,
        wait: Duration::from_secs(2),
    };
    client.events(&w1(), &query).await.unwrap();
    let asked = server.asked();
    assert_eq!(asked[0], "GET /api/workers");
    assert_eq!(
        asked[1],
        "GET /api/workers?runtime_id=r&implementation_kind=local_compat&state=idle&limit=7&page_token=MSByIA"
    );
    assert_eq!(
        asked[2],
        format!(
            "GET /api/runtimes/r/workers/w1/events?after={}&wait_ms=2000",
            cursor(1)
        )
    );
}

#[tokio::test]
async fn an_answer_is_kept_as_it_came() {
    let answer = worker_of(worker("idle", json!(null))).await.unwrap();
    assert_eq!(answer.value.summary.worker_id.as_str(), "w1");
    assert!(answer.json.starts_with('{') && answer.json.contains("\"display_name\":\"Worker\""));
}

#[tokio::test]
async fn a_refusal_is_a_problem_with_its_json() {
    let failure = worker_of(problem(404, "unknown_worker")).await.unwrap_err();
    let Failure::Refused(refusal) = failure else {
        panic!("{failure:?}");
    };
    assert_eq!(
        refusal.problem.code,
        http_api::wire::ProblemCode::UnknownWorker
    );
    assert!(refusal.json.contains("urn:yoi:problem:unknown_worker"));
}

#[tokio::test]
async fn an_answer_that_is_not_of_this_api_is_told_apart() {
    assert_eq!(
        what(worker_of(Does::Says(200, "<html>")).await),
        NotOurs::Json
    );
    assert_eq!(what(worker_of(Does::Says(200, "{}")).await), NotOurs::Json);
    assert_eq!(
        what(worker_of(Does::Says(502, "Bad gateway")).await),
        NotOurs::Status(502)
    );
}

#[tokio::test]
async fn the_token_is_for_this_server_alone_so_no_redirect_is_followed() {
    let other = ScriptedServer::start([worker("idle", json!(null))]).await;
    let redirect = Does::Redirects(format!("{}/", other.url()));
    assert_eq!(what(worker_of(redirect).await), NotOurs::Status(307));
    assert!(other.asked().is_empty());
}

#[tokio::test]
async fn an_answer_without_an_end_is_given_up() {
    let max_bytes = answer::ANSWER_MAX_BYTES;
    assert_eq!(
        what(worker_of(Does::NeverStops).await),
        NotOurs::Oversized { max_bytes }
    );
}

#[tokio::test]
async fn a_lost_connection_and_an_absent_server_are_unreachable() {
    for does in [Does::HangsUp, Does::BreaksOff] {
        let failure = worker_of(does).await.unwrap_err();
        assert!(
            matches!(failure, Failure::Unreachable(Unreachable::Lost { .. })),
            "{failure:?}"
        );
    }
    // A port that was free a moment ago, and that nobody listens on.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let client = Client::new(format!("http://{port}").parse().unwrap(), None).unwrap();
    let failure = client.worker(&w1()).await.unwrap_err();
    assert_eq!(
        failure.line(),
        format!("no server answers at http://{port}: connection refused")
    );
}

#[tokio::test]
async fn an_array_is_no_answer_even_where_it_lists_the_right_fields() {
    let server = ScriptedServer::start([Does::Answers(200, json!([[], null, []]))]).await;
    let failure = server.client().workers(&WorkersQuery::default()).await;
    let failure = failure.unwrap_err();
    let Failure::NotOurAnswer { what, .. } = failure else {
        panic!("{failure:?}");
    };
    assert_eq!(what, NotOurs::Json);
}
