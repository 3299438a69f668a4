//! The checks on a stable compiler: with the inputs that the fuzzer left in `fuzz/corpus`, and
//! with as many generated ones as take seconds.

use std::fmt::Write as _;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use fuzz_checks::local_metadata::RecordFixture;
use fuzz_checks::{ServerFixture, bodies, names, requests};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// Fewest inputs of a corpus, so that a missing one does not pass.
const CORPUS_MIN: usize = 20;
/// Generated inputs of each strategy.
const CASES: u32 = 1_500;
/// Most bytes of an input: more than most generated requests use.
const BYTES_MAX: usize = 400;

/// Runs a check with every input of its corpus, and names all that break a rule.
fn replay_corpus(target: &str, check: impl Fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/corpus")
        .join(target);
    let mut broken = Vec::new();
    let mut inputs = 0;
    for entry in fs::read_dir(corpus).expect("the target's corpus") {
        let path = entry.expect("an input").path();
        let bytes = fs::read(&path).expect("an input's bytes");
        inputs += 1;
        if catch_unwind(AssertUnwindSafe(|| check(&bytes))).is_err() {
            broken.push(path.file_name().unwrap_or_default().to_owned());
        }
    }
    assert!(inputs >= CORPUS_MIN, "{target} has only {inputs} inputs");
    assert!(
        broken.is_empty(),
        "of {inputs} inputs of {target}: {broken:?}"
    );
}

/// Runs a check with inputs of a strategy, and shrinks the first that breaks a rule.
fn explore<S: Strategy>(strategy: &S, check: impl Fn(S::Value)) {
    let config = Config {
        cases: CASES,
        failure_persistence: None,
        ..Config::default()
    };
    let explored = TestRunner::new(config).run(strategy, |input| {
        check(input);
        Ok(())
    });
    if let Err(failure) = explored {
        panic!("{failure}");
    }
}

fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..BYTES_MAX)
}

/// Bytes of a request that is valid in most parts: zero is the first variant of everything
/// generated, which is the valid one.
fn mostly_zero() -> impl Strategy<Value = Vec<u8>> {
    vec(prop_oneof![4 => Just(0), 1 => any::<u8>()], 0..BYTES_MAX)
}

/// Names, and texts that nearly are.
fn near_names() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9_:.-]{0,70}",
        "[!-~]{0,140}",
        "[A-Za-z0-9_-]{20,24}",
        "[ -~\\u{80}-\\u{2070}]{0,90}",
        "[a-z\\u{0}-\\u{20}\\u{7f}-\\u{a0}\\u{2028}-\\u{202e}\\u{2066}-\\u{2069}]{1,3}",
        "[0-9a-f]{8}-[0-9a-f]{4}-[67][0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}",
        // `1 local-compat …` in base64url.
        "MSBsb2NhbC1jb21wYXQg[A-Za-z0-9_-]{0,140}",
        any::<String>(),
    ]
}

/// A text as older tooling or an attacker would write one.
fn recorded_text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[a-z]{1,12}",
        "[ -~\\u{80}-\\u{a0}\\u{2028}-\\u{202e}]{1,100}",
        "[a-z\\u{0}-\\u{20}\\u{7f}-\\u{a0}\\u{2028}-\\u{202e}\\u{2066}-\\u{2069}]{1,12}",
        "(~|/|C:|file:|%2f)?[a-z/\\\\]{1,40}",
        "builtin:[a-z]{1,12}",
        Just("/w".to_owned()),
        Just("/w/.//".to_owned()),
    ]
}

/// A record with such texts in the fields that older tooling wrote.
fn record() -> impl Strategy<Value = String> {
    let fields = [
        "worker_name",
        "workspace_root",
        "active.session_id",
        "resolved_manifest_snapshot.profile_selector",
        "resolved_manifest_snapshot.profile.source.provenance",
        "spawned_children.socket_path",
        "spawned_children.callback_address",
        "peers.worker_name",
    ];
    let field = (proptest::sample::select(fields.to_vec()), recorded_text());
    let fields = vec(field, 0..8);
    (recorded_text(), any::<bool>(), fields).prop_map(|(name, is_ours, fields)| {
        let mut record = format!("{{\"worker_name\":{}", quoted(&name));
        if is_ours {
            record += ",\"workspace_root\":\"/w\"";
        }
        // As text, because a field may be repeated.
        for (path, text) in fields {
            let names: Vec<_> = path.split('.').map(quoted).collect();
            let (names, closing) = (names.join(":{"), "}".repeat(names.len() - 1));
            write!(record, ",{names}:{}{closing}", quoted(&text)).expect("a string");
        }
        record + "}"
    })
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a text is JSON")
}

#[test]
fn names_keep_the_rules() {
    replay_corpus("names", names::check);
    explore(&near_names(), |text| names::check(text.as_bytes()));
}

#[test]
fn local_metadata_keeps_the_rules() {
    let fixture = RecordFixture::new();
    replay_corpus("local_metadata", |bytes| fixture.check(bytes));
    explore(&record(), |record| fixture.check(record.as_bytes()));
    explore(&any_bytes(), |bytes| fixture.check(&bytes));
}

#[test]
fn requests_keep_the_rules() {
    let server = ServerFixture::new();
    replay_corpus("requests", |bytes| requests::check(&server, bytes));
    explore(&any_bytes(), |bytes| requests::check(&server, &bytes));
    explore(&mostly_zero(), |bytes| requests::check(&server, &bytes));
}

#[test]
fn bodies_keep_the_rules() {
    let server = ServerFixture::new();
    replay_corpus("bodies", |bytes| bodies::check(&server, bytes));
    explore(&any_bytes(), |bytes| bodies::check(&server, &bytes));
    explore(&mostly_zero(), |bytes| bodies::check(&server, &bytes));
}
