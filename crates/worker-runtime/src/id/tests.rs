//! One spelling for every id.

use proptest::prelude::*;

use super::*;

#[test]
fn an_id_has_one_spelling() {
    let id = WorkerId::generate();
    let text = id.to_string();
    assert_eq!(text.parse(), Ok(id));
    assert_eq!(text, text.to_lowercase());
    for alias in [
        text.to_uppercase(),
        text.replacen(|c: char| c.is_ascii_digit(), "A", 1),
        text.replacen(|c: char| c.is_ascii_digit(), "g", 1),
        text.replace('-', "0"),
        text.replace('-', ""),
        format!("{{{text}}}"),
        format!("urn:uuid:{text}"),
        format!(" {text}"),
        format!("{text}\n"),
        String::new(),
    ] {
        assert_eq!(alias.parse::<WorkerId>(), Err(ParseIdError), "{alias}");
    }
}

#[test]
fn only_a_version_7_uuid_is_an_id() {
    assert!(
        "0198c0de-0000-7000-8000-000000000001"
            .parse::<RunId>()
            .is_ok()
    );
    for other in [
        "0198c0de-0000-4000-8000-000000000001",
        "0198c0de-0000-7000-0000-000000000001",
        "0198c0de-0000-7000-c000-000000000001",
        "00000000-0000-0000-0000-000000000000",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
    ] {
        assert_eq!(other.parse::<RunId>(), Err(ParseIdError), "{other}");
    }
}

#[test]
fn an_id_is_the_number_that_its_text_is() {
    let text = "01234567-89ab-7cde-bf01-23456789abcd";
    let id: WorkerId = text.parse().unwrap();
    let number = 0x0123_4567_89ab_7cde_bf01_2345_6789_abcd_u128;
    assert_eq!(id.as_uuid().as_u128(), number);
    assert_eq!(id.to_string(), text);
}

#[test]
fn later_ids_are_greater() {
    let ids: Vec<WorkerId> = (0..1_000).map(|_| WorkerId::generate()).collect();
    assert!(ids.is_sorted_by(|a, b| a < b));
}

#[test]
fn a_key_is_visible_ascii_of_bounded_length() {
    let longest = "k".repeat(IdempotencyKey::MAX_LEN);
    assert_eq!(longest.parse::<IdempotencyKey>().unwrap().as_str(), longest);
    let cases = [
        ("", ParseKeyError::Empty),
        ("a b", ParseKeyError::ForbiddenCharacter { at: 1 }),
        ("é", ParseKeyError::ForbiddenCharacter { at: 0 }),
        ("ab\n", ParseKeyError::ForbiddenCharacter { at: 2 }),
    ];
    for (text, error) in cases {
        assert_eq!(text.parse::<IdempotencyKey>(), Err(error), "{text:?}");
    }
    let long = "k".repeat(IdempotencyKey::MAX_LEN + 1);
    assert_eq!(long.parse::<IdempotencyKey>(), Err(ParseKeyError::TooLong));
}

proptest! {
    #[test]
    fn any_text_is_rejected_or_read_back_unchanged(text in "[0-9a-fA-F-]{30,40}|.{0,40}") {
        if let Ok(id) = text.parse::<WorkerId>() {
            prop_assert_eq!(id.to_string(), text.clone());
        }
        if let Ok(key) = text.parse::<IdempotencyKey>() {
            prop_assert_eq!(key.to_string(), text);
        }
    }
}

#[test]
fn a_new_id_is_greater_than_one_of_a_clock_that_was_ahead() {
    let ahead = [
        "ffffff00-0000-7000-8000-000000000000",
        "f198c0de-0000-7000-bfff-ffffffffffff",
        "f198c0de-0000-7fff-bfff-ffffffffffff",
    ];
    for text in ahead {
        let mut last: WorkerId = text.parse().unwrap();
        for _ in 0..100 {
            let next = last.generate_after();
            assert!(next > last, "{next} after {last}");
            assert_eq!(next.to_string().parse(), Ok(next));
            last = next;
        }
    }
    let behind: WorkerId = "0198c0de-0000-7000-8000-000000000000".parse().unwrap();
    let now = WorkerId::generate();
    assert!(behind.generate_after() > now);
}
