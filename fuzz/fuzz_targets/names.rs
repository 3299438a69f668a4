//! Ids, cursors, page tokens and display names: see `fuzz_checks::names`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz_checks::names::check(bytes));
