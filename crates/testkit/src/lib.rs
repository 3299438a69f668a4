//! What tests share: one HTTP client, one server fixture, one scripted model provider. Every
//! function panics when the outcome isn't the expected one, unless it returns a `Result`.
//!
//! Reading order: [`http`] (any bytes, any response), [`client`] (the API's operations),
//! [`server`] (the wired server in this process), [`provider`] (a model provider that plays a
//! script), [`local_records`] (files of older local tooling), [`canary`] (searching for leaks),
//! [`json`] (reading response bodies), [`address`] (a port of one's own), [`clock`], [`deadline`].

pub mod address;
pub mod canary;
pub mod client;
pub mod clock;
pub mod deadline;
pub mod http;
pub mod json;
pub mod local_records;
pub mod provider;
#[cfg(feature = "server")]
pub mod server;
