//! What every request passes before a handler sees it, outermost first: [`observe`], which
//! sends it on its way through `host`, `origin`, `authorise` and `body` (see `pass`); its
//! answer passes `hold` and `complete` on the way back.

mod authorise;
mod body;
mod complete;
mod hold;
mod host;
mod observe;
mod origin;
mod pass;

pub(crate) use observe::observe;

use http::HeaderName;
use http::header::{CACHE_CONTROL, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};

/// Whatever goes wrong while a body is read.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

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
