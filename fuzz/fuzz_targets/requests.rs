//! Whole requests to the wired server: see `fuzz_checks::requests`.
#![no_main]

use fuzz_checks::ServerFixture;

thread_local!(static SERVER: ServerFixture = ServerFixture::new());

libfuzzer_sys::fuzz_target!(
    |bytes: &[u8]| SERVER.with(|server| fuzz_checks::requests::check(server, bytes))
);
