//! The browser-facing HTTP API over a [`RuntimeRegistry`](registry_core::RuntimeRegistry):
//! what can be asked, who may ask, how each refusal looks, and how connections are served.
//! Knows no runtime and no adapter.
//!
//! Reading order: [`wire`] (what is sent and received), `routes` (the one table of
//! operations, from which the router, the OpenAPI document and the security matrix are
//! made), `problem` (the one mapping from refusals to statuses), `layer` (what a request
//! passes, outermost first), `extract` and `handler` (what an operation does), `openapi`,
//! and [`serve()`] (the accept loop).

pub mod wire;

mod config;
mod origin;
mod routes;
mod session;
mod token;

mod problem;

mod extract;
mod handler;
mod layer;
mod request_id;

mod answer;
mod answer_bytes;
mod api;
mod metrics;
mod openapi;
pub mod panic_hook;
mod serve;

pub use api::{Api, Draining};
pub use config::{
    ANSWER_BYTES_MAX, ApiConfig, Auth, BODY_BYTES_MAX, BODY_TIMEOUT, CONNECTIONS_MAX,
    ConnectionLimits, DRAIN_TIMEOUT, HEAD_BYTES_MAX, HEAD_TIMEOUT, INPUT_BYTES_MAX_DEFAULT,
    LINGER_TIMEOUT, WRITE_STALL_TIMEOUT,
};
pub use origin::{AllowedHost, AllowedOrigin, InvalidHost, InvalidOrigin};
pub use request_id::RequestId;
pub use routes::{OperationInfo, operations};
pub use serve::{ServeReport, ServingThreads, serve};
pub use token::{InvalidToken, NoRandomness, TOKEN_MAX_CHARS, TOKEN_MIN_CHARS, Token};
