//! Extractors: what handlers get of a request, parsed. A rejection is an [`ApiError`] in our own
//! words; the texts of axum's and serde's errors repeat the input and are never used.

mod half_close;
mod header;
mod json;
mod path;
mod query;

#[cfg(test)]
mod tests;

pub(crate) use half_close::HalfClose;
pub(crate) use header::{HeaderCount, IdempotencyKeyHeader, IfNoneMatch, single_header};
pub(crate) use json::{JsonBody, OptionalJsonBody};
pub(crate) use path::{RuntimePath, WorkerPath};
pub(crate) use query::{
    EventsParameters, NoParameters, Query, RuntimeWorkersParameters, TranscriptParameters,
    WorkersParameters,
};
