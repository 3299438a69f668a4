//! Nothing that a client sends panics, gets past its bounds, or comes back in an answer.

use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;
use registry_core::port::TranscriptRange;
use registry_core::projection::WorkerState;

use super::body::parse;
use super::*;
use crate::problem::Refusal;
use crate::routes::{OPERATIONS, Operation, OperationId};
use crate::wire::{CancelRunBody, CreateWorkerBody, ProblemCode, SendInputBody, StopWorkerBody};

fn operation(id: OperationId) -> &'static Operation {
    OPERATIONS
        .iter()
        .find(|operation| operation.id == id)
        .unwrap()
}

fn query(id: OperationId, text: &str) -> Result<Query, EdgeRefusal> {
    Query::parse(operation(id), Some(text))
}

fn code(refusal: EdgeRefusal) -> ProblemCode {
    Refusal::from(refusal).code()
}

#[test]
fn a_query_within_its_bounds_is_read() {
    let events = query(OperationId::ReadEvents, "limit=200&wait_ms=30000").unwrap();
    assert_eq!(events.limit().unwrap().get(), 200);
    assert_eq!(events.wait().unwrap().get(), Duration::from_secs(30));
    assert_eq!(events.after_cursor().unwrap(), None);
    let workers = query(OperationId::ListWorkers, "st%61te=idle&").unwrap();
    assert_eq!(workers.named("state").unwrap(), Some(WorkerState::Idle));
    assert_eq!(workers.limit().unwrap().get(), 50);
    let range = query(OperationId::ReadTranscript, "before=9007199254740991").unwrap();
    let before = TranscriptRange::Before(9_007_199_254_740_991);
    assert_eq!(range.transcript_range().unwrap(), before);
}

#[test]
fn a_parameter_that_is_unknown_or_repeated_is_refused() {
    for wrong in [
        "x=1",
        "limit=1&limit=1",
        "Limit=1",
        "=",
        "limit[]=1",
        "%ff=1",
        "state=%ff",
    ] {
        let refused = query(OperationId::ListWorkers, wrong).unwrap_err();
        assert_eq!(code(refused), ProblemCode::InvalidQuery, "{wrong}");
    }
    assert!(query(OperationId::GetWorkspace, "limit=1").is_err());
}

#[test]
fn a_number_has_one_spelling_and_is_never_clamped() {
    for wrong in [
        "",
        "0",
        "201",
        "+1",
        "-1",
        "01",
        "1.0",
        "1e1",
        " 1",
        "\u{661}",
        "null",
        "99999999999999999999",
    ] {
        let limit = query(OperationId::ListWorkers, &format!("limit={wrong}")).unwrap();
        assert!(limit.limit().is_err(), "{wrong:?}");
    }
    let wait = query(OperationId::ReadEvents, "wait_ms=30001").unwrap();
    assert!(wait.wait().is_err());
    let far = query(OperationId::ReadTranscript, "after=9007199254740992").unwrap();
    assert!(far.transcript_range().is_err());
    let both = query(OperationId::ReadTranscript, "after=1&before=2").unwrap();
    assert!(both.transcript_range().is_err());
}

