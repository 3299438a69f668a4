//! Sessions of browser pages: each a cookie that was exchanged for the token.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::credentials::Credential;
use crate::locked::Locked;
use crate::token::{NoRandomness, Token};

/// Most sessions at a time. When there would be more, the oldest of the client with most of them
/// ends: no client ends those of another that has fewer. Far more than the
/// browsers of the people who share one workspace, and few enough to compare with each.
pub(crate) const SESSIONS_MAX: usize = 64;

/// How long a session lasts: a working day. Then the page signs in again.
pub(crate) const SESSION_LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);

/// Most cookies of the name that are compared for one header, and most headers. A browser sends one for each path
/// that it was set for; a client without credentials must not cost more.
pub(crate) const PRESENTED_MAX: usize = 4;

/// The name of the session cookie of the server on `port`.
pub(crate) fn cookie_name(port: u16) -> String {
    format!("yoi_session_{port}")
}

/// Whether browsers keep the cookie back from plain HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CookieSecurity {
    /// They do: a proxy speaks TLS for this server.
    Secure,
    /// They don't: this server itself speaks plain HTTP.
    Plain,
}

/// The sessions of this server's life. They are kept in memory alone.
pub(crate) struct Sessions {
    cookie_name: String,
    security: CookieSecurity,
    open: Locked<VecDeque<Session>>,
}

struct Session {
    secret: Token,
    /// What it was exchanged for.
    credential: Arc<Credential>,
    ends_at: Instant,
}

impl Sessions {
    /// No sessions yet; `port` names the cookie.
    pub(crate) fn new(port: u16, security: CookieSecurity) -> Self {
        Self {
            cookie_name: cookie_name(port),
            security,
            open: Locked::new(VecDeque::new()),
        }
    }

    /// Opens a session and returns the `Set-Cookie` that carries it.
    pub(crate) fn open(&self, credential: Arc<Credential>) -> Result<String, NoRandomness> {
        let secret = Token::generate()?;
        let cookie = self.set_cookie(secret.reveal(), SESSION_LIFETIME);
        self.open.with(|open| {
            let now = Instant::now();
            open.retain(|session| session.ends_at > now);
            if open.len() == SESSIONS_MAX {
                let clients = open.iter().map(|session| &session.credential.client);
                let clients = clients.map(Arc::as_ptr).collect::<Vec<_>>();
                open.remove(oldest_of_most_frequent(&clients));
            }
            open.push_back(Session {
                secret,
                credential,
                ends_at: now + SESSION_LIFETIME,
            });
        });
        Ok(cookie)
    }

    /// Ends the sessions that a `Cookie` header carries, and returns the `Set-Cookie` that makes the
    /// browser forget them.
    pub(crate) fn end(&self, cookies: &[u8]) -> String {
        let presented = self.presented(cookies);
        self.open.with(|open| {
            open.retain(|session| !presented.iter().any(|value| session.secret.matches(value)));
        });
        self.set_cookie("", Duration::ZERO)
    }

    fn set_cookie(&self, value: &str, lifetime: Duration) -> String {
        let (name, seconds) = (&self.cookie_name, lifetime.as_secs());
        let secure = match self.security {
            CookieSecurity::Secure => "; Secure",
            CookieSecurity::Plain => "",
        };
        format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}")
    }

    /// The values of the session cookie in a `Cookie` header.
    fn presented<'a>(&self, cookies: &'a [u8]) -> Vec<&'a [u8]> {
        cookies
            .split(|byte| *byte == b';')
            .map(<[u8]>::trim_ascii)
            .filter_map(|pair| pair.strip_prefix(self.cookie_name.as_bytes()))
            .filter_map(|rest| rest.strip_prefix(b"="))
            .take(PRESENTED_MAX)
            .collect()
    }

    /// What the open session that a `Cookie` header carries was exchanged for.
    pub(crate) fn find(&self, cookies: &[u8]) -> Option<Arc<Credential>> {
        let presented = self.presented(cookies);
        let now = Instant::now();
        self.open.with(|open| {
            let is_presented = |session: &&Session| {
                session.ends_at > now && presented.iter().any(|value| session.secret.matches(value))
            };
            let session = open.iter().find(is_presented)?;
            Some(Arc::clone(&session.credential))
        })
    }
}

