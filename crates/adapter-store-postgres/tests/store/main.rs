//! The store on a real database: the contract, who owns a workspace, and what can happen to the
//! database and on the way to it. `.ci/with-postgres` provides one.

mod conformance;
mod copying;
mod encryption;
mod faults;
mod fixture;
mod ownership;
mod proxy;
mod takeover;
