//! The engine behind a real runtime, against providers played over real sockets.

#![expect(
    clippy::unwrap_used,
    reason = "in a test, an unwrap is the shortest way to say what must hold"
)]

mod cancelling;
mod faults;
#[path = "../support/provider.rs"]
mod provider;
mod streaming;
#[path = "../support/world.rs"]
mod world;
