//! Nothing that a client sends panics, gets past its bounds, or comes back in an answer.

use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;
use registry_core::port::{EventsQuery, TranscriptQuery, TranscriptRange};
use registry_core::projection::WorkerState;
use registry_core::registry::WorkerListQuery;

use super::header::idempotency_key;
use super::json::{BodyFields, is_json, parse};
use super::query;
use super::*;
use crate::error::ApiError;
use crate::wire::header::IDEMPOTENCY_KEY;
use crate::wire::{
    CancelRunBody, CreateWorkerBody, ProblemCode, RenameWorkerBody, SendInputBody, StopWorkerBody,
};

fn workers(query: &str) -> Result<WorkerListQuery, ApiError> {
    query::parse::<WorkersParameters>(query).map(Into::into)
}

fn events(query: &str) -> Result<EventsQuery, ApiError> {
    query::parse::<EventsParameters>(query).map(Into::into)
}

fn transcript(query: &str) -> Result<TranscriptQuery, ApiError> {
    query::parse::<TranscriptParameters>(query)?.try_into()
}

#[test]
fn a_query_within_its_bounds_is_read() {
    let query = events("limit=200&wait_ms=30000&batch_ms=1000").unwrap();
    assert_eq!(query.limit.get(), 200);
    assert_eq!(query.wait.get(), Duration::from_secs(30));
    assert_eq!(query.batch.get(), Duration::from_secs(1));
    assert_eq!(query.after, None);
    let query = workers("st%61te=idle&").unwrap();
    assert_eq!(query.filter.state, Some(WorkerState::Idle));
    assert_eq!(query.limit.get(), 50);
    let query = transcript("before=9007199254740991").unwrap();
    assert_eq!(query.range, TranscriptRange::Before(9_007_199_254_740_991));
    assert!(query::parse::<NoParameters>("").is_ok());
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
        let refused = workers(wrong).unwrap_err();
        assert_eq!(refused.code(), ProblemCode::InvalidQuery, "{wrong}");
    }
    assert!(query::parse::<NoParameters>("limit=1").is_err());
}

#[test]
fn a_wrong_value_is_answered_with_the_code_of_its_parameter() {
    for (wrong, code) in [
        ("runtime_id=A", ProblemCode::InvalidIdentifier),
        ("runtime_id=", ProblemCode::InvalidIdentifier),
        ("page_token=x", ProblemCode::InvalidPageToken),
        ("state=none", ProblemCode::InvalidQuery),
        ("implementation_kind=%20", ProblemCode::InvalidQuery),
    ] {
        assert_eq!(workers(wrong).unwrap_err().code(), code, "{wrong}");
    }
    let refused = events("after=x").unwrap_err();
    assert_eq!(refused.code(), ProblemCode::InvalidCursor);
}

#[test]
fn a_number_has_one_spelling_and_is_never_clamped() {
    for wrong in [
        "",
        "0",
        "201",
        "%2B1",
        "-1",
        "01",
        "1.0",
        "1e1",
        "+1",
        "\u{661}",
        "null",
        "99999999999999999999",
    ] {
        let refused = workers(&format!("limit={wrong}")).unwrap_err();
        assert_eq!(refused.code(), ProblemCode::InvalidQuery, "{wrong:?}");
    }
    assert!(events("wait_ms=30001").is_err());
    assert!(events("batch_ms=1001").is_err());
    assert!(transcript("after=9007199254740992").is_err());
    assert!(transcript("after=1&before=2").is_err());
}

