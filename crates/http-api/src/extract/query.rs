//! Query parameters: only those of the operation, each once, each within its bounds.

use std::borrow::Cow;
use std::time::Duration;

use axum::extract::FromRequestParts;
use http::request::Parts;
use registry_core::page::PageLimit;
use registry_core::port::{
    EventBatchTime, EventWait, EventsQuery, TimeUpTo, TranscriptQuery, TranscriptRange,
};
use registry_core::projection::{ImplementationKind, WorkerState};
use registry_core::registry::{WorkerFilter, WorkerListQuery};
use registry_core::{Cursor, PageToken, RuntimeId};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_path_to_error::Segment;
use utoipa::IntoParams;

use crate::error::ApiError;

/// The largest sequence that a client may name: the largest integer that JSON carries exactly
/// everywhere (RFC 8259 §6).
const SEQUENCE_MAX: u64 = (1 << 53) - 1;

/// The query parameters of a request.
pub(crate) struct Query<T>(pub(crate) T);

/// The query parameters of an operation.
pub(crate) trait Parameters: DeserializeOwned {
    /// The error for a wrong value of the named parameter.
    fn invalid(name: &str) -> Option<ApiError>;
}

impl<S: Sync, T: Parameters> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        parse(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

pub(super) fn parse<T: Parameters>(query: &str) -> Result<T, ApiError> {
    let pairs = form_urlencoded::parse(query.as_bytes());
    let query = serde_urlencoded::Deserializer::new(pairs);
    serde_path_to_error::deserialize(query).map_err(|error| {
        let parameter = match error.path().iter().next() {
            Some(Segment::Map { key }) => T::invalid(key),
            _ => None,
        };
        let reason = "It has a parameter that the operation does not take, or one twice.";
        parameter.unwrap_or_else(|| ApiError::invalid_query(None, reason))
    })
}

/// An operation without query parameters.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoParameters {}

impl Parameters for NoParameters {
    fn invalid(_: &str) -> Option<ApiError> {
        None
    }
}

/// Which workers of all runtimes.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct WorkersParameters {
    /// How many items the answer has at most.
    #[serde(default, deserialize_with = "limit")]
    #[param(value_type = u32, required = false, minimum = 1, maximum = 200, default = 50, example = 50)]
    limit: PageLimit,
    /// The `next_page_token` of the page before; give the same filters with it.
    #[param(nullable = false)]
    page_token: Option<PageToken>,
    /// Only workers in this state.
    #[param(nullable = false, example = "idle")]
    state: Option<WorkerState>,
    /// Only workers of this runtime.
    #[param(nullable = false, example = "backend-internal")]
    runtime_id: Option<RuntimeId>,
    /// Only workers of runtimes that are implemented so.
    #[param(nullable = false, example = "embedded")]
    implementation_kind: Option<ImplementationKind>,
}

impl Parameters for WorkersParameters {
    fn invalid(name: &str) -> Option<ApiError> {
        match name {
            "runtime_id" => Some(ApiError::invalid_identifier("runtime_id", ID)),
            "implementation_kind" => Some(ApiError::invalid_query("implementation_kind", NAME)),
            name => RuntimeWorkersParameters::invalid(name),
        }
    }
}

impl From<WorkersParameters> for WorkerListQuery {
    fn from(parameters: WorkersParameters) -> Self {
        Self {
            filter: WorkerFilter {
                runtime_id: parameters.runtime_id,
                implementation_kind: parameters.implementation_kind,
                state: parameters.state,
            },
            page_token: parameters.page_token,
            limit: parameters.limit,
        }
    }
}

/// Which workers of one runtime.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RuntimeWorkersParameters {
    /// How many items the answer has at most.
    #[serde(default, deserialize_with = "limit")]
    #[param(value_type = u32, required = false, minimum = 1, maximum = 200, default = 50, example = 50)]
    pub(crate) limit: PageLimit,
    /// The `next_page_token` of the page before; give the same filters with it.
    #[param(nullable = false)]
    pub(crate) page_token: Option<PageToken>,
    /// Only workers in this state.
    #[param(nullable = false, example = "idle")]
    pub(crate) state: Option<WorkerState>,
}

impl Parameters for RuntimeWorkersParameters {
    fn invalid(name: &str) -> Option<ApiError> {
        match name {
            "limit" => Some(ApiError::invalid_query("limit", LIMIT)),
            "page_token" => Some(ApiError::invalid_page_token()),
            "state" => Some(ApiError::invalid_query("state", NAME)),
            _ => None,
        }
    }
}

