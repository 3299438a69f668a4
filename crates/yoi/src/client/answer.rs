//! Reading an answer: bounded in size, and either what was asked for or a problem.

use std::time::Duration;

use http_api::wire::{Problem, header};
use reqwest::Response;
use reqwest::header::RETRY_AFTER;
use serde::de::DeserializeOwned;

use super::Client;
use crate::failure::{Failure, NotOurs, Refusal};

/// Largest answer that is read, in bytes. A worker keeps at most 4 MiB of transcript, which
/// JSON makes sixfold at worst (`\u0000` for one byte), and a page is part of that.
pub(crate) const ANSWER_MAX_BYTES: usize = 32 * 1024 * 1024;

/// An answer that is not a problem.
#[derive(Debug)]
pub(crate) struct Answer<T> {
    /// What it says.
    pub(crate) value: T,
    /// The same, byte for byte as it came.
    pub(crate) json: String,
    /// Whether the server had carried out this mutation before, under the same key.
    pub(crate) replayed: bool,
}

/// Reads all of `response`.
pub(super) async fn read<T: DeserializeOwned>(
    client: &Client,
    response: Response,
) -> Result<Answer<T>, Failure> {
    let not_ours = |what| Failure::NotOurAnswer {
        server: client.server.clone(),
        what,
    };
    let status = response.status();
    let replayed = response.headers().get(header::IDEMPOTENCY_REPLAYED);
    let replayed = replayed.is_some_and(|value| value == "true");
    let retry_after = retry_after(&response);
    let json = text(client, response).await?;
    if status.is_success() {
        // serde reads a struct from an array as well, which no answer of the API is.
        if !json.trim_ascii_start().starts_with('{') {
            return Err(not_ours(NotOurs::Json));
        }
        let value = serde_json::from_str(&json).map_err(|_| not_ours(NotOurs::Json))?;
        return Ok(Answer {
            value,
            json,
            replayed,
        });
    }
    match serde_json::from_str::<Problem>(&json) {
        Ok(problem) => Err(Failure::Refused(Box::new(Refusal {
            problem,
            json,
            retry_after,
        }))),
        Err(_) => Err(not_ours(NotOurs::Status(status.as_u16()))),
    }
}

/// What `response` asks for in whole seconds, the form that this API uses (RFC 9110 §10.2.3).
fn retry_after(response: &Response) -> Option<Duration> {
    let value = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    let seconds = value.parse::<u32>().ok()?;
    Some(Duration::from_secs(seconds.into()))
}

/// The body of `response` as text, if it is not larger than an answer may be.
async fn text(client: &Client, mut response: Response) -> Result<String, Failure> {
    let not_ours = |what| Failure::NotOurAnswer {
        server: client.server.clone(),
        what,
    };
    let mut body = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| client.failed(&error))?
    {
        if body.len() + chunk.len() > ANSWER_MAX_BYTES {
            return Err(not_ours(NotOurs::Oversized {
                max_bytes: ANSWER_MAX_BYTES,
            }));
        }
        body.extend_from_slice(&chunk);
    }
    String::from_utf8(body).map_err(|_| not_ours(NotOurs::Json))
}
