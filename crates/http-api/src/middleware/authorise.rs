//! Which credentials a request has, and which its path asks for.

use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, Method};

use crate::client::Scope;
use crate::credentials::Credentials;
use crate::error::ApiError;
use crate::extract::{HeaderCount, single_header};
use crate::handler::page::has_asset;
use crate::principal::Principal;
use crate::session::{PRESENTED_MAX, Sessions};
use crate::state::ApiState;
use crate::wire::{ProblemCode, path};

/// Which credentials a path asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// None.
    Open,
    /// A token or a session cookie.
    Read,
    /// The same, of a client that may change workers.
    Operate,
    /// A token itself.
    Token,
    /// A token, or a one-time code in the body, which the handler looks at.
    Exchange,
}

impl Access {
    /// What a request of this method to the route `path` asks for. A new route, and a path without
    /// one, asks for credentials.
    pub(crate) fn to(method: &Method, path: Option<&str>) -> Self {
        match path {
            Some(path::HEALTHZ | path::READYZ | path::OPENAPI) => Self::Open,
            Some(path) if has_asset(path) => Self::Open,
            Some(_) | None if method.is_safe() => Self::Read,
            Some(path::SESSION_CODES) => Self::Token,
            Some(path::SESSION) if method == Method::POST => Self::Exchange,
            // Whoever may only read ends sessions, too.
            Some(path::SESSION) => Self::Read,
            Some(_) | None => Self::Operate,
        }
    }

    /// Whether what asks for it may change workers.
    pub(super) fn changes_workers(self) -> bool {
        self == Self::Operate
    }

    /// Whether `principal` has it.
    ///
    /// # Errors
    /// `unauthorized`, or `insufficient_scope` for a client that may only read.
    pub(super) fn check(self, principal: &Principal) -> Result<(), ApiError> {
        let is_authorised = match self {
            Self::Open | Self::Exchange => true,
            Self::Read | Self::Operate => !matches!(principal, Principal::Anonymous),
            Self::Token => matches!(principal, Principal::Token(_) | Principal::Anybody),
        };
        let scope = principal.client().map(|client| client.scope);
        if !is_authorised {
            Err(ApiError::new(ProblemCode::Unauthorized))
        } else if self == Self::Operate && scope == Some(Scope::Read) {
            Err(ApiError::new(ProblemCode::InsufficientScope))
        } else {
            Ok(())
        }
    }
}

/// Who sends a request with these headers.
pub(super) fn identify(state: &ApiState, headers: &HeaderMap) -> Principal {
    if state.credentials.accept_anybody() {
        return Principal::Anybody;
    }
    principal_of(&state.credentials, &state.sessions, headers)
}

/// Whose credentials these are. An `Authorization` header decides alone: a cookie does not make up
/// for a wrong one.
fn principal_of(credentials: &Credentials, sessions: &Sessions, headers: &HeaderMap) -> Principal {
    match single_header(headers, AUTHORIZATION) {
        HeaderCount::One(presented) => {
            let found = bearer_token(presented).and_then(|token| credentials.find(token));
            found.map_or(Principal::Anonymous, Principal::Token)
        }
        HeaderCount::Many => Principal::Anonymous,
        HeaderCount::None => {
            let mut cookies = headers.get_all(COOKIE).iter().take(PRESENTED_MAX);
            let session = cookies.find_map(|cookie| sessions.find(cookie.as_bytes()));
            // A session ends with the token that it was exchanged for.
            let session = session.filter(|credential| credentials.accept(credential));
            session.map_or(Principal::Anonymous, Principal::Session)
        }
    }
}

