//! Local metadata files: see `fuzz_checks::local_metadata`.
#![no_main]

use fuzz_checks::local_metadata::RecordFixture;

thread_local!(static FIXTURE: RecordFixture = RecordFixture::new());

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| FIXTURE.with(|fixture| fixture.check(bytes)));
