//! Ids, cursors, page tokens, display names: a text is accepted exactly when its grammar says
//! so, by `FromStr` and serde alike. What is accepted keeps its spelling, and a refusal repeats
//! nothing of what was refused.

pub(crate) mod grammar;

use std::any::type_name;
use std::fmt::{Debug, Display};
use std::str::FromStr;

use registry_core as core;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::marker::{MARKER, assert_not_repeated};

/// Checks every kind of name with the text that `bytes` are, if they are UTF-8.
///
/// # Panics
/// When a rule is broken.
pub fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    check_both::<core::RuntimeId>(text, grammar::slug);
    check_both::<core::WorkerId>(text, grammar::slug);
    check_both::<core::RunId>(text, grammar::slug);
    check_both::<core::ProfileId>(text, grammar::profile);
    check_both::<core::IdempotencyKey>(text, grammar::key);
    check_both::<core::DisplayName>(text, grammar::display_name);
    check_both::<core::Cursor>(text, grammar::cursor);
    check_both::<core::PageToken>(text, grammar::page_token);

    check_from_str::<worker_runtime::WorkerId>(text, grammar::uuid_v7);
    check_from_str::<worker_runtime::RunId>(text, grammar::uuid_v7);
    check_from_str::<worker_runtime::ProfileId>(text, grammar::profile);
    check_from_str::<worker_runtime::IdempotencyKey>(text, grammar::key);
    check_from_str::<worker_runtime::DisplayName>(text, grammar::display_name);

    check_cleaned(text);
}

/// `FromStr`, and `Display` as its inverse.
fn check_from_str<T>(text: &str, grammar: fn(&str) -> bool)
where
    T: FromStr<Err: Debug + Display> + Display,
{
    let parsed = text.parse::<T>();
    let kind = type_name::<T>();
    assert_eq!(parsed.is_ok(), grammar(text), "{kind} of {text:?}");
    if let Ok(name) = parsed {
        assert_eq!(name.to_string(), text, "{kind} keeps its spelling");
    }
    for marked in [format!("{text}{MARKER}"), format!("{MARKER}{text}")] {
        if let Err(error) = marked.parse::<T>() {
            assert_not_repeated(&format!("{error} {error:?}"));
        }
    }
}

/// `FromStr` and serde, which must agree.
fn check_both<T>(text: &str, grammar: fn(&str) -> bool)
where
    T: FromStr<Err: Debug + Display> + Display + Debug + PartialEq + Serialize + DeserializeOwned,
{
    check_from_str::<T>(text, grammar);
    let kind = type_name::<T>();
    let quoted = serde_json::to_string(text).expect("a text is JSON");
    match (text.parse::<T>(), serde_json::from_str::<T>(&quoted)) {
        (Ok(parsed), Ok(read)) => {
            assert_eq!(parsed, read, "{kind} is the same in JSON");
            let written = serde_json::to_string(&parsed).expect("a name is JSON");
            assert_eq!(written, quoted, "{kind} is written as it was read");
        }
        (Err(_), Err(_)) => {}
        (parsed, read) => panic!("{kind}: {parsed:?} by FromStr, {read:?} by serde"),
    }
    let marked = serde_json::to_string(&format!("{text}{MARKER}")).expect("a text is JSON");
    if let Err(error) = serde_json::from_str::<T>(&marked) {
        assert_not_repeated(&error.to_string());
    }
}

/// Cleaning gives a valid name and adds no character.
fn check_cleaned(text: &str) {
    let Some(name) = core::DisplayName::cleaned(text) else {
        return;
    };
    assert!(grammar::display_name(name.as_str()), "{name:?}");
    let mut rest = text.chars();
    for character in name.as_str().chars() {
        assert!(rest.any(|other| other == character), "{name:?} of {text:?}");
    }
}
