//! Classifying the HTTP client's errors, so that nothing else of them needs to be kept.

use std::error::Error;
use std::io;
use std::iter::successors;

use super::ProviderError;

/// Classifies an error that came before the response's headers.
pub(crate) fn from_request_error(error: &reqwest::Error) -> ProviderError {
    if error.is_builder() {
        ProviderError::InvalidRequest
    } else if error.is_connect() && error.is_timeout() {
        ProviderError::ConnectTimedOut
    } else if error.is_connect() {
        ProviderError::ConnectFailed
    } else {
        from_body_error(error)
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
