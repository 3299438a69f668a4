//! What every request goes through before its handler, outermost first; `router.rs` has the order.

mod access_log;
mod authorise;
mod buffer_body;
mod check_host;
mod check_origin;
mod reserve_response;
mod response_headers;

pub(crate) use access_log::access_log;
pub(crate) use authorise::{Access, authorise};
pub(crate) use buffer_body::buffer_body;
pub(crate) use check_host::check_host;
pub(crate) use check_origin::check_origin;
pub(crate) use reserve_response::reserve_response;
pub(crate) use response_headers::{SECURITY_HEADERS, response_headers};