/// The token of `Bearer TOKEN`; the scheme's case does not matter (RFC 9110 §11.1).
fn bearer_token(credentials: &[u8]) -> Option<&[u8]> {
    const SCHEME: &[u8] = b"bearer";
    let (scheme, rest) = credentials.split_at_checked(SCHEME.len())?;
    let token = rest.trim_ascii_start();
    let separated = token.len() < rest.len();
    (scheme.eq_ignore_ascii_case(SCHEME) && separated).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{NamedToken, Quotas};
    use crate::config::Auth;
    use crate::metrics::Metrics;
    use crate::session::CookieSecurity;
    use http::HeaderValue;
    use proptest::prelude::*;

    const SECRET: &str = "a-secret-of-more-than-22-characters";
    const READER: &str = "another-secret-of-more-than-22-characters";

    fn credentials() -> Credentials {
        let named = NamedToken {
            name: "reader".parse().unwrap(),
            scope: Scope::Read,
            quotas: Quotas {
                runs: 1,
                polls: 1,
                bytes: 1,
            },
            token: READER.parse().unwrap(),
        };
        let auth = Auth::Token(SECRET.parse().unwrap());
        Credentials::new(&auth, &[named], &Metrics::new(None, &[]))
    }

    fn headers(pairs: &[(&'static str, &[u8])]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_bytes(value).unwrap());
        }
        headers
    }

    fn allows(access: Access, pairs: &[(&'static str, &[u8])]) -> bool {
        let principal = principal_of(
            &credentials(),
            &Sessions::new(1, CookieSecurity::Plain),
            &headers(pairs),
        );
        access.check(&principal).is_ok()
    }

    #[test]
    fn the_token_gets_in_however_its_scheme_is_written() {
        for scheme in ["Bearer ", "bearer ", "BEARER   "] {
            let value = format!("{scheme}{SECRET}");
            let pairs = [("authorization", value.as_bytes())];
            assert!(allows(Access::Operate, &pairs), "{scheme}");
            assert!(allows(Access::Token, &pairs), "{scheme}");
        }
    }

    #[test]
    fn nothing_else_does() {
        let right = format!("Bearer {SECRET}");
        let right = ("authorization", right.as_bytes());
        assert!(!allows(Access::Operate, &[]));
        assert!(!allows(Access::Operate, &[right, right]));
        for wrong in [
            "",
            "Bearer",
            "Bearer ",
            "Basic x",
            SECRET,
            "Bearera-secret-of-more-than-22-characters",
        ] {
            let pairs = [("authorization", wrong.as_bytes())];
            assert!(!allows(Access::Operate, &pairs), "{wrong}");
        }
        let longer = format!("Bearer {SECRET} ,x");
        assert!(!allows(
            Access::Operate,
            &[("authorization", longer.as_bytes())]
        ));
    }

    #[test]
    fn a_session_opens_the_api_but_no_further_session_and_mends_no_wrong_token() {
        let (credentials, sessions) = (credentials(), Sessions::new(1, CookieSecurity::Plain));
        let credential = credentials.find(SECRET.as_bytes()).unwrap();
        let cookie = sessions.open(credential).unwrap();
        let cookie = HeaderValue::try_from(cookie.split(';').next().unwrap()).unwrap();
        let mut headers = HeaderMap::from_iter([(COOKIE, cookie)]);
        let session = principal_of(&credentials, &sessions, &headers);
        assert!(matches!(session, Principal::Session(_)));
        assert!(Access::Operate.check(&session).is_ok());
        assert!(Access::Token.check(&session).is_err());
        headers.insert(AUTHORIZATION, HeaderValue::from_static("Bearer wrong"));
        let wrong = principal_of(&credentials, &sessions, &headers);
        assert!(matches!(wrong, Principal::Anonymous));
    }

    #[test]
    fn a_client_that_may_only_read_changes_nothing_by_its_token_or_its_session() {
        let (credentials, sessions) = (credentials(), Sessions::new(1, CookieSecurity::Plain));
        let credential = credentials.find(READER.as_bytes()).unwrap();
        let cookie = sessions.open(credential).unwrap();
        let cookie = cookie.split(';').next().unwrap();
        let bearer = format!("Bearer {READER}");
        for (name, value) in [("authorization", &*bearer), ("cookie", cookie)] {
            let principal = principal_of(
                &credentials,
                &sessions,
                &headers(&[(name, value.as_bytes())]),
            );
            let check = |method| Access::to(&method, Some("/any")).check(&principal);
            for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
                assert!(check(method).is_ok(), "{name}");
            }
            for method in [Method::POST, Method::PATCH, Method::DELETE, Method::PUT] {
                let code = check(method).unwrap_err().code();
                assert_eq!(code, ProblemCode::InsufficientScope, "{name}");
            }
        }
    }

    proptest! {
        #[test]
        fn no_authorization_panics_or_gets_in(value in "[ -~]{0,60}") {
            prop_assume!(!value.contains(SECRET));
            prop_assert!(!allows(Access::Operate, &[("authorization", value.as_bytes())]));
            let bearer = format!("Bearer {value}");
            prop_assert!(!allows(Access::Operate, &[("authorization", bearer.as_bytes())]));
        }
    }
}