/// The first of the values that are there most often; 0 if there are none.
pub(crate) fn oldest_of_most_frequent<T: PartialEq>(values: &[T]) -> usize {
    let count = |value: &T| values.iter().filter(|other| *other == value).count();
    let most = values.iter().map(count).max();
    let oldest = values.iter().position(|value| Some(count(value)) == most);
    oldest.unwrap_or_default()
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
        let sessions = Sessions::new(8787, CookieSecurity::Plain);
        let cookie = sessions.open(credential()).unwrap();
        assert!(cookie.starts_with("yoi_session_8787="));
        assert!(cookie.ends_with("; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict"));
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
        let sessions = Sessions::new(8787, CookieSecurity::Plain);
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
        let sessions = Sessions::new(1, CookieSecurity::Plain);
        let credential = credential();
        let cookies: Vec<_> = (0..=SESSIONS_MAX)
            .map(|_| sessions.open(Arc::clone(&credential)).unwrap())
            .collect();
        assert!(sessions.find(pair(&cookies[0]).as_bytes()).is_none());
        assert!(sessions.find(pair(&cookies[1]).as_bytes()).is_some());
        assert!(
            sessions
                .find(pair(&cookies[SESSIONS_MAX]).as_bytes())
                .is_some()
        );
    }

    #[test]
    fn the_oldest_of_who_has_most_makes_room() {
        assert_eq!(oldest_of_most_frequent(&["a", "b", "b", "c", "b"]), 1);
        assert_eq!(oldest_of_most_frequent(&["a", "b"]), 0);
        assert_eq!(oldest_of_most_frequent::<u8>(&[]), 0);
    }

    #[test]
    fn a_client_that_opens_one_session_after_the_other_ends_its_own() {
        let sessions = Sessions::new(1, CookieSecurity::Plain);
        let (one, other) = (credential(), credential());
        let kept = sessions.open(other).unwrap();
        for _ in 0..2 * SESSIONS_MAX {
            sessions.open(Arc::clone(&one)).unwrap();
        }
        assert!(sessions.find(pair(&kept).as_bytes()).is_some());
    }

    #[test]
    fn behind_a_proxy_that_speaks_tls_the_cookie_is_secure_when_it_is_set_and_when_it_is_removed() {
        let sessions = Sessions::new(1, CookieSecurity::Secure);
        let cookies = [sessions.open(credential()).unwrap(), sessions.end(b"")];
        for cookie in cookies {
            assert!(cookie.ends_with("; SameSite=Strict; Secure"), "{cookie}");
        }
    }

    #[test]
    fn a_session_that_is_ended_is_gone_and_others_are_not() {
        let sessions = Sessions::new(1, CookieSecurity::Plain);
        let [ended, other] = [(), ()].map(|()| sessions.open(credential()).unwrap());
        let removed = sessions.end(pair(&ended).as_bytes());
        assert!(removed.starts_with("yoi_session_1=; Path=/; Max-Age=0;"));
        assert!(sessions.find(pair(&ended).as_bytes()).is_none());
        assert!(sessions.find(pair(&other).as_bytes()).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_lasts_for_a_working_day() {
        let sessions = Sessions::new(1, CookieSecurity::Plain);
        let cookie = sessions.open(credential()).unwrap();
        tokio::time::advance(SESSION_LIFETIME - Duration::from_millis(1)).await;
        assert!(sessions.find(pair(&cookie).as_bytes()).is_some());
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(sessions.find(pair(&cookie).as_bytes()).is_none());
    }

    proptest! {
        #[test]
        fn no_other_cookie_header_is_a_session_or_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let sessions = Sessions::new(1, CookieSecurity::Plain);
            sessions.open(credential()).unwrap();
            prop_assert!(sessions.find(&bytes).is_none());
            let named = [b"yoi_session_1=", bytes.as_slice()].concat();
            prop_assert!(sessions.find(&named).is_none());
        }
    }
}
