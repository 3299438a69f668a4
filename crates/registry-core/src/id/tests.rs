//! Ids: what parses comes back unchanged, near misses are refused, nothing is echoed.

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn what_parses_comes_back_unchanged(
        slug in "[a-z0-9][a-z0-9_-]{0,63}",
        profile in "[a-z0-9][a-z0-9_:.-]{0,63}",
        key in "[!-~]{1,128}",
    ) {
        prop_assert_eq!(slug.parse::<RuntimeId>().unwrap().to_string(), slug.clone());
        prop_assert_eq!(slug.parse::<WorkerId>().unwrap().to_string(), slug.clone());
        prop_assert_eq!(String::from(slug.parse::<RunId>().unwrap()), slug);
        prop_assert_eq!(profile.parse::<ProfileId>().unwrap().to_string(), profile);
        prop_assert_eq!(key.parse::<IdempotencyKey>().unwrap().to_string(), key);
    }

    #[test]
    fn serde_takes_the_same_door(slug in "[a-z0-9][a-z0-9_-]{0,63}", other in "\\PC{0,80}") {
        let id: WorkerId = slug.parse().unwrap();
        let text = serde_json::to_string(&id).unwrap();
        prop_assert_eq!(serde_json::from_str::<WorkerId>(&text).unwrap(), id);
        let text = serde_json::to_string(&other).unwrap();
        prop_assert_eq!(serde_json::from_str::<WorkerId>(&text).is_ok(), other.parse::<WorkerId>().is_ok());
    }

    #[test]
    fn one_foreign_character_anywhere_is_refused_where_it_stands(
        slug in "[a-z0-9][a-z0-9_-]{0,62}",
        foreign in "[^a-z0-9_-]",
        index: prop::sample::Index,
    ) {
        let at = index.index(slug.len() + 1);
        let text = format!("{}{foreign}{}", &slug[..at], &slug[at..]);
        prop_assert_eq!(text.parse::<WorkerId>(), Err(IdError::ForbiddenCharacter { at }));
    }

    #[test]
    fn a_rejected_text_is_never_echoed(text in "\\PC{1,200}") {
        if let Err(error) = text.parse::<RuntimeId>() {
            let output = format!("{error} {error:?}");
            prop_assert!(text.chars().count() < 4 || !output.contains(&text), "{}", output);
        }
    }
}

#[test]
fn the_bounds_of_length_and_alphabet_are_exact() {
    assert_eq!("".parse::<RuntimeId>(), Err(IdError::Empty));
    assert!("a".repeat(ID_MAX_CHARS).parse::<RuntimeId>().is_ok());
    let long = "a".repeat(ID_MAX_CHARS + 1);
    assert_eq!(
        long.parse::<RuntimeId>(),
        Err(IdError::TooLong { max: ID_MAX_CHARS })
    );
    let foreign_within = format!("{}!!", "a".repeat(ID_MAX_CHARS - 1));
    assert_eq!(
        foreign_within.parse::<RuntimeId>(),
        Err(IdError::ForbiddenCharacter {
            at: ID_MAX_CHARS - 1
        })
    );
    let foreign_beyond = format!("{}!", "a".repeat(ID_MAX_CHARS));
    assert_eq!(
        foreign_beyond.parse::<RuntimeId>(),
        Err(IdError::TooLong { max: ID_MAX_CHARS })
    );
    for first in ["-a", "_a"] {
        assert_eq!(
            first.parse::<RunId>(),
            Err(IdError::ForbiddenCharacter { at: 0 })
        );
    }
    for first in [":a", ".a"] {
        assert_eq!(
            first.parse::<ProfileId>(),
            Err(IdError::ForbiddenCharacter { at: 0 })
        );
    }
    assert_eq!(
        "a b".parse::<IdempotencyKey>(),
        Err(IdError::ForbiddenCharacter { at: 1 })
    );
    assert_eq!(
        "a\u{e9}".parse::<IdempotencyKey>(),
        Err(IdError::ForbiddenCharacter { at: 1 })
    );
}

#[test]
fn a_display_ref_names_both_ids_and_is_no_id() {
    let worker = WorkerRef::new("one".parse().unwrap(), "two".parse().unwrap());
    assert_eq!(worker.display_ref().as_str(), "two@one");
    assert_eq!(worker.to_string(), "two@one");
    assert_eq!(format!("{:?}", worker.display_ref()), "DisplayRef(two@one)");
    assert_eq!(
        worker.display_ref().as_str().parse::<WorkerId>(),
        Err(IdError::ForbiddenCharacter { at: 3 })
    );
}

#[test]
fn a_display_ref_equals_its_own_text_alone() {
    let worker = WorkerRef::new("one".parse().unwrap(), "two".parse().unwrap());
    assert_eq!(worker.display_ref(), "two@one");
    assert_ne!(worker.display_ref(), "one@two");
}

#[test]
fn a_display_ref_has_room_for_the_longest_ids() {
    let longest = "a".repeat(ID_MAX_CHARS);
    let worker = WorkerRef::new(longest.parse().unwrap(), longest.parse().unwrap());
    assert_eq!(worker.to_string(), format!("{longest}@{longest}"));
}
