//! Clients with a token of their own: who they are, what they may do, and how much of the server
//! they may use at once.

use std::fmt;
use std::str::FromStr;

use prometheus_client::metrics::counter::Counter;
use registry_core::projection::{Limit, LimitUnit};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::metrics::Metrics;
use crate::quota::QuotaUsage;
use crate::token::Token;
use crate::wire::limit::{TOKEN_BYTES, TOKEN_POLLS, TOKEN_RUNS};

/// Longest name of a client, in characters.
pub const CLIENT_NAME_MAX_CHARS: usize = 32;

/// Most named tokens. Each is compared with the token of every request.
pub const NAMED_TOKENS_MAX: usize = 32;

/// The name of whoever has the server's own token.
const OWNER: &str = "owner";

/// The name of a client in audit events and metrics: lower-case letters, digits, `-` and `_`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientName(String);

/// A text that is no [`ClientName`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidClientName {
    /// It is empty, too long, or has another character.
    #[error(
        "a client's name has 1 to {CLIENT_NAME_MAX_CHARS} lower-case letters, digits, hyphens and \
         underscores"
    )]
    Malformed,
    /// It means the server's own token.
    #[error("`{OWNER}` is whoever has the server's own token")]
    Reserved,
}

/// What a client may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Read everything.
    Read,
    /// Read everything, and change workers.
    Operate,
}

/// How much of the server a client may use at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quotas {
    /// Runs that the client started, in progress or queued.
    pub runs: usize,
    /// Requests of the client that wait for events.
    pub polls: usize,
    /// Bytes of the client's request bodies, and of large responses that it has not read yet. A
    /// single one may be larger.
    pub bytes: usize,
}

/// A token besides the server's own, and whose it is.
#[derive(Debug, Clone)]
pub struct NamedToken {
    /// Whose token it is.
    pub name: ClientName,
    /// What they may do.
    pub scope: Scope,
    /// How much they may use.
    pub quotas: Quotas,
    /// The token.
    pub token: Token,
}

/// A client as the server knows it. It outlives its token: what it uses goes on to count when the
/// token is replaced.
pub(crate) struct Client {
    pub(crate) name: ClientName,
    pub(crate) scope: Scope,
    /// What the client uses of its quotas; `None` for the owner, who has none.
    pub(crate) usage: Option<QuotaUsage>,
    /// Requests of the client.
    pub(crate) requests: Counter,
    /// Requests that were refused because of a quota.
    pub(crate) refusals: Counter,
}

impl Client {
    /// Whoever has the server's own token.
    pub(crate) fn owner(metrics: &Metrics) -> Self {
        Self::new(ClientName(OWNER.to_owned()), Scope::Operate, None, metrics)
    }

    /// Whoever has a named token.
    pub(crate) fn named(token: &NamedToken, metrics: &Metrics) -> Self {
        let usage = QuotaUsage::new(token.quotas, metrics.client_bytes(&token.name));
        Self::new(token.name.clone(), token.scope, Some(usage), metrics)
    }

    /// Whether it is whoever has the server's own token.
    pub(crate) fn is_owner(&self) -> bool {
        self.usage.is_none()
    }

    fn new(name: ClientName, scope: Scope, usage: Option<QuotaUsage>, metrics: &Metrics) -> Self {
        Self {
            requests: metrics.client_requests(&name),
            refusals: metrics.client_refusals(&name),
            name,
            scope,
            usage,
        }
    }
}

impl ClientName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClientName {
    type Err = InvalidClientName;

    fn from_str(text: &str) -> Result<Self, InvalidClientName> {
        let fits = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
        if text.is_empty() || text.len() > CLIENT_NAME_MAX_CHARS || !text.bytes().all(fits) {
            return Err(InvalidClientName::Malformed);
        }
        if text == OWNER {
            return Err(InvalidClientName::Reserved);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for ClientName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Quotas {
    /// The quotas as clients see them.
    pub(crate) fn named(&self) -> [Limit; 3] {
        let limit = |name, unit, value: usize| {
            Limit::new(name, unit, u64::try_from(value).unwrap_or(u64::MAX))
        };
        [
            limit(TOKEN_RUNS, LimitUnit::Count, self.runs),
            limit(TOKEN_POLLS, LimitUnit::Count, self.polls),
            limit(TOKEN_BYTES, LimitUnit::Bytes, self.bytes),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_fits_a_label_and_is_not_the_owner_s() {
        for name in ["ci", "deploy-bot_2", &"x".repeat(32)] {
            assert_eq!(name.parse::<ClientName>().unwrap().as_str(), name);
        }
        for name in ["", "CI", "a b", "a=b", "é", &"x".repeat(33)] {
            let refused = name.parse::<ClientName>();
            assert_eq!(refused, Err(InvalidClientName::Malformed), "{name}");
        }
        let refused = "owner".parse::<ClientName>();
        assert_eq!(refused, Err(InvalidClientName::Reserved));
    }
}
