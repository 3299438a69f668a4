//! What every request goes through before its handler: `access_log`, which calls `admit`, around all
//! routes, and `reserve_response` around those that `router.rs` names; `standby` around those of a server
//! that stands by.

mod access_log;
mod admit;
mod authorise;
mod buffer_body;
mod check_host;
mod check_instance;
mod check_origin;
mod refusal_log;
mod reserve_response;
mod response_headers;
mod run_to_completion;
mod standby;

pub(crate) use access_log::access_log;
pub(crate) use authorise::Access;
pub(crate) use refusal_log::RefusalLog;
pub(crate) use reserve_response::reserve_response;
pub(crate) use response_headers::SECURITY_HEADERS;
pub(crate) use standby::standby;
