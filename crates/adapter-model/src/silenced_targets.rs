//! The log targets of libraries that log addresses.

/// Log targets that a host must silence at every level, with all targets below them: the
/// HTTP client logs the provider's address, and its TLS library the host.
///
/// ```
/// # use adapter_model::SILENCED_TARGETS;
/// let directives: Vec<_> = SILENCED_TARGETS.iter().map(|target| format!("{target}=off")).collect();
/// assert!(directives.join(",").starts_with("hyper=off,"));
/// ```
pub const SILENCED_TARGETS: &[&str] = &[
    "hyper",
    "hyper_util",
    "hyper_rustls",
    "reqwest",
    "rustls",
    "rustls_platform_verifier",
    "tokio_rustls",
];
