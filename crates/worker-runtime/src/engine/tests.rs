//! What errors show, and how usage adds up.

use super::*;

#[test]
fn an_error_shows_its_kind_and_never_its_cause() {
    let error =
        EngineError::with_cause(EngineErrorKind::Unauthorized, "key sk-canary at https://x");
    assert_eq!(error.to_string(), "turn engine failed: unauthorized");
    assert_eq!(
        format!("{error:?}"),
        "EngineError { kind: Unauthorized, .. }"
    );
    assert!(error.source().is_none());
    assert!(error.cause().unwrap().to_string().contains("canary"));
}

#[test]
fn usage_adds_up_and_stays_at_the_greatest_number() {
    let one = Usage {
        input_tokens: 1,
        output_tokens: u64::MAX,
    };
    let both = one.plus(one);
    assert_eq!((both.input_tokens, both.output_tokens), (2, u64::MAX));
}

#[test]
fn a_remark_reaches_whoever_listens_and_nobody_else() {
    let heard = Arc::new(std::sync::Mutex::new(Vec::new()));
    let ear = Arc::clone(&heard);
    let output = Output::new(|_| Ok(()));
    output.remark(Remark::ReplyCutShort);
    let output = output.with_remarks(move |remark| ear.lock().unwrap().push(remark));
    let truncated = Remark::ContextTruncated { entries: 3 };
    output.remark(truncated);
    assert_eq!(*heard.lock().unwrap(), [truncated]);
    assert_eq!(format!("{output:?}"), "Output { .. }");
}

#[test]
fn the_offline_engine_says_that_it_is_offline() {
    let model = OfflineEngine::default().model().unwrap();
    assert_eq!((model.name.as_str(), model.offline), ("offline", true));
}
