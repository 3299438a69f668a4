//! What is written here is what `serde_json` writes, and nothing that isn't JSON.

use std::collections::BTreeMap;
use std::str::FromStr;

use jiff::Timestamp;
use proptest::prelude::*;
use serde::Serialize;

use super::*;
use crate::projection::WorkerEvent;
use crate::projection::tests::example::{detail, entry, kinds};
use crate::{Cursor, ProfileId, RunId, RuntimeId, WorkerId};

fn same(value: &(impl Serialize + ?Sized)) {
    let ours = String::from_utf8(to_vec(value, 0).unwrap()).unwrap();
    assert_eq!(ours, serde_json::to_string(value).unwrap());
}

/// Every shape that serde knows and that is written here.
#[derive(Serialize)]
struct Shapes<'a> {
    nothing: (),
    unit: Unit,
    yes: bool,
    character: char,
    text: &'a str,
    some: Option<&'a str>,
    none: Option<&'a str>,
    signed: (i8, i16, i32, i64),
    unsigned: (u8, u16, u32, u64),
    newtype: Wrapped,
    pair: Pair,
    variants: [Variants; 2],
    empty: [u8; 0],
    nested: Vec<Vec<Vec<u8>>>,
    map: BTreeMap<String, Vec<Option<u8>>>,
    numbered: BTreeMap<Variants, BTreeMap<String, u8>>,
    fieldless: Fieldless,
    a_name_that_is_too_long_to_be_written_in_one_piece: u8,
}

#[derive(Serialize)]
struct Unit;
#[derive(Serialize)]
struct Fieldless {}
#[derive(Serialize)]
struct Wrapped(u8);
#[derive(Serialize)]
struct Pair(u8, i8);
#[derive(Serialize, PartialEq, Eq, PartialOrd, Ord)]
enum Variants {
    Plain,
    Holding(u8),
}

proptest! {
    #[test]
    fn any_shape_is_written_as_serde_json_writes_it(
        text in any::<String>(),
        key in "[ -~\\x00-\\x1f\"\\\\é]{0,20}",
        signed: (i8, i16, i32, i64),
        unsigned: (u8, u16, u32, u64),
        character: char,
    ) {
        same(&Shapes {
            nothing: (),
            unit: Unit,
            yes: true,
            character,
            text: &text,
            some: Some(&key),
            none: None,
            signed,
            unsigned,
            newtype: Wrapped(unsigned.0),
            pair: Pair(unsigned.0, signed.0),
            variants: [Variants::Plain, Variants::Holding(1)],
            empty: [],
            nested: vec![vec![], vec![vec![]], vec![vec![1, 2], vec![3]]],
            map: [(key.clone(), vec![Some(1), None]), (text.clone(), vec![])].into(),
            numbered: [(Variants::Plain, BTreeMap::new())].into(),
            fieldless: Fieldless {},
            a_name_that_is_too_long_to_be_written_in_one_piece: unsigned.0,
        });
    }

    /// Words and their rests, with something to escape at any place.
    #[test]
    fn a_byte_that_has_to_be_escaped_is_found_wherever_it_stands(
        text in "[a\"\\\\\\x00-\\x1f\\x7f\u{80}é😀]{0,40}",
        before in 0_usize..20,
        after in 0_usize..20,
    ) {
        same(&text);
        same(&format!("{}{text}{}", "x".repeat(before), "x".repeat(after)));
    }

    #[test]
    fn projections_are_written_as_serde_json_writes_them(
        millis in 0_i64..4_000_000_000_000,
        content in any::<String>(),
        sequence: Option<u64>,
        epoch: u64,
    ) {
        let at = Timestamp::from_millisecond(millis).unwrap();
        same(&detail(at, sequence));
        same(&detail(at, sequence).summary);
        same(&[entry(at, &content, true), entry(at, &content, false)]);
        for kind in kinds(&content, sequence) {
            same(&WorkerEvent { cursor: Cursor::new(epoch, 1), at, kind });
        }
    }
}

#[test]
fn the_ends_of_numbers_are_written_whole() {
    same(&[0, 9, 10, u64::MAX]);
    same(&[0, -1, i64::MIN, i64::MAX]);
}

#[test]
fn what_no_projection_has_is_refused_and_not_written_wrong() {
    #[derive(Serialize)]
    enum Several {
        Unnamed(u8, u8),
        Named { value: u8 },
    }
    let refusals = [
        to_vec(&1.5, 0),
        to_vec(&1.5_f32, 0),
        to_vec(&u128::MAX, 0),
        to_vec(&Several::Unnamed(1, 2), 0),
        to_vec(&Several::Named { value: 1 }, 0),
        to_vec(&BTreeMap::from([(1, 2)]), 0),
        to_vec(&BTreeMap::from([(Some("a").map(|_| ()), 2)]), 0),
    ];
    for refusal in refusals {
        let said = refusal.unwrap_err().to_string();
        assert!(said.starts_with("not written as JSON: "), "{said}");
    }
}

/// How many characters an id may have, each of which can be written as it is.
fn clean_characters<T: Serialize + FromStr>() -> usize {
    let characters = (u8::MIN..=0x7f).map(char::from);
    let ids = characters.filter_map(|character| {
        let text = format!("a{character}");
        Some((text.parse::<T>().ok()?, text))
    });
    ids.map(|(id, text)| {
        assert!(is_clean(&text), "{text}");
        assert_eq!(to_vec(&id, 0).unwrap(), format!("\"{text}\"").into_bytes());
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

#[test]
fn a_text_after_a_clean_one_is_looked_over_again() {
    #[derive(Serialize)]
    struct Both<'a> {
        clean: Clean<'a>,
        text: &'a str,
    }
    same(&Both {
        clean: Clean("a-1"),
        text: "\"",
    });
}
