//! Query parameters: only those of the operation, each once, each within its bounds.

use std::borrow::Cow;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use registry_core::page::PageLimit;
use registry_core::port::{EventWait, TranscriptRange};
use registry_core::{Cursor, PageToken, RuntimeId};
use serde::Deserialize;
use serde::de::IntoDeserializer as _;
use serde::de::value::{Error as ValueError, StrDeserializer};

use crate::problem::EdgeRefusal;
use crate::routes::{Operation, SEQUENCE_MAX};

/// The query of a request, its names checked against the operation's.
#[derive(Debug, Clone, Default)]
pub(crate) struct Query(Vec<(&'static str, String)>);

impl Query {
    /// Reads the query of a request to `operation`.
    pub(crate) fn parse(operation: &Operation, query: Option<&str>) -> Result<Self, EdgeRefusal> {
        let mut parameters: Vec<(&'static str, String)> = Vec::new();
        let pairs = query.unwrap_or_default().split('&');
        for pair in pairs.filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decoded(name).ok_or(UNKNOWN)?;
            let known = operation
                .query()
                .find(|parameter| parameter.name == name)
                .ok_or(UNKNOWN)?
                .name;
            if parameters.iter().any(|(other, _)| *other == known) {
                return Err(EdgeRefusal::query(known, "It stands more than once."));
            }
            let value = decoded(value).ok_or(EdgeRefusal::query(known, "It is not UTF-8."))?;
            parameters.push((known, value.into_owned()));
        }
        Ok(Self(parameters))
    }

    fn get(&self, name: &'static str) -> Option<&str> {
        self.0
            .iter()
            .find_map(|(known, value)| (*known == name).then_some(value.as_str()))
    }

    /// `limit`: how many items at most.
    pub(crate) fn limit(&self) -> Result<PageLimit, EdgeRefusal> {
        let refused = EdgeRefusal::query("limit", "It is not an integer from 1 to 200.");
        self.get("limit").map_or(Ok(PageLimit::default()), |text| {
            integer(text)
                .and_then(|items| u32::try_from(items).ok())
                .and_then(|items| PageLimit::new(items).ok())
                .ok_or(refused)
        })
    }

    /// `page_token`: where the page begins.
    pub(crate) fn page_token(&self) -> Result<Option<PageToken>, EdgeRefusal> {
        self.get("page_token")
            .map(|text| text.parse().map_err(|_| EdgeRefusal::InvalidPageToken))
            .transpose()
    }

    /// `runtime_id`: whose workers.
    pub(crate) fn runtime_id(&self) -> Result<Option<RuntimeId>, EdgeRefusal> {
        const FIELD: &str = "runtime_id";
        self.get(FIELD)
            .map(|text| text.parse().map_err(|error| EdgeRefusal::id(FIELD, error)))
            .transpose()
    }

    /// A parameter whose values are the names of an enum.
    pub(crate) fn named<T: for<'de> Deserialize<'de>>(
        &self,
        field: &'static str,
    ) -> Result<Option<T>, EdgeRefusal> {
        self.get(field)
            .map(|text| {
                let text: StrDeserializer<'_, ValueError> = text.into_deserializer();
                T::deserialize(text)
                    .map_err(|_| EdgeRefusal::query(field, "It is none of the documented names."))
            })
            .transpose()
    }

    /// `before` or `after`, as sequences: which part of a transcript.
    pub(crate) fn transcript_range(&self) -> Result<TranscriptRange, EdgeRefusal> {
        match (self.sequence("before")?, self.sequence("after")?) {
            (None, None) => Ok(TranscriptRange::Newest),
            (Some(before), None) => Ok(TranscriptRange::Before(before)),
            (None, Some(after)) => Ok(TranscriptRange::After(after)),
            (Some(_), Some(_)) => Err(EdgeRefusal::query(
                "before",
                "It does not go together with `after`.",
            )),
        }
    }

    /// `after`, as a cursor: where to read on.
    pub(crate) fn after_cursor(&self) -> Result<Option<Cursor>, EdgeRefusal> {
        self.get("after")
            .map(|text| text.parse().map_err(|_| EdgeRefusal::InvalidCursor))
            .transpose()
    }

    /// `wait_ms`: how long to wait for news.
    pub(crate) fn wait(&self) -> Result<EventWait, EdgeRefusal> {
        let refused = EdgeRefusal::query("wait_ms", "It is not an integer from 0 to 30000.");
        self.get("wait_ms")
            .map_or(Ok(EventWait::default()), |text| {
                integer(text)
                    .and_then(|wait_ms| EventWait::new(Duration::from_millis(wait_ms)).ok())
                    .ok_or(refused)
            })
    }

    fn sequence(&self, field: &'static str) -> Result<Option<u64>, EdgeRefusal> {
        self.get(field)
            .map(|text| {
                integer(text)
                    .filter(|sequence| *sequence <= SEQUENCE_MAX)
                    .ok_or(EdgeRefusal::query(
                        field,
                        "It is not an integer from 0 to 9007199254740991.",
                    ))
            })
            .transpose()
    }
}

const UNKNOWN: EdgeRefusal = EdgeRefusal::InvalidQuery {
    field: None,
    reason: "It has a parameter that the operation does not take.",
};

/// Decodes a name or value as HTML forms encode them; `None` when it is not UTF-8.
fn decoded(text: &str) -> Option<Cow<'_, str>> {
    if text.contains('+') {
        let spaced = text.replace('+', " ");
        let decoded = percent_decode_str(&spaced).decode_utf8().ok()?;
        return Some(Cow::Owned(decoded.into_owned()));
    }
    percent_decode_str(text).decode_utf8().ok()
}

/// A number in the one spelling that JSON has for it: no sign, no leading zero.
fn integer(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let leading_zero = text.len() > 1 && text.starts_with('0');
    (digits && !leading_zero)
        .then(|| text.parse().ok())
        .flatten()
}