#[test]
fn a_body_is_read_or_the_error_names_its_wrong_field() {
    let blamed = |refused: ApiError| {
        assert_eq!(refused.code(), ProblemCode::InvalidBody);
        refused.problem_field()
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
        assert_eq!(blamed(refused), Some("display_name".into()), "{wrong}");
    }
    let refused = parse::<CreateWorkerBody>(br#"{"profile":"a","model":[]}"#).unwrap_err();
    assert_eq!(blamed(refused), Some("model".into()));
    let refused = parse::<CancelRunBody>(br#"{"run_id":"A"}"#).unwrap_err();
    assert_eq!(blamed(refused), Some("run_id".into()));
    for wrong in [
        "{}",
        r#"{"content":"a","content":"b"}"#,
        r#"{"content":"\ud800"}"#,
        r#"{"content":"a"#,
        r#"{"content":a}"#,
        r#"{"content":null}"#,
        r#"{"content":{"content":"a"}}"#,
    ] {
        let refused = parse::<SendInputBody>(wrong.as_bytes()).unwrap_err();
        assert_eq!(blamed(refused), Some("content".into()), "{wrong}");
    }
    assert!(parse::<SendInputBody>(br#"["content"]"#).is_err());
    let deep = "[".repeat(100_000);
    assert!(parse::<StopWorkerBody>(deep.as_bytes()).is_err());
}

#[test]
fn an_unknown_field_is_not_named_but_those_that_there_are() {
    fn reason<T: BodyFields>(body: &str) -> String {
        let refused = parse::<T>(body.as_bytes()).map(drop).unwrap_err();
        assert_eq!(refused.problem_field(), None, "{body}");
        format!("{refused:?}")
    }
    for (refused, fields) in [
        (reason::<SendInputBody>(r#"{"contents":"a"}"#), "`content`"),
        (
            reason::<SendInputBody>(r#"{"content":"a","x":1}"#),
            "`content`",
        ),
        (
            reason::<CreateWorkerBody>(r#"{"canary":1}"#),
            "`profile` and `model`",
        ),
        (reason::<RenameWorkerBody>(r#"{"x":1}"#), "`display_name`"),
        (reason::<CancelRunBody>(r#"{"run":"r1"}"#), "`run_id`"),
        (reason::<StopWorkerBody>(r#"{"x":1}"#), "must have none"),
    ] {
        assert!(refused.contains(fields), "{refused}");
    }
}

#[test]
fn a_body_is_json_only_when_its_media_type_says_so() {
    let declares_json = |value: &str| {
        let value = HeaderValue::from_str(value).unwrap();
        is_json(&HeaderMap::from_iter([(CONTENT_TYPE, value)]))
    };
    for good in [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        "application/json;charset=\"UTF-8\"",
        "application/json;",
        "application/json; ; charset=utf-8 ;",
    ] {
        assert!(declares_json(good), "{good}");
    }
    for bad in [
        "",
        "text/json",
        "application/jsonp",
        "application/json, text/plain",
        "application/json; charset=latin1",
        "application/json; charset=\"utf-8",
        "application/json; boundary=x",
        "application/problem+json",
    ] {
        assert!(!declares_json(bad), "{bad}");
    }
    assert!(!is_json(&HeaderMap::new()));
}

#[test]
fn an_idempotency_key_is_one_visible_text() {
    let parsed = |values: &[&[u8]]| {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(IDEMPOTENCY_KEY, HeaderValue::from_bytes(value).unwrap());
        }
        idempotency_key(&headers)
    };
    assert_eq!(parsed(&[]).unwrap(), None);
    assert_eq!(parsed(&[b"~key!"]).unwrap().unwrap().as_str(), "~key!");
    for wrong in [
        &[b"".as_slice()][..],
        &[b"a b"],
        &[b"\xe9"],
        &[b"a", b"a"],
        &[&[b'x'; 129]],
    ] {
        assert_eq!(
            parsed(wrong).unwrap_err().code(),
            ProblemCode::InvalidIdentifier
        );
    }
}

proptest! {
    #[test]
    fn no_query_panics_or_comes_back(text in "\\PC{0,60}") {
        let canary = format!("limit=canary{text}&{text}");
        let refusals = [
            workers(&canary).err(),
            events(&canary).err(),
            transcript(&canary).err(),
            query::parse::<NoParameters>(&canary).err(),
        ];
        for refused in refusals {
            let shown = format!("{:?}", refused.unwrap());
            prop_assert!(!shown.contains("canary"));
        }
    }

    #[test]
    fn no_body_panics_or_comes_back(text in "[a-z\"{}:,0-9\\[\\]\\\\]{0,60}") {
        for body in [
            format!("canary{text}"),
            format!("{{\"canary{text}\":1}}"),
            format!("{{\"content\":[\"canary\"]{text}}}"),
            format!("{{\"profile\":\"canary {text}\"}}"),
            format!("{{\"display_name\":[\"canary\"]{text}}}"),
        ] {
            let refusals = [
                parse::<SendInputBody>(body.as_bytes()).err(),
                parse::<CreateWorkerBody>(body.as_bytes()).err(),
                parse::<StopWorkerBody>(body.as_bytes()).err(),
                parse::<RenameWorkerBody>(body.as_bytes()).err(),
            ];
            for refused in refusals.into_iter().flatten() {
                let shown = format!("{refused:?}");
                prop_assert!(!shown.contains("canary"));
            }
        }
    }
}
