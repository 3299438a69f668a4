//! Classifying the HTTP client's errors, so that nothing else of them needs to be kept.

use std::error::Error;
use std::io;
use std::iter::successors;

use super::ProviderError;
use crate::resolver::LookupError;

/// Where an attempt to connect failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ConnectPhase {
    #[error("its name was not found")]
    NameLookup,
    #[error("too many names are being looked up")]
    TooManyLookups,
    #[error("refused, or no route")]
    Connect,
    #[error("its certificate is not trusted, expired, or of another name")]
    TlsCertificate,
    #[error("no TLS")]
    TlsHandshake,
    #[error("by the proxy")]
    Proxy,
}

/// Classifies an error that came before the response's headers. With a proxy for the provider, every
/// connection is one to the proxy.
pub(crate) fn from_request_error(error: &reqwest::Error, has_proxy: bool) -> ProviderError {
    if error.is_builder() {
        ProviderError::InvalidRequest
    } else if error.is_connect() && error.is_timeout() {
        ProviderError::ConnectTimedOut
    } else if error.is_connect() {
        ProviderError::ConnectFailed(connect_phase(error, has_proxy))
    } else {
        from_body_error(error)
    }
}

fn connect_phase(error: &reqwest::Error, has_proxy: bool) -> ConnectPhase {
    let tls = chain(error).find_map(|cause| {
        // An `io::Error` is not followed by what it wraps, but by the source of that.
        let wrapped = cause
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        let wrapped = wrapped.and_then(|inner| inner.downcast_ref::<rustls::Error>());
        wrapped.or_else(|| cause.downcast_ref())
    });
    match tls {
        Some(rustls::Error::InvalidCertificate(_)) => ConnectPhase::TlsCertificate,
        Some(_) => ConnectPhase::TlsHandshake,
        None if has_proxy => ConnectPhase::Proxy,
        None => match chain(error).find_map(<dyn Error>::downcast_ref) {
            Some(LookupError::NotFound) => ConnectPhase::NameLookup,
            Some(LookupError::Busy) => ConnectPhase::TooManyLookups,
            None => ConnectPhase::Connect,
        },
    }
}

/// Classifies an error that came while the response was read.
pub(crate) fn from_body_error(error: &reqwest::Error) -> ProviderError {
    let not_http = chain(error).any(|cause| {
        let is_invalid_head = cause
            .downcast_ref()
            .is_some_and(|error: &hyper::Error| error.is_parse());
        // What hyper reports for a chunk whose length is not a number.
        let is_invalid_chunk = cause.downcast_ref().is_some_and(|error: &io::Error| {
            matches!(
                error.kind(),
                io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData
            )
        });
        is_invalid_head || is_invalid_chunk
    });
    if not_http {
        ProviderError::NotHttp
    } else {
        ProviderError::ConnectionLost
    }
}

/// The messages of an error and all its sources. Secrets must be redacted from it.
pub(crate) fn error_chain(error: &reqwest::Error) -> String {
    let messages = chain(error).map(ToString::to_string);
    messages.collect::<Vec<_>>().join(": ")
}

fn chain<'a>(error: &'a reqwest::Error) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let outermost: &(dyn Error + 'static) = error;
    successors(Some(outermost), |&error| error.source())
}
