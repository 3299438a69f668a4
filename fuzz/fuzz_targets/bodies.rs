//! Bodies of an authorised client: see `fuzz_checks::bodies`.
#![no_main]

use fuzz_checks::ServerFixture;

thread_local!(static SERVER: ServerFixture = ServerFixture::new());

libfuzzer_sys::fuzz_target!(
    |bytes: &[u8]| SERVER.with(|server| fuzz_checks::bodies::check(server, bytes))
);
