//! Reading profiles.

use super::*;

const REVIEWER: &str = "\
id: team:reviewer
description: Reads a change: what could break?

You review changes.

Be kind.
";

#[test]
fn a_profile_is_read_from_its_text() {
    let profile: Profile = REVIEWER.parse().unwrap();
    assert_eq!(profile.id().as_str(), "team:reviewer");
    assert_eq!(profile.description(), "Reads a change: what could break?");
    assert_eq!(&**profile.instructions(), "You review changes.\n\nBe kind.");
}

#[test]
fn the_line_ends_of_any_system_are_read() {
    let profile: Profile = REVIEWER.replace('\n', "\r\n").parse().unwrap();
    assert_eq!(profile.id().as_str(), "team:reviewer");
    assert!(profile.instructions().ends_with("Be kind."));
}

#[test]
fn a_text_that_is_not_a_profile_is_told_why() {
    let cases = [
        ("", ProfileError::NoInstructions),
        ("id: a\ndescription: b\n", ProfileError::NoInstructions),
        ("description: b\n\ntext", ProfileError::InvalidId),
        ("id: A\ndescription: b\n\ntext", ProfileError::InvalidId),
        ("id: a\n\ntext", ProfileError::NoDescription),
        ("id: a\ndescription:\n\ntext", ProfileError::NoDescription),
        ("id: a\nid: b\n\ntext", ProfileError::RepeatedField),
        ("id: a\ntools: all\n\ntext", ProfileError::UnknownField),
        ("id a\n\ntext", ProfileError::NotAField),
    ];
    for (text, error) in cases {
        assert_eq!(text.parse::<Profile>(), Err(error), "{text:?}");
    }
}

#[test]
fn the_compiled_in_profiles_parse_and_the_plain_one_is_the_default() {
    let set = ProfileSet::builtin();
    let ids: Vec<&str> = set.iter().map(|profile| profile.id().as_str()).collect();
    assert_eq!(ids, ["builtin:default", "builtin:companion"]);
    assert_eq!(set.default_profile().id().as_str(), "builtin:default");
    for profile in set.iter() {
        assert!(profile.instructions().contains("You have no tools"));
    }
}

#[test]
fn a_set_has_no_two_profiles_of_one_id() {
    let reviewer: Profile = REVIEWER.parse().unwrap();
    let id = reviewer.id().clone();
    assert_eq!(
        ProfileSet::new(reviewer.clone(), [reviewer.clone()]),
        Err(ProfileError::DuplicateId { id })
    );
    let set = ProfileSet::new(reviewer, []).unwrap();
    assert!(set.get("team:reviewer").is_some());
    assert!(set.get("builtin:default").is_none());
}