/// Which part of a transcript.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TranscriptParameters {
    /// How many items the answer has at most.
    #[serde(default, deserialize_with = "limit")]
    #[param(value_type = u32, required = false, minimum = 1, maximum = 200, default = 50, example = 50)]
    limit: PageLimit,
    /// Only the entries right before this sequence. Not together with `after`.
    #[serde(default, deserialize_with = "sequence")]
    #[param(nullable = false, maximum = 9_007_199_254_740_991_i64)]
    before: Option<u64>,
    /// Only the entries right after this sequence. Not together with `before`.
    #[serde(default, deserialize_with = "sequence")]
    #[param(nullable = false, maximum = 9_007_199_254_740_991_i64)]
    after: Option<u64>,
}

impl Parameters for TranscriptParameters {
    fn invalid(name: &str) -> Option<ApiError> {
        match name {
            "limit" => Some(ApiError::invalid_query("limit", LIMIT)),
            "before" => Some(ApiError::invalid_query("before", SEQUENCE)),
            "after" => Some(ApiError::invalid_query("after", SEQUENCE)),
            _ => None,
        }
    }
}

impl TryFrom<TranscriptParameters> for TranscriptQuery {
    type Error = ApiError;

    fn try_from(parameters: TranscriptParameters) -> Result<Self, ApiError> {
        let range = match (parameters.before, parameters.after) {
            (None, None) => TranscriptRange::Newest,
            (Some(before), None) => TranscriptRange::Before(before),
            (None, Some(after)) => TranscriptRange::After(after),
            (Some(_), Some(_)) => {
                let reason = "It does not go together with `after`.";
                return Err(ApiError::invalid_query("before", reason));
            }
        };
        Ok(Self {
            range,
            limit: parameters.limit,
        })
    }
}

/// Which events, how long to wait for the first, and then for more.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventsParameters {
    /// Read on from this position; without it, from the oldest retained event.
    #[param(nullable = false)]
    after: Option<Cursor>,
    /// How many items the answer has at most.
    #[serde(default, deserialize_with = "limit")]
    #[param(value_type = u32, required = false, minimum = 1, maximum = 200, default = 50, example = 50)]
    limit: PageLimit,
    /// How long to wait, in milliseconds, when there is no newer event.
    #[serde(default, deserialize_with = "time")]
    #[param(value_type = u32, required = false, maximum = 30000, default = 0, example = 0)]
    wait_ms: EventWait,
    /// How long to gather more, in milliseconds, once there is an event: a reader of a growing reply
    /// then makes fewer requests. Never longer than what is left of `wait_ms`; the end of a run and a
    /// full page are answered at once.
    #[serde(default, deserialize_with = "time")]
    #[param(value_type = u32, required = false, maximum = 1000, default = 0, example = 0)]
    batch_ms: EventBatchTime,
}

impl Parameters for EventsParameters {
    fn invalid(name: &str) -> Option<ApiError> {
        match name {
            "after" => Some(ApiError::invalid_cursor()),
            "limit" => Some(ApiError::invalid_query("limit", LIMIT)),
            "wait_ms" => Some(ApiError::invalid_query("wait_ms", WAIT)),
            "batch_ms" => Some(ApiError::invalid_query("batch_ms", BATCH)),
            _ => None,
        }
    }
}

impl From<EventsParameters> for EventsQuery {
    fn from(parameters: EventsParameters) -> Self {
        Self {
            after: parameters.after,
            limit: parameters.limit,
            wait: parameters.wait_ms,
            batch: parameters.batch_ms,
        }
    }
}

const LIMIT: &str = "It is not an integer from 1 to 200.";
const WAIT: &str = "It is not an integer from 0 to 30000.";
const BATCH: &str = "It is not an integer from 0 to 1000.";
const SEQUENCE: &str = "It is not an integer from 0 to 9007199254740991.";
const NAME: &str = "It is none of the documented names.";
const ID: &str = "It is not 1 to 64 characters of a-z 0-9 - _ starting with a letter or digit.";

fn limit<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PageLimit, D::Error> {
    let items = integer(deserializer)?;
    let items = u32::try_from(items).map_err(D::Error::custom)?;
    PageLimit::new(items).map_err(D::Error::custom)
}

fn time<'de, D: Deserializer<'de>, const MAX_MS: u64>(
    deserializer: D,
) -> Result<TimeUpTo<MAX_MS>, D::Error> {
    let time = Duration::from_millis(integer(deserializer)?);
    TimeUpTo::new(time).map_err(D::Error::custom)
}

fn sequence<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let sequence = integer(deserializer)?;
    if sequence > SEQUENCE_MAX {
        return Err(D::Error::custom(SEQUENCE));
    }
    Ok(Some(sequence))
}

/// A number in the one spelling that JSON has for it: no sign, no leading zero.
fn integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let text = Cow::<str>::deserialize(deserializer)?;
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let leading_zero = text.len() > 1 && text.starts_with('0');
    if !digits || leading_zero {
        return Err(D::Error::custom("not an integer"));
    }
    text.parse().map_err(D::Error::custom)
}
