//! Whole requests to the wired server: see `fuzz_checks::requests`.
#![no_main]

use fuzz_checks::World;

thread_local!(static WORLD: World = World::new());

libfuzzer_sys::fuzz_target!(
    |bytes: &[u8]| WORLD.with(|world| fuzz_checks::requests::check(world, bytes))
);
