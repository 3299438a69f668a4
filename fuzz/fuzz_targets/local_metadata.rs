//! Local metadata files: see `fuzz_checks::local_metadata`.
#![no_main]

use fuzz_checks::local_metadata::Shelf;

thread_local!(static SHELF: Shelf = Shelf::new());

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| SHELF.with(|shelf| shelf.check(bytes)));
