//! Telling the HTTP client's errors apart, so that nothing else of them is kept.

use std::error::Error;
use std::io;
use std::iter::successors;

use super::{Fault, Malformed};

/// What went wrong before the answer's head was there.
pub(crate) fn in_request(error: &reqwest::Error) -> Fault {
    if error.is_builder() {
        Fault::Unsendable
    } else if error.is_connect() && error.is_timeout() {
        Fault::ConnectTimedOut
    } else if error.is_connect() {
        Fault::NoConnection
    } else {
        in_answer(error)
    }
}

/// What went wrong while the answer was read.
pub(crate) fn in_answer(error: &reqwest::Error) -> Fault {
    let not_http = causes(error).any(|cause| {
        let broken_head = cause
            .downcast_ref()
            .is_some_and(|error: &hyper::Error| error.is_parse());
        // So hyper calls a chunk whose length is no number.
        let broken_chunk = cause.downcast_ref().is_some_and(|error: &io::Error| {
            matches!(
                error.kind(),
                io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData
            )
        });
        broken_head || broken_chunk
    });
    if not_http {
        Fault::Malformed(Malformed::NotHttp)
    } else {
        Fault::Broken
    }
}

/// All that the client says of an error, for a log from which secrets are struck out.
pub(crate) fn story(error: &reqwest::Error) -> String {
    let causes = causes(error).map(ToString::to_string);
    causes.collect::<Vec<_>>().join(": ")
}

fn causes<'a>(error: &'a reqwest::Error) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let outermost: &(dyn Error + 'static) = error;
    successors(Some(outermost), |&error| error.source())
}
