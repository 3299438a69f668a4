//! What is written here is what `serde_json` writes.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::*;
use crate::projection::tests::arbitrary;
use crate::{ProfileId, RunId, RuntimeId, WorkerId};

fn same(value: &(impl WriteJson + Serialize)) -> String {
    let ours = String::from_utf8(to_vec(value, 0)).unwrap();
    assert_eq!(ours, serde_json::to_string(value).unwrap());
    ours
}

fn same_and_reads_back<T>(value: &T)
where
    T: WriteJson + Serialize + DeserializeOwned + PartialEq + Debug,
{
    assert_eq!(&serde_json::from_str::<T>(&same(value)).unwrap(), value);
}

/// A string of its own.
#[derive(Serialize)]
#[serde(transparent)]
struct Said<'a>(&'a str);

impl WriteJson for Said<'_> {
    fn write_json(&self, json: &mut JsonText) {
        json.piece("\"");
        json.escaped(self.0);
        json.piece("\"");
    }
}

proptest! {
    #[test]
    fn a_page_of_workers_is_written_as_it_serialises(page in arbitrary::page()) {
        same_and_reads_back(&page);
    }

    #[test]
    fn a_worker_is_written_as_it_serialises(detail in arbitrary::detail()) {
        same_and_reads_back(&detail);
    }

    #[test]
    fn a_runtime_is_written_as_it_serialises(runtime in arbitrary::runtime()) {
        same_and_reads_back(&runtime);
    }

    #[test]
    fn a_transcript_is_written_as_it_serialises(page in arbitrary::transcript()) {
        same_and_reads_back(&page);
    }

    #[test]
    fn events_are_written_as_they_serialise(batch in arbitrary::events()) {
        same_and_reads_back(&batch);
    }

    #[test]
    fn an_accepted_input_is_written_as_it_serialises(accepted in arbitrary::accepted()) {
        same_and_reads_back(&accepted);
    }

    /// Words and their rests, with something to escape at any place.
    #[test]
    fn a_byte_that_has_to_be_escaped_is_found_wherever_it_stands(
        text in "[a\"\\\\\\x00-\\x1f\\x7f\u{80}é😀]{0,40}",
        before in 0_usize..20,
        after in 0_usize..20,
    ) {
        same(&Said(&text));
        same(&Said(&format!("{}{text}{}", "x".repeat(before), "x".repeat(after))));
    }

    #[test]
    fn any_text_is_written_as_it_serialises(text: String) {
        same(&Said(&text));
    }
}

#[test]
fn every_byte_of_ascii_is_escaped_or_not_as_it_serialises() {
    for byte in 0..=0x7f {
        let character = char::from(byte);
        for times in [1, 8, 16] {
            same(&Said(&character.to_string().repeat(times)));
        }
    }
}

/// How many characters an id may have, each of which can be written as it is.
fn clean_characters<T: Display + FromStr>() -> usize {
    let characters = (u8::MIN..=0x7f).map(char::from);
    let ids = characters.filter_map(|character| {
        let text = format!("a{character}");
        Some((text.parse::<T>().ok()?, text))
    });
    ids.map(|(id, text)| {
        assert!(is_clean(&text), "{text}");
        assert_eq!(id.to_string(), text);
    })
    .count()
}

#[test]
fn no_id_that_clients_see_has_anything_to_escape() {
    assert_eq!(clean_characters::<RuntimeId>(), 38);
    assert_eq!(clean_characters::<WorkerId>(), 38);
    assert_eq!(clean_characters::<RunId>(), 38);
    assert_eq!(clean_characters::<ProfileId>(), 40);
}
