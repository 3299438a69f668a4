//! What every request passes before a handler sees it, outermost first: [`observe`],
//! [`hold_answer`], [`check_host`], [`check_origin`], [`authorise`], [`collect_body`], [`admit`].

mod authorise;
mod body;
mod hold;
mod host;
mod observe;
mod origin;

pub(crate) use authorise::authorise;
pub(crate) use body::{admit, collect_body};
pub(crate) use hold::hold_answer;
pub(crate) use host::check_host;
pub(crate) use observe::observe;
pub(crate) use origin::check_origin;

use http::HeaderName;
use http::header::{CACHE_CONTROL, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};

/// On every answer, errors included.
pub(crate) static SECURITY_HEADERS: [(HeaderName, &str); 4] = [
    (CACHE_CONTROL, "no-store"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (REFERRER_POLICY, "no-referrer"),
];
