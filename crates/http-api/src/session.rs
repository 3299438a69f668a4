//! Sessions of browser pages: each a cookie that was exchanged for the token.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::credentials::Credential;
use crate::locked::Locked;
use crate::token::{NoRandomness, Token};

/// Most sessions at a time; the oldest ends when there would be more. Far more than the
/// browsers of the people who share one workspace, and few enough to compare with each.
pub(crate) const SESSIONS_MAX: usize = 64;

/// Most cookies of the name that are compared for one request. A browser sends one for each path
/// that it was set for; a client without credentials must not cost more.
const PRESENTED_MAX: usize = 4;

/// The name of the session cookie of the server on `port`.
pub(crate) fn cookie_name(port: u16) -> String {
    format!("yoi_session_{port}")
}

/// The sessions of this server's life. They are kept in memory alone.
pub(crate) struct Sessions {
    cookie_name: String,
    open: Locked<VecDeque<Session>>,
}

struct Session {
    secret: Token,
    /// What it was exchanged for.
    credential: Arc<Credential>,
}

impl Sessions {
    /// No sessions yet; `port` names the cookie.
    pub(crate) fn new(port: u16) -> Self {
        Self {
            cookie_name: cookie_name(port),
            open: Locked::new(VecDeque::new()),
        }
    }

    /// Opens a session and returns the `Set-Cookie` that carries it.
    ///
    /// Without `Max-Age` the browser forgets it when it closes. `Secure` is absent because
    /// the server itself speaks plain HTTP, on loopback.
    pub(crate) fn open(&self, credential: Arc<Credential>) -> Result<String, NoRandomness> {
        let secret = Token::generate()?;
        let cookie = format!(
            "{}={}; Path=/; HttpOnly; SameSite=Strict",
            self.cookie_name,
            secret.reveal()
        );
        self.open.with(|open| {
            if open.len() == SESSIONS_MAX {
                open.pop_front();
            }
            open.push_back(Session { secret, credential });
        });
        Ok(cookie)
    }

    /// What the open session that a `Cookie` header carries was exchanged for.
    pub(crate) fn find(&self, cookies: &[u8]) -> Option<Arc<Credential>> {
        let presented = cookies
            .split(|byte| *byte == b';')
            .map(<[u8]>::trim_ascii)
            .filter_map(|pair| pair.strip_prefix(self.cookie_name.as_bytes()))
            .filter_map(|rest| rest.strip_prefix(b"="))
            .take(PRESENTED_MAX);
        let presented: Vec<&[u8]> = presented.collect();
        self.open.with(|open| {
            let is_presented =
                |session: &&Session| presented.iter().any(|value| session.secret.matches(value));
            let session = open.iter().find(is_presented)?;
            Some(Arc::clone(&session.credential))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Auth;
    use crate::credentials::Credentials;
    use crate::metrics::Metrics;
    use proptest::prelude::*;

    fn credential() -> Arc<Credential> {
        let auth = Auth::Token("x".repeat(22).parse().unwrap());
        let credentials = Credentials::new(&auth, &[], &Metrics::new(None, &[]));
        credentials.find("x".repeat(22).as_bytes()).unwrap()
    }

    fn pair(set_cookie: &str) -> &str {
        set_cookie.split(';').next().unwrap()
    }

    #[test]
    fn a_session_s_cookie_is_found_among_others() {
        let sessions = Sessions::new(8787);
        let cookie = sessions.open(credential()).unwrap();
        assert!(cookie.starts_with("yoi_session_8787="));
        assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict"));
        let pair = pair(&cookie);
        assert!(sessions.find(pair.as_bytes()).is_some());
        assert!(
            sessions
                .find(format!("a=b; yoi_session_8787=x; {pair};c").as_bytes())
                .is_some()
        );
    }

    #[test]
    fn a_session_of_another_port_or_a_cut_one_does_not() {
        let sessions = Sessions::new(8787);
        let cookie = sessions.open(credential()).unwrap();
        let pair = pair(&cookie);
        assert!(
            sessions
                .find(pair.replace("8787", "8788").as_bytes())
                .is_none()
        );
        assert!(sessions.find(&pair.as_bytes()[..pair.len() - 1]).is_none());
        assert!(sessions.find(b"yoi_session_8787=").is_none());
    }

    #[test]
    fn the_oldest_session_ends_when_there_are_too_many() {
        let sessions = Sessions::new(1);
        let cookies: Vec<_> = (0..=SESSIONS_MAX)
            .map(|_| sessions.open(credential()).unwrap())
            .collect();
        assert!(sessions.find(pair(&cookies[0]).as_bytes()).is_none());
        assert!(sessions.find(pair(&cookies[1]).as_bytes()).is_some());
        assert!(
            sessions
                .find(pair(&cookies[SESSIONS_MAX]).as_bytes())
                .is_some()
        );
    }

    proptest! {
        #[test]
        fn no_other_cookie_header_is_a_session_or_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let sessions = Sessions::new(1);
            sessions.open(credential()).unwrap();
            prop_assert!(sessions.find(&bytes).is_none());
            let named = [b"yoi_session_1=", bytes.as_slice()].concat();
            prop_assert!(sessions.find(&named).is_none());
        }
    }
}
