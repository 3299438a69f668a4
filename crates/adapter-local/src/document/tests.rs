//! What is taken from a metadata file, and what can't spoil it.

use proptest::prelude::*;

use super::*;

fn parsed(text: &str) -> Document {
    Document::parse(text.as_bytes()).unwrap_or_else(|_| panic!("invalid: {text:.200}"))
}

fn profile_of(manifest: &str) -> Option<String> {
    let text = format!(r#"{{"worker_name":"a","resolved_manifest_snapshot":{manifest}}}"#);
    parsed(&text).profile().map(str::to_owned)
}

fn deep(levels: usize) -> String {
    format!("{}{}", "[".repeat(levels), "]".repeat(levels))
}

#[test]
fn a_name_is_all_that_a_record_needs_and_null_is_as_good_as_absent() {
    let nulls = r#""workspace_root":null,"active":null,"resolved_manifest_snapshot":null"#;
    for text in [
        r#"{"worker_name":"coder"}"#.to_owned(),
        format!(r#"{{"worker_name":"coder",{nulls}}}"#),
    ] {
        let document = parsed(&text);
        assert_eq!(document.worker_name, "coder");
        assert_eq!(document.workspace_root, None);
        assert!(!document.is_active());
        assert_eq!(document.profile(), None);
    }
}

#[test]
fn fields_that_are_not_looked_at_may_have_any_shape() {
    let depth = deep(10_000);
    for odd in ["7", "\"text\"", "{}", "[[[]]]", "1e999999", &depth] {
        let document = parsed(&format!(
            r#"{{"worker_name":"a","spawned_children":{odd},"peers":{odd},"peers":{odd},
                "reclaimed_children":{odd},"resolved_manifest_snapshot":{odd},"active":{odd}}}"#
        ));
        assert_eq!(document.worker_name, "a");
        assert!(document.is_active());
        assert_eq!(document.profile(), None);
    }
}

#[test]
fn the_profile_is_found_in_either_place() {
    let provenance = r#"{"profile":{"source":{"provenance":"builtin:coder"}}}"#;
    assert_eq!(profile_of(provenance).as_deref(), Some("builtin:coder"));
    let selector = r#"{"profile_selector":"builtin:reviewer"}"#;
    assert_eq!(profile_of(selector).as_deref(), Some("builtin:reviewer"));
    let both = r#"{"profile_selector":"b","profile":{"source":{"provenance":"a"}}}"#;
    assert_eq!(profile_of(both).as_deref(), Some("a"));
}

#[test]
fn an_odd_part_of_the_manifest_spoils_itself_alone() {
    let depth = deep(10_000);
    for odd in [
        "7",
        "null",
        "[]",
        "{}",
        "1e999999",
        r#"{"source":3}"#,
        &depth,
    ] {
        let manifest = format!(r#"{{"profile":{odd},"other":{odd},"profile_selector":"b"}}"#);
        assert_eq!(profile_of(&manifest).as_deref(), Some("b"), "{odd:.20}");
    }
    assert_eq!(profile_of(r#"{"profile_selector":{"name":"b"}}"#), None);
}

#[test]
fn what_is_not_a_record_is_invalid() {
    for text in [
        "",
        "null",
        "[]",
        "{}",
        "{",
        r#"["a","/x",null,{}]"#,
        "\u{feff}{\"worker_name\":\"a\"}",
        r#"{"worker_name":null}"#,
        r#"{"worker_name":7}"#,
        r#"{"worker_name":"\ud800"}"#,
        r#"{"worker_name":"a"} trailing"#,
        r#"{"worker_name":"a","worker_name":"b"}"#,
        r#"{"worker_name":"a","workspace_root":7}"#,
        r#"{"worker_name":"a","workspace_root":"/x","workspace_root":"/y"}"#,
        &deep(100_000),
    ] {
        assert!(Document::parse(text.as_bytes()).is_err(), "{text:.80}");
    }
    assert!(Document::parse(b"{\"worker_name\":\"\xff\"}").is_err());
}

proptest! {
    #[test]
    fn a_damaged_record_never_panics(at in 0..120_usize, byte: u8) {
        let mut bytes = br#"{"worker_name":"a","workspace_root":"/x","active":{"session_id":"s"},"resolved_manifest_snapshot":{"profile_selector":"b"}}"#.to_vec();
        bytes[at] = byte;
        let _ = Document::parse(&bytes).map(|document| document.profile().map(str::len));
    }
}
