//! Which credentials a request has, and which its path asks for.

use http::HeaderMap;
use http::header::{AUTHORIZATION, COOKIE};

use crate::config::Auth;
use crate::extract::{HeaderCount, single_header};
use crate::principal::Principal;
use crate::session::Sessions;
use crate::state::ApiState;
use crate::token::Token;
use crate::wire::path;

/// Which credentials a path asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// None.
    Open,
    /// The token or a session cookie.
    Authorised,
    /// The token itself.
    Token,
}

impl Access {
    /// What the route `path` asks for, whatever the method. A new route, and a path without one,
    /// asks for credentials.
    pub(crate) fn to(path: Option<&str>) -> Self {
        match path {
            Some(path::HEALTHZ | path::READYZ | path::OPENAPI) => Self::Open,
            Some(path::SESSION) => Self::Token,
            Some(_) | None => Self::Authorised,
        }
    }

    /// Whether `principal` has it.
    pub(super) fn allows(self, principal: Principal) -> bool {
        match self {
            Self::Open => true,
            Self::Authorised => principal != Principal::Anonymous,
            Self::Token => matches!(principal, Principal::Token | Principal::Anybody),
        }
    }
}

/// Who sends a request with these headers.
pub(super) fn identify(state: &ApiState, headers: &HeaderMap) -> Principal {
    state.credentials.with(|auth| match auth {
        Auth::None => Principal::Anybody,
        Auth::Token(token) => principal_of(token, &state.sessions, headers),
    })
}

/// Whose credentials these are. An `Authorization` header decides alone: a cookie does not make up
/// for a wrong one.
fn principal_of(token: &Token, sessions: &Sessions, headers: &HeaderMap) -> Principal {
    match single_header(headers, AUTHORIZATION) {
        HeaderCount::One(credentials) => match bearer_token(credentials) {
            Some(presented) if token.matches(presented) => Principal::Token,
            Some(_) | None => Principal::Anonymous,
        },
        HeaderCount::Many => Principal::Anonymous,
        HeaderCount::None => {
            let mut cookies = headers.get_all(COOKIE).iter();
            if cookies.any(|cookie| sessions.contains(cookie.as_bytes())) {
                Principal::Session
            } else {
                Principal::Anonymous
            }
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
    use http::HeaderValue;
    use proptest::prelude::*;

    const SECRET: &str = "a-secret-of-more-than-22-characters";

    fn allows(access: Access, pairs: &[(&'static str, &[u8])]) -> bool {
        let sessions = Sessions::new(1);
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_bytes(value).unwrap());
        }
        access.allows(principal_of(&SECRET.parse().unwrap(), &sessions, &headers))
    }

    #[test]
    fn the_token_gets_in_however_its_scheme_is_written() {
        for scheme in ["Bearer ", "bearer ", "BEARER   "] {
            let value = format!("{scheme}{SECRET}");
            let pairs = [("authorization", value.as_bytes())];
            assert!(allows(Access::Authorised, &pairs), "{scheme}");
            assert!(allows(Access::Token, &pairs), "{scheme}");
        }
    }

    #[test]
    fn nothing_else_does() {
        let right = format!("Bearer {SECRET}");
        let right = ("authorization", right.as_bytes());
        assert!(!allows(Access::Authorised, &[]));
        assert!(!allows(Access::Authorised, &[right, right]));
        for wrong in [
            "",
            "Bearer",
            "Bearer ",
            "Basic x",
            SECRET,
            "Bearera-secret-of-more-than-22-characters",
        ] {
            let pairs = [("authorization", wrong.as_bytes())];
            assert!(!allows(Access::Authorised, &pairs), "{wrong}");
        }
        let longer = format!("Bearer {SECRET} ,x");
        assert!(!allows(
            Access::Authorised,
            &[("authorization", longer.as_bytes())]
        ));
    }

    #[test]
    fn a_session_opens_the_api_but_no_further_session_and_mends_no_wrong_token() {
        let sessions = Sessions::new(1);
        let cookie = sessions.open().unwrap();
        let cookie = HeaderValue::try_from(cookie.split(';').next().unwrap()).unwrap();
        let mut headers = HeaderMap::from_iter([(COOKIE, cookie)]);
        let token = SECRET.parse().unwrap();
        assert_eq!(
            principal_of(&token, &sessions, &headers),
            Principal::Session
        );
        assert!(Access::Authorised.allows(Principal::Session));
        assert!(!Access::Token.allows(Principal::Session));
        headers.insert(AUTHORIZATION, HeaderValue::from_static("Bearer wrong"));
        assert_eq!(
            principal_of(&token, &sessions, &headers),
            Principal::Anonymous
        );
    }

    proptest! {
        #[test]
        fn no_authorization_panics_or_gets_in(value in "[ -~]{0,60}") {
            prop_assume!(!value.contains(SECRET));
            prop_assert!(!allows(Access::Authorised, &[("authorization", value.as_bytes())]));
            let bearer = format!("Bearer {value}");
            prop_assert!(!allows(Access::Authorised, &[("authorization", bearer.as_bytes())]));
        }
    }
}
