//! The engine in a real runtime, against scripted providers over real sockets.

#![expect(
    clippy::unwrap_used,
    reason = "in a test, an unwrap is the shortest way to say what must hold"
)]

mod cancellation;
mod context;
mod endings;
mod failures;
#[path = "../support/fixture.rs"]
mod fixture;
mod proxies;
mod streaming;
mod tolerance;
