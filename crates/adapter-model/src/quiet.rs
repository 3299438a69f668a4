//! Which libraries must not be heard.

/// The log targets that a host must silence at every level, with all that is below them:
/// the HTTP client's own logs name the provider's address, and its TLS library's the host.
///
/// ```
/// # use adapter_model::QUIET_TARGETS;
/// let silence: Vec<String> = QUIET_TARGETS.iter().map(|target| format!("{target}=off")).collect();
/// assert!(silence.join(",").starts_with("hyper=off,"));
/// ```
pub const QUIET_TARGETS: &[&str] = &[
    "hyper",
    "hyper_util",
    "hyper_rustls",
    "reqwest",
    "rustls",
    "rustls_platform_verifier",
    "tokio_rustls",
];
