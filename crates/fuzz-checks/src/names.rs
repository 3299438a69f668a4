//! Ids, cursors, page tokens, display names: a text is accepted when its grammar says so and
//! only then, by every door alike; what was accepted keeps its spelling, and a refusal repeats
//! nothing of what was refused.

pub(crate) mod grammar;

use std::fmt::{Debug, Display};
use std::str::FromStr;

use registry_core as core;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::marker::{self, MARKER};

/// Checks every kind of name with the text that `bytes` are, if they are one.
///
/// # Panics
/// When a rule is broken.
pub fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    both_doors::<core::RuntimeId>(text, grammar::slug);
    both_doors::<core::WorkerId>(text, grammar::slug);
    both_doors::<core::RunId>(text, grammar::slug);
    both_doors::<core::ProfileId>(text, grammar::profile);
    both_doors::<core::IdempotencyKey>(text, grammar::key);
    both_doors::<core::DisplayName>(text, grammar::display_name);
    both_doors::<core::Cursor>(text, grammar::cursor);
    both_doors::<core::PageToken>(text, grammar::page_token);

    text_door::<worker_runtime::WorkerId>(text, grammar::uuid_v7);
    text_door::<worker_runtime::RunId>(text, grammar::uuid_v7);
    text_door::<worker_runtime::ProfileId>(text, grammar::profile);
    text_door::<worker_runtime::IdempotencyKey>(text, grammar::key);
    text_door::<worker_runtime::DisplayName>(text, grammar::display_name);

    cleaned(text);
}

/// The door that every name has: `FromStr`, with `Display` as its way back.
fn text_door<T>(text: &str, grammar: fn(&str) -> bool)
where
    T: FromStr<Err: Debug + Display> + Display,
{
    let kind = std::any::type_name::<T>();
    let parsed = text.parse::<T>();
    assert_eq!(parsed.is_ok(), grammar(text), "{kind} of {text:?}");
    if let Ok(name) = parsed {
        assert_eq!(name.to_string(), text, "{kind} keeps its spelling");
    }
    for marked in [format!("{text}{MARKER}"), format!("{MARKER}{text}")] {
        if let Err(error) = marked.parse::<T>() {
            assert!(!marker::stands_in(&error.to_string()), "{kind}: {error}");
            assert!(!marker::stands_in(&format!("{error:?}")), "{kind}");
        }
    }
}

/// The second door of names that go over the wire: serde, which must be the first one.
fn both_doors<T>(text: &str, grammar: fn(&str) -> bool)
where
    T: FromStr<Err: Debug + Display> + Display + Debug + PartialEq + Serialize + DeserializeOwned,
{
    text_door::<T>(text, grammar);
    let kind = std::any::type_name::<T>();
    let quoted = serde_json::to_string(text).expect("a text is JSON");
    match (text.parse::<T>(), serde_json::from_str::<T>(&quoted)) {
        (Ok(name), Ok(read)) => {
            assert_eq!(name, read, "{kind} is the same by both doors");
            let written = serde_json::to_string(&name).expect("a name is JSON");
            assert_eq!(written, quoted, "{kind} is written as it was read");
        }
        (Err(_), Err(_)) => {}
        (by_text, by_serde) => panic!("{kind}: {by_text:?} by text, {by_serde:?} by serde"),
    }
    let marked = serde_json::to_string(&format!("{text}{MARKER}")).expect("a text is JSON");
    if let Err(error) = serde_json::from_str::<T>(&marked) {
        assert!(!marker::stands_in(&error.to_string()), "{kind}: {error}");
    }
}

/// What cleaning makes of a text is a name, and it invents no character.
fn cleaned(text: &str) {
    let Some(name) = core::DisplayName::cleaned(text) else {
        return;
    };
    assert!(grammar::display_name(name.as_str()), "{name:?}");
    let mut rest = text.chars();
    for character in name.as_str().chars() {
        assert!(rest.any(|other| other == character), "{name:?} of {text:?}");
    }
}
