//! Replays what the fuzzer left in `fuzz/corpus`, input by input, through the checks that found
//! them worth keeping.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use fuzz_checks::local_metadata::Shelf;
use fuzz_checks::{World, bodies, names, requests};

/// Fewest inputs of a corpus. A corpus that went missing would otherwise pass.
const INPUTS_MIN: usize = 20;

/// Gives every input of a target's corpus to a check, and names the ones that break a rule.
fn replay(target: &str, check: impl Fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/corpus")
        .join(target);
    let mut broken = Vec::new();
    let mut inputs = 0;
    for entry in fs::read_dir(corpus).expect("the target's corpus") {
        let path = entry.expect("an input").path();
        let bytes = fs::read(&path).expect("an input's bytes");
        inputs += 1;
        // On with the others: a rule that broke is easiest seen from all that break it.
        if catch_unwind(AssertUnwindSafe(|| check(&bytes))).is_err() {
            broken.push(path.file_name().unwrap_or_default().to_owned());
        }
    }
    assert!(inputs >= INPUTS_MIN, "{target} has {inputs} inputs alone");
    assert!(
        broken.is_empty(),
        "{} of {inputs} inputs of {target} break a rule: {broken:?}",
        broken.len()
    );
}

#[test]
fn names_keep_the_rules() {
    replay("names", names::check);
}

#[test]
fn local_metadata_keeps_the_rules() {
    let shelf = Shelf::new();
    replay("local_metadata", |bytes| shelf.check(bytes));
}

#[test]
fn requests_keep_the_rules() {
    let world = World::new();
    replay("requests", |bytes| requests::check(&world, bytes));
}

#[test]
fn bodies_keep_the_rules() {
    let world = World::new();
    replay("bodies", |bytes| bodies::check(&world, bytes));
}
