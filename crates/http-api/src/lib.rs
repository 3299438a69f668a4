//! The browser-facing HTTP API over a [`RuntimeRegistry`](registry_core::RuntimeRegistry): routes,
//! extractors, the mapping of errors, middleware, and the accept loop. Knows no runtime and no
//! adapter.

// The wire format, which clients use too.
pub mod wire;

// Settings and secrets.
mod client;
mod config;
mod credentials;
mod instance;
mod origin;
mod session;
mod session_code;
mod token;

// What handlers and middleware share.
mod byte_budget;
mod connection;
mod current_request;
mod entity_tag;
mod error;
mod locked;
mod metrics;
mod principal;
mod quota;
mod request_id;
mod response;
mod state;

// The way of a request: middleware, extractors, handler.
mod extract;
mod handler;
mod middleware;
mod router;

// The document, and the server.
mod api;
mod openapi;
pub mod panic_hook;
mod serve;

pub use api::Api;
pub use client::{
    CLIENT_NAME_MAX_CHARS, ClientName, InvalidClientName, NAMED_TOKENS_MAX, NamedToken, Quotas,
    Scope,
};
pub use config::{
    ApiConfig, Auth, BODIES_BYTES_MAX, BODY_BYTES_MAX, BODY_TIMEOUT, CONNECTIONS_MAX,
    ConnectionLimits, DRAIN_TIMEOUT, DroppedLogLines, HEAD_BYTES_MAX, HEAD_TIMEOUT,
    INPUT_BYTES_MAX_DEFAULT, LINGERING_CLOSE_TIMEOUT, RATE_BYTES_PER_S_MIN, RATE_WINDOW,
    UNREAD_RESPONSE_BYTES_MAX,
};
pub use instance::{InstanceId, InvalidInstanceId};
pub use openapi::{OperationInfo, operations};
pub use origin::{AllowedHost, AllowedOrigin, InvalidHost, InvalidOrigin};
pub use serve::{Listener, Listeners, ServeReport, serve, serve_standby};
pub use state::Draining;
pub use token::{InvalidToken, NoRandomness, TOKEN_MAX_CHARS, TOKEN_MIN_CHARS, Token};
