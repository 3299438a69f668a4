//! Who gets in: one check over every path and method; only the paths that the table of
//! operations calls open are outside it.

use http::HeaderMap;
use http::header::{AUTHORIZATION, COOKIE};

use crate::api::Api;
use crate::config::Auth;
use crate::extract::{Only, only};
use crate::problem::EdgeRefusal;
use crate::routes::Access;
use crate::session::Sessions;
use crate::token::Token;

/// Lets a request pass that may.
pub(super) fn authorise(api: &Api, access: Access, headers: &HeaderMap) -> Result<(), EdgeRefusal> {
    let may = match &api.config().auth {
        Auth::None => true,
        Auth::Token(token) => admits(access, token, api.sessions(), headers),
    };
    if may {
        Ok(())
    } else {
        Err(EdgeRefusal::Unauthorized)
    }
}

/// Whether the credentials open `access`. An `Authorization` decides alone: one that is
/// wrong is not made good by a cookie.
fn admits(access: Access, token: &Token, sessions: &Sessions, headers: &HeaderMap) -> bool {
    if access == Access::Open {
        return true;
    }
    match only(headers, AUTHORIZATION) {
        Only::One(credentials) => bearer(credentials).is_some_and(|given| token.matches(given)),
        Only::Repeated => false,
        Only::Absent => {
            let mut cookies = headers.get_all(COOKIE).iter();
            access == Access::Authorised && cookies.any(|cookie| sessions.admits(cookie.as_bytes()))
        }
    }
}

/// The token of `Bearer TOKEN`; the scheme's case does not matter (RFC 9110 §11.1).
fn bearer(credentials: &[u8]) -> Option<&[u8]> {
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

    fn judge(access: Access, pairs: &[(&'static str, &[u8])]) -> bool {
        let sessions = Sessions::new(1);
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_bytes(value).unwrap());
        }
        admits(access, &SECRET.parse().unwrap(), &sessions, &headers)
    }

    #[test]
    fn the_token_gets_in_however_its_scheme_is_written() {
        for scheme in ["Bearer ", "bearer ", "BEARER   "] {
            let value = format!("{scheme}{SECRET}");
            let pairs = [("authorization", value.as_bytes())];
            assert!(judge(Access::Authorised, &pairs), "{scheme}");
            assert!(judge(Access::Token, &pairs), "{scheme}");
        }
    }

    #[test]
    fn nothing_else_does() {
        let right = format!("Bearer {SECRET}");
        let right = ("authorization", right.as_bytes());
        assert!(!judge(Access::Authorised, &[]));
        assert!(!judge(Access::Authorised, &[right, right]));
        for wrong in [
            "",
            "Bearer",
            "Bearer ",
            "Basic x",
            SECRET,
            "Bearera-secret-of-more-than-22-characters",
        ] {
            let pairs = [("authorization", wrong.as_bytes())];
            assert!(!judge(Access::Authorised, &pairs), "{wrong}");
        }
        let longer = format!("Bearer {SECRET} ,x");
        assert!(!judge(
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
        assert!(admits(Access::Authorised, &token, &sessions, &headers));
        assert!(!admits(Access::Token, &token, &sessions, &headers));
        headers.insert(AUTHORIZATION, HeaderValue::from_static("Bearer wrong"));
        assert!(!admits(Access::Authorised, &token, &sessions, &headers));
    }

    proptest! {
        #[test]
        fn no_authorization_panics_or_gets_in(value in "[ -~]{0,60}") {
            prop_assume!(!value.contains(SECRET));
            prop_assert!(!judge(Access::Authorised, &[("authorization", value.as_bytes())]));
            let bearer = format!("Bearer {value}");
            prop_assert!(!judge(Access::Authorised, &[("authorization", bearer.as_bytes())]));
        }
    }
}
