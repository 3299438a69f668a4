//! What the runtime's operations cost, with few workers and with many, after few events and
//! after many.
//!
//! `cargo bench -p worker-runtime`

mod population;
mod reading;
mod writing;

fn main() {
    divan::main();
}