#[test]
fn a_body_is_read_or_blamed_on_a_field_of_ours() {
    let blamed = |refusal: EdgeRefusal| {
        let EdgeRefusal::InvalidBody { field, .. } = refusal else {
            panic!("{refusal:?}");
        };
        field
    };
    assert!(parse::<CreateWorkerBody>(b"{}").is_ok());
    assert!(parse::<CreateWorkerBody>(br#"{"display_name":null}"#).is_ok());
    assert_eq!(
        parse::<SendInputBody>(br#"{"content":"\u0000"}"#)
            .unwrap()
            .content,
        "\0"
    );
    for wrong in [
        "",
        " ",
        "null",
        "[]",
        "\"x\"",
        "{",
        "{}x",
        "{}{}",
        r#"{"canary":1}"#,
        "\u{feff}{}",
    ] {
        let refused = parse::<CreateWorkerBody>(wrong.as_bytes()).unwrap_err();
        assert_eq!(blamed(refused), None, "{wrong}");
    }
    for wrong in [
        r#"{"display_name":1}"#,
        r#"{"display_name":"\u001b"}"#,
        r#"{"display_name":""}"#,
    ] {
        let refused = parse::<CreateWorkerBody>(wrong.as_bytes()).unwrap_err();
        assert_eq!(blamed(refused), Some("display_name"), "{wrong}");
    }
    let refused = parse::<CancelRunBody>(br#"{"run_id":"A"}"#).unwrap_err();
    assert_eq!(blamed(refused), Some("run_id"));
    assert_eq!(blamed(parse::<SendInputBody>(b"{}").unwrap_err()), None);
    assert!(parse::<SendInputBody>(br#"["content"]"#).is_err());
    assert!(parse::<SendInputBody>(br#"{"content":"\ud800"}"#).is_err());
    assert!(parse::<SendInputBody>(br#"{"content":"a","content":"b"}"#).is_err());
    let deep = "[".repeat(100_000);
    assert!(parse::<StopWorkerBody>(deep.as_bytes()).is_err());
}

#[test]
fn json_is_declared_in_so_many_words() {
    let judge = |value: &str| {
        let value = HeaderValue::from_str(value).unwrap();
        is_json(&HeaderMap::from_iter([(CONTENT_TYPE, value)]))
    };
    for good in [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        "application/json;charset=\"UTF-8\"",
    ] {
        assert!(judge(good), "{good}");
    }
    for bad in [
        "",
        "text/json",
        "application/jsonp",
        "application/json, text/plain",
        "application/json; charset=latin1",
        "application/json; boundary=x",
        "application/problem+json",
    ] {
        assert!(!judge(bad), "{bad}");
    }
    assert!(!is_json(&HeaderMap::new()));
}

#[test]
fn an_idempotency_key_is_one_visible_text() {
    let judge = |values: &[&[u8]]| {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(&IDEMPOTENCY_KEY, HeaderValue::from_bytes(value).unwrap());
        }
        idempotency_key(&headers)
    };
    assert_eq!(judge(&[]).unwrap(), None);
    assert_eq!(judge(&[b"~key!"]).unwrap().unwrap().as_str(), "~key!");
    for wrong in [
        &[b"".as_slice()][..],
        &[b"a b"],
        &[b"\xe9"],
        &[b"a", b"a"],
        &[&[b'x'; 129]],
    ] {
        assert_eq!(
            code(judge(wrong).unwrap_err()),
            ProblemCode::InvalidIdentifier
        );
    }
}

/// What a refusal shows, without the request's own id.
fn shown(refusal: EdgeRefusal) -> String {
    format!("{:?}", Refusal::from(refusal))
}

#[test]
fn a_request_that_is_dropped_leaves_nothing_in_its_head() {
    let request = http::Request::get("/api/runtimes/a/workers/b?x=%61").header(CONTENT_TYPE, "x");
    let (mut head, ()) = request.body(()).unwrap().into_parts();
    drop(Asked::new(&mut head, Query::default(), Bytes::new()));
    assert!(head.headers.is_empty());
    assert_eq!(head.uri, "/");
}

proptest! {
    #[test]
    fn no_query_panics_or_comes_back(text in "\\PC{0,60}") {
        let canary = format!("limit=canary{text}&{text}");
        for id in [OperationId::ListWorkers, OperationId::ReadEvents, OperationId::ReadTranscript] {
            match query(id, &canary) {
                Ok(query) => {
                    let refused = query.limit().unwrap_err();
                    prop_assert!(!shown(refused).contains("canary"));
                    let _ = (query.page_token(), query.runtime_id(), query.wait());
                    let _ = (query.transcript_range(), query.after_cursor());
                    let _ = query.named::<WorkerState>("state");
                }
                Err(refused) => prop_assert!(!shown(refused).contains("canary")),
            }
        }
    }

    #[test]
    fn no_body_panics_or_comes_back(text in "[a-z\"{}:,0-9\\[\\]\\\\]{0,60}") {
        for body in [
            format!("canary{text}"),
            format!("{{\"canary{text}\":1}}"),
            format!("{{\"content\":[\"canary\"]{text}}}"),
            format!("{{\"profile\":\"canary {text}\"}}"),
        ] {
            let refusals = [
                parse::<SendInputBody>(body.as_bytes()).err(),
                parse::<CreateWorkerBody>(body.as_bytes()).err(),
                parse::<StopWorkerBody>(body.as_bytes()).err(),
            ];
            for refused in refusals.into_iter().flatten() {
                prop_assert!(!shown(refused).contains("canary"));
            }
        }
    }
}
