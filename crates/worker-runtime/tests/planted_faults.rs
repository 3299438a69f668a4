//! Shows that the schedules in `src/runtime/schedules.rs` find faults: at least two against each
//! invariant are planted, each into a copy of the sources, and a scenario has to find it.
//!
//! Planting them takes minutes, so it needs feature `planted-faults`:
//! `cargo test --profile schedules -p worker-runtime --features planted-faults --test planted_faults`;
//! `YOI_FAULTS=words` plants only those whose name contains the words.

#![expect(clippy::unwrap_used, reason = "in a test the panic is the message")]

#[path = "planted_faults/list.rs"]
mod list;
#[cfg(feature = "planted-faults")]
#[path = "planted_faults/plant.rs"]
mod plant;
#[path = "planted_faults/store_list.rs"]
mod store_list;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use list::FAULTS;
use store_list::STORE_FAULTS;

/// The invariants of `docs/reliability.md`, by number.
const INVARIANTS: u8 = 13;

/// A fault, and the scenario that has to find it.
struct Fault {
    /// The invariant that it is against.
    invariant: u8,
    /// What goes wrong.
    name: &'static str,
    /// The scenario that finds it.
    scenario: &'static str,
    edits: &'static [Edit],
}

/// One change to a source file.
struct Edit {
    /// Below the crate's `src`.
    file: &'static str,
    /// Occurs there once.
    from: &'static str,
    to: &'static str,
}

#[test]
fn every_invariant_has_two_faults_and_every_fault_fits_the_sources() {
    let mut faults = BTreeMap::new();
    for fault in self::faults() {
        *faults.entry(fault.invariant).or_insert(0) += 1;
        let (group, scenario) = fault.scenario.split_once("::").unwrap();
        let scenarios = source(&format!("runtime/schedules/{group}.rs"));
        assert!(
            scenarios.contains(&format!("\nfn {scenario}() {{\n")),
            "{scenario}"
        );
        for edit in fault.edits {
            let times = source(edit.file).matches(edit.from).count();
            assert_eq!(times, 1, "{}: {}", edit.file, edit.from);
            assert_ne!(edit.from, edit.to, "{}", fault.name);
        }
    }
    assert!(faults.keys().copied().eq(1..=INVARIANTS));
    assert!(faults.values().all(|number| *number >= 2), "{faults:?}");
}

/// All faults, by invariant.
fn faults() -> impl Iterator<Item = &'static Fault> {
    FAULTS.iter().chain(STORE_FAULTS)
}

fn source(file: &str) -> String {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    fs::read_to_string(sources.join(file)).unwrap()
}
