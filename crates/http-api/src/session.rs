//! Sessions of browser pages: each a cookie that was exchanged for the token.

use std::collections::VecDeque;

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
    open: Locked<VecDeque<Token>>,
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
    pub(crate) fn open(&self) -> Result<String, NoRandomness> {
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
            open.push_back(secret);
        });
        Ok(cookie)
    }

    /// Ends all of them.
    pub(crate) fn end_all(&self) {
        self.open.with(VecDeque::clear);
    }

    /// Whether a `Cookie` header carries an open session.
    pub(crate) fn contains(&self, cookies: &[u8]) -> bool {
        let presented = cookies
            .split(|byte| *byte == b';')
            .map(<[u8]>::trim_ascii)
            .filter_map(|pair| pair.strip_prefix(self.cookie_name.as_bytes()))
            .filter_map(|rest| rest.strip_prefix(b"="))
            .take(PRESENTED_MAX);
        let presented: Vec<&[u8]> = presented.collect();
        self.open.with(|open| {
            presented
                .iter()
                .any(|value| open.iter().any(|session| session.matches(value)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pair(set_cookie: &str) -> &str {
        set_cookie.split(';').next().unwrap()
    }

    #[test]
    fn a_session_s_cookie_is_found_among_others() {
        let sessions = Sessions::new(8787);
        let cookie = sessions.open().unwrap();
        assert!(cookie.starts_with("yoi_session_8787="));
        assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict"));
        let pair = pair(&cookie);
        assert!(sessions.contains(pair.as_bytes()));
        assert!(sessions.contains(format!("a=b; yoi_session_8787=x; {pair};c").as_bytes()));
    }

    #[test]
    fn a_session_of_another_port_or_a_cut_one_does_not() {
        let sessions = Sessions::new(8787);
        let cookie = sessions.open().unwrap();
        let pair = pair(&cookie);
        assert!(!sessions.contains(pair.replace("8787", "8788").as_bytes()));
        assert!(!sessions.contains(&pair.as_bytes()[..pair.len() - 1]));
        assert!(!sessions.contains(b"yoi_session_8787="));
    }

    #[test]
    fn the_oldest_session_ends_when_there_are_too_many() {
        let sessions = Sessions::new(1);
        let cookies: Vec<_> = (0..=SESSIONS_MAX)
            .map(|_| sessions.open().unwrap())
            .collect();
        assert!(!sessions.contains(pair(&cookies[0]).as_bytes()));
        assert!(sessions.contains(pair(&cookies[1]).as_bytes()));
        assert!(sessions.contains(pair(&cookies[SESSIONS_MAX]).as_bytes()));
    }

    proptest! {
        #[test]
        fn no_other_cookie_header_is_a_session_or_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let sessions = Sessions::new(1);
            sessions.open().unwrap();
            prop_assert!(!sessions.contains(&bytes));
            let named = [b"yoi_session_1=", bytes.as_slice()].concat();
            prop_assert!(!sessions.contains(&named));
        }
    }
}
