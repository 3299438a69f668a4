//! Bodies of a client that may: see `fuzz_checks::bodies`.
#![no_main]

use fuzz_checks::World;

thread_local!(static WORLD: World = World::new());

libfuzzer_sys::fuzz_target!(
    |bytes: &[u8]| WORLD.with(|world| fuzz_checks::bodies::check(world, bytes))
);
