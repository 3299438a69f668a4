//! The same checks over inputs that no corpus has yet: any bytes, and texts near to what each
//! check is about. Bounded in number, so that it ends within seconds on a stable compiler.

use std::fmt::Write as _;

use fuzz_checks::local_metadata::Shelf;
use fuzz_checks::{World, bodies, names, requests};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// Inputs of each kind.
const CASES: u32 = 1_500;
/// Longest run of bytes that a structured check reads: more than most shapes use up.
const BYTES_MAX: usize = 400;

/// Gives a check inputs of a kind until it fails, then shrinks the one that failed.
fn explore<S: Strategy>(kind: &S, check: impl Fn(S::Value)) {
    let config = Config {
        cases: CASES,
        failure_persistence: None,
        ..Config::default()
    };
    let explored = TestRunner::new(config).run(kind, |input| {
        check(input);
        Ok(())
    });
    if let Err(failure) = explored {
        panic!("{failure}");
    }
}

/// Texts that are names, or nearly.
fn near_names() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9_:.-]{0,70}",
        "[!-~]{0,140}",
        "[A-Za-z0-9_-]{20,24}",
        "[ -~\\u{80}-\\u{2070}]{0,90}",
        "[a-z\\u{0}-\\u{20}\\u{7f}-\\u{a0}\\u{2028}-\\u{202e}\\u{2066}-\\u{2069}]{1,3}",
        "[0-9a-f]{8}-[0-9a-f]{4}-[67][0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}",
        // `1 local-compat …` and its like, in base64url.
        "MSBsb2NhbC1jb21wYXQg[A-Za-z0-9_-]{0,140}",
        any::<String>(),
    ]
}

#[test]
fn names_keep_the_rules() {
    explore(&near_names(), |text| names::check(text.as_bytes()));
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

/// A record with texts in every place that older tooling wrote one.
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
        for (path, text) in fields {
            let mut names = path.split('.');
            write!(record, ",{}:", quoted(names.next().unwrap_or_default()))
                .expect("a text takes any text");
            let inner: Vec<_> = names.collect();
            for name in &inner {
                record += &format!("{{{}:", quoted(name));
            }
            record += &quoted(&text);
            record += &"}".repeat(inner.len());
        }
        record + "}"
    })
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a text is JSON")
}

#[test]
fn local_metadata_keeps_the_rules() {
    let shelf = Shelf::new();
    explore(&record(), |record| shelf.check(record.as_bytes()));
    explore(&vec(any::<u8>(), 0..BYTES_MAX), |bytes| shelf.check(&bytes));
}

/// Bytes of a shape that is sound in most of its parts: zero stands for the first of the
/// choices that a shape has, which is the sound one.
fn mostly_sound() -> impl Strategy<Value = Vec<u8>> {
    vec(prop_oneof![4 => Just(0), 1 => any::<u8>()], 0..BYTES_MAX)
}

#[test]
fn requests_keep_the_rules() {
    let world = World::new();
    let check = |bytes: Vec<u8>| requests::check(&world, &bytes);
    explore(&vec(any::<u8>(), 0..BYTES_MAX), check);
    explore(&mostly_sound(), check);
}

#[test]
fn bodies_keep_the_rules() {
    let world = World::new();
    let check = |bytes: Vec<u8>| bodies::check(&world, &bytes);
    explore(&vec(any::<u8>(), 0..BYTES_MAX), check);
    explore(&mostly_sound(), check);
}
