//! What clients see of a record, and what they must not.

use std::ffi::OsStr;
use std::time::{Duration, UNIX_EPOCH};

use proptest::prelude::*;

use super::*;
use crate::identity::Collection;

const TIMES: RecordTimes = RecordTimes {
    created: None,
    modified: None,
};

fn some_id() -> WorkerId {
    identity::worker_id(Collection::Pods, OsStr::new("a"))
}

fn recorded(metadata: &serde_json::Value) -> WorkerRecord {
    let bytes = serde_json::to_vec(metadata).unwrap();
    let document = Document::parse(&bytes).unwrap_or_else(|_| panic!("invalid: {metadata}"));
    worker_record(some_id(), &document, TIMES)
}

fn shown_name(worker_name: &str) -> String {
    display_name(worker_name, &some_id()).to_string()
}

fn neutral() -> String {
    identity::neutral_label(&some_id())
}

fn codes(record: &WorkerRecord) -> Vec<&str> {
    let diagnostics = record.diagnostics.iter();
    diagnostics
        .map(|diagnostic| diagnostic.code.as_str())
        .collect()
}

#[test]
fn a_name_that_a_person_wrote_is_shown_without_what_steers_a_terminal() {
    assert_eq!(shown_name("coder-1"), "coder-1");
    assert_eq!(
        shown_name(" ré\u{202e}viewer \u{1b}[31m\n"),
        "réviewer [31m"
    );
    assert_eq!(shown_name(&"x".repeat(500)), "x".repeat(80));
    for fine in [
        "C",
        "C++: the coder",
        "a~b",
        "files",
        "50% done",
        "..",
        "profile: x",
    ] {
        assert_eq!(shown_name(fine), fine);
    }
}

#[test]
fn a_name_that_looks_like_a_path_or_holds_nothing_becomes_a_neutral_label() {
    let cut_before_the_separator = format!("{}/secret", "x".repeat(200));
    for hidden in [
        "",
        " \n\u{7}",
        "/",
        "/home/me/.yoi",
        "a/b",
        "..\\x",
        "~",
        "~root",
        "~\u{7}/x",
        "C:",
        "c:autoexec",
        "\u{1b}C:x",
        "  C:x",
        "file:",
        "FILE:x",
        "\u{0}file:x",
        "fi\u{7}le:x",
        "%2Fhome%2Fme",
        "x%5cy",
        "home\u{2215}me",
        "home\u{ff0f}me",
        "\u{fe68}etc\u{fe68}pw",
        "\u{29f5}etc",
        "\u{2571}etc",
        "\u{200b}~root",
        "\u{ff5e}home",
        "\u{feff}C\u{200d}:x",
        &cut_before_the_separator,
    ] {
        assert_eq!(shown_name(hidden), neutral(), "{hidden:?}");
    }
}

#[test]
fn a_shipped_profile_is_shown_and_any_other_is_withheld() {
    let of = |profile: &str| {
        recorded(&serde_json::json!({
            "worker_name": "a",
            "resolved_manifest_snapshot": { "profile_selector": profile },
        }))
    };
    let builtin = of("builtin:coder");
    assert_eq!(builtin.profile, Some("builtin:coder".parse().unwrap()));
    assert_eq!(codes(&builtin), [""; 0]);
    for other in [
        "/etc/x.toml",
        "coder",
        "sk-canary",
        "builtin:/x",
        "Builtin:x",
        "builtin:x y",
        "",
    ] {
        let record = of(other);
        assert_eq!(record.profile, None, "{other}");
        assert_eq!(codes(&record), ["local_profile_withheld"], "{other}");
    }
}

#[test]
fn an_open_session_becomes_a_diagnostic_and_never_an_id() {
    let record = recorded(&serde_json::json!({
        "worker_name": "a",
        "active": { "session_id": "6f1c1e0e-7d0b-4f6e-9f7a-1d2c3b4a5968" },
    }));
    assert_eq!(record.state, WorkerState::Recorded);
    assert_eq!(record.active_run, None);
    assert_eq!(codes(&record), ["local_record_active"]);
    assert!(!format!("{record:?}").contains("6f1c1e0e"));
}

#[test]
fn times_are_cut_to_the_millisecond_and_unwritable_ones_left_out() {
    let exact = UNIX_EPOCH + Duration::from_nanos(1_700_000_000_123_999_999);
    let cut = timestamp(exact).unwrap();
    assert_eq!(cut.to_string(), "2023-11-14T22:13:20.123Z");
    let far = UNIX_EPOCH
        .checked_add(Duration::from_secs(u64::MAX / 4))
        .unwrap();
    assert_eq!(timestamp(far), None);
    let before_year_0 = UNIX_EPOCH - Duration::from_secs(62_167_219_201);
    assert_eq!(timestamp(before_year_0), None);
    let year_0 = timestamp(before_year_0 + Duration::from_secs(1)).unwrap();
    assert_eq!(year_0.to_string(), "0000-01-01T00:00:00Z");
}

#[test]
fn a_copy_of_a_record_was_not_created_after_its_last_change() {
    let created_at = |created: u64, modified: Option<u64>| {
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        let times = RecordTimes {
            created: Some(at(created)),
            modified: modified.map(at),
        };
        let document = Document::parse(br#"{"worker_name":"a"}"#);
        let document = document.unwrap_or_else(|_| panic!("it is one"));
        let record = worker_record(some_id(), &document, times);
        record.created_at.unwrap().as_second()
    };
    assert_eq!(created_at(20, Some(10)), 10);
    assert_eq!(created_at(10, Some(20)), 10);
    assert_eq!(created_at(10, None), 10);
}

proptest! {
    #[test]
    fn whatever_holds_a_separator_is_never_shown(before in any::<String>(), after in any::<String>()) {
        for separator in ["/", "\\", "%2f", "%5C"] {
            prop_assert_eq!(shown_name(&format!("{before}{separator}{after}")), neutral());
        }
    }

    #[test]
    fn whatever_begins_like_a_path_is_never_shown(
        noise in "[\\x00-\\x20\u{202a}-\u{202e}]{0,9}",
        beginning in "~|[A-Za-z]:|[fF][iI][lL][eE]:",
        rest in any::<String>(),
    ) {
        prop_assert_eq!(shown_name(&format!("{noise}{beginning}{rest}")), neutral());
    }

    #[test]
    fn any_name_gives_a_display_name(name in any::<String>()) {
        prop_assert!(shown_name(&name).parse::<DisplayName>().is_ok());
    }

    #[test]
    fn a_profile_is_shown_only_as_it_was_shipped(text in "(builtin:)?\\PC{0,70}") {
        if let Some(profile) = shipped_profile(&text) {
            prop_assert_eq!(profile.as_str(), text.as_str());
            prop_assert!(text.starts_with("builtin:"));
        }
    }
}
