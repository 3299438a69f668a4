//! Reads a response: bounded in size, and either the requested value or a problem.

use std::io;
use std::time::Duration;

use http_api::wire::{Problem, header};
use reqwest::StatusCode;
use reqwest::header::RETRY_AFTER;
use serde::de::DeserializeOwned;

use crate::args::ServerUrl;
use crate::error::{ApiError, Error, ResponseDefect, Unreachable};

/// Largest response body, in bytes. A worker keeps at most 4 MiB of transcript, which JSON
/// escapes to six times that at worst (`\u0000` for one byte), and a page is part of it.
pub(super) const BODY_MAX_BYTES: usize = 32 * 1024 * 1024;

/// A successful response.
#[derive(Debug)]
pub(crate) struct Response<T> {
    pub(crate) value: T,
    /// The body as it came, byte for byte.
    pub(crate) json: String,
    /// Whether the server had carried out this mutation before, under the same key.
    pub(crate) replayed: bool,
}

pub(super) async fn read<T: DeserializeOwned>(
    server: &ServerUrl,
    response: reqwest::Response,
) -> Result<Response<T>, Error> {
    let status = response.status();
    let headers = response.headers();
    let replayed = headers.get(header::IDEMPOTENCY_REPLAYED);
    let replayed = replayed.is_some_and(|value| value == "true");
    let retry_after = retry_after(&response);
    let json = body(server, response).await?;
    if status.is_success() {
        // serde reads a struct from an array as well, which no response of the API is.
        if !json.trim_ascii_start().starts_with('{') {
            return Err(invalid(server, ResponseDefect::Json));
        }
        return match serde_json::from_str(&json) {
            Ok(value) => Ok(Response {
                value,
                json,
                replayed,
            }),
            Err(_) => Err(invalid(server, ResponseDefect::Json)),
        };
    }
    Err(refusal(server, status, retry_after, json))
}

/// Reads a response that has no body when the request succeeded.
pub(super) async fn read_empty(
    server: &ServerUrl,
    response: reqwest::Response,
) -> Result<(), Error> {
    let status = response.status();
    let retry_after = retry_after(&response);
    let body = body(server, response).await?;
    match status.as_u16() {
        204 => Ok(()),
        _ => Err(refusal(server, status, retry_after, body)),
    }
}

/// The problem that `json` is, or the lack of one.
fn refusal(
    server: &ServerUrl,
    status: StatusCode,
    retry_after: Option<Duration>,
    json: String,
) -> Error {
    match serde_json::from_str::<Problem>(&json) {
        Ok(problem) => Error::Api(Box::new(ApiError {
            problem,
            json,
            retry_after,
        })),
        Err(_) => invalid(server, ResponseDefect::Status(status.as_u16())),
    }
}

/// Whole seconds are the form that this API uses (RFC 9110 §10.2.3).
fn retry_after(response: &reqwest::Response) -> Option<Duration> {
    let value = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    let seconds = value.parse::<u32>().ok()?;
    Some(Duration::from_secs(seconds.into()))
}

async fn body(server: &ServerUrl, mut response: reqwest::Response) -> Result<String, Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| transport_error(server, &error))?
    {
        if body.len() + chunk.len() > BODY_MAX_BYTES {
            let max_bytes = BODY_MAX_BYTES;
            return Err(invalid(server, ResponseDefect::Oversized { max_bytes }));
        }
        body.extend_from_slice(&chunk);
    }
    String::from_utf8(body).map_err(|_| invalid(server, ResponseDefect::Json))
}

fn invalid(server: &ServerUrl, defect: ResponseDefect) -> Error {
    Error::InvalidResponse {
        server: server.clone(),
        defect,
    }
}

pub(super) fn transport_error(server: &ServerUrl, error: &reqwest::Error) -> Error {
    let server = server.clone();
    let unreachable = if error.is_connect() {
        Unreachable::Refused {
            server,
            source: io_error(error),
        }
    } else if error.is_timeout() {
        Unreachable::TimedOut { server }
    } else {
        Unreachable::Lost { server }
    };
    unreachable.into()
}

/// The kind of the I/O error below `error`, such as "connection refused", without the layers
/// above it.
fn io_error(error: &reqwest::Error) -> Option<io::Error> {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>()
            && error.raw_os_error().is_some()
        {
            return Some(error.kind().into());
        }
        cause = error.source();
    }
    None
}
