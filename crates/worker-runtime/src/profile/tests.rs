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
    assert_eq!(
        (profile.model(), profile.sampling()),
        (None, Sampling::default())
    );
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
    let not_a_field = |line| ProfileError::NotAField { line };
    let unknown = |line, field: &str| ProfileError::UnknownField {
        line,
        field: field.to_owned(),
    };
    let repeated = |line, field: &str| ProfileError::RepeatedField {
        line,
        field: field.to_owned(),
    };
    let long_name = "x".repeat(41);
    let cases = [
        ("", ProfileError::NoId),
        ("\nid: a\ndescription: b\n", ProfileError::NoId),
        ("id: a\ndescription: b\nYou are kind.\n", not_a_field(3)),
        ("description: b\n\ntext", ProfileError::NoId),
        ("id: A\ndescription: b\n\ntext", ProfileError::InvalidId),
        ("id:\ndescription: b\n\ntext", ProfileError::InvalidId),
        ("id: a\n\ntext", ProfileError::NoDescription),
        ("id: a\ndescription:\n\ntext", ProfileError::NoDescription),
        ("id: a\nid: b\n\ntext", repeated(2, "id")),
        ("---\n\nid: a\nid: b\n---\ntext", repeated(4, "id")),
        ("id: a\ntools: all\n\ntext", unknown(2, "tools")),
        ("---\r\nmodle: fast\r\n---\r\n", unknown(2, "modle")),
        ("id a\n\ntext", not_a_field(1)),
        // What may be said in the instructions is not the name of a field.
        ("id: a\nThe word is: x\n", not_a_field(2)),
        (&format!("{long_name}: a\n"), not_a_field(1)),
        (": a\n", not_a_field(1)),
    ];
    for (text, error) in cases {
        assert_eq!(text.parse::<Profile>(), Err(error), "{text:?}");
    }
}

#[test]
fn a_profile_needs_no_instructions() {
    for end in ["", "\n", "\n\n", "\n \r\n\n"] {
        let profile: Profile = format!("id: local:plain\ndescription: b{end}")
            .parse()
            .unwrap();
        assert_eq!(&**profile.instructions(), "", "{end:?}");
    }
}

#[test]
fn a_header_may_choose_the_model_and_how_replies_are_made() {
    let text = "id: a\ndescription: b\nmodel: big:70b\ntemperature: 0.75\nmax_output_tokens: 800\n";
    let profile: Profile = text.parse().unwrap();
    assert_eq!(profile.model(), Some("big:70b"));
    let sampling = profile.sampling();
    assert_eq!(sampling.max_output_tokens.unwrap().get(), 800);
    assert_eq!(sampling.temperature.unwrap().as_f64(), 0.75);
}

#[test]
fn a_value_in_a_header_is_valid_or_told_to_be_wrong() {
    let read = |field: &str| format!("id: a\ndescription: b\n{field}\n\ntext").parse::<Profile>();
    let temperatures = [
        ("0", 0.0),
        ("0.0", 0.0),
        ("0.7", 0.7),
        ("0.70", 0.7),
        ("0.07", 0.07),
        ("1", 1.0),
        ("2.00", 2.0),
    ];
    for (text, value) in temperatures {
        let profile = read(&format!("temperature: {text}")).unwrap();
        let temperature = profile.sampling().temperature.unwrap().as_f64();
        assert_eq!(temperature, value, "{text}");
    }
    for tokens in ["1", "+7", "4294967295"] {
        assert!(
            read(&format!("max_output_tokens: {tokens}")).is_ok(),
            "{tokens}"
        );
    }
    for model in ["m", "a model: with spaces", "模型"] {
        let profile = read(&format!("model: {model}"));
        assert_eq!(profile.unwrap().model(), Some(model));
    }
    let wrong = |key: &str, values: &[&str], error: ProfileError| {
        for value in values {
            assert_eq!(
                read(&format!("{key}:{value}")),
                Err(error.clone()),
                "{key}:{value}"
            );
        }
    };
    let temperatures = [
        "", " ", "2.01", "3", "10", "-0", "-1", "+1", ".5", "1.", "0.123", "0,7", "1e0", "NaN", "٣",
    ];
    wrong(
        "temperature",
        &temperatures,
        ProfileError::InvalidTemperature,
    );
    let tokens = ["", "0", "-1", "1.0", "1_000", "4294967296", "many"];
    wrong(
        "max_output_tokens",
        &tokens,
        ProfileError::InvalidMaxOutputTokens,
    );
    wrong("model", &["", "  "], ProfileError::InvalidModel);
}

#[test]
fn an_id_has_few_characters_and_begins_with_a_letter_or_a_digit() {
    let longest = "x".repeat(ProfileId::MAX_LEN);
    for id in ["a", "local:reviewer", "local:a.b-c_d", "9", &longest] {
        assert_eq!(id.parse::<ProfileId>().unwrap().as_str(), id);
    }
    let too_long = format!("{longest}x");
    for id in ["", ":a", "local:A", "Local:a", "a b", "a/b", "é", &too_long] {
        assert_eq!(
            id.parse::<ProfileId>(),
            Err(ProfileError::InvalidId),
            "{id}"
        );
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

#[test]
fn a_profile_is_read_back_from_the_text_that_it_shows() {
    let full = "---\nid: a\ndescription: b: c\nmodel: large\nmax_output_tokens: 9\n\
        temperature: 0.7\n---\n\n---\nid: not a field\n\nBe kind.\n";
    for text in [REVIEWER, "id: a\ndescription: b", full, BUILTIN_DEFAULT] {
        let profile: Profile = text.parse().unwrap();
        assert_eq!(profile.to_string().parse(), Ok(profile));
    }
}
