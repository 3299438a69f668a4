//! One-time codes: a browser page gets its session for one, so that the token never stands in a URL.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::locked::Locked;
use crate::principal::Principal;
use crate::session::oldest_of_most_frequent;
use crate::token::{NoRandomness, Token, random_text};

/// How long a code can be used: as long as a browser takes to start.
pub(crate) const CODE_LIFETIME: Duration = Duration::from_secs(60);

/// Most codes that wait to be used. When there would be more, the oldest of the client with most of
/// them ends.
const CODES_MAX: usize = 32;

/// Bytes of a code: 128 bits, beyond guessing within its time.
const CODE_BYTES: usize = 16;

/// The codes of this server's life that were not used yet. They are kept in memory alone.
#[derive(Default)]
pub(crate) struct SessionCodes(Locked<VecDeque<SessionCode>>);

struct SessionCode {
    secret: Token,
    /// Who asked for it.
    principal: Principal,
    ends_at: Instant,
}

impl SessionCodes {
    /// A new code, which stands for `principal` once.
    pub(crate) fn issue(&self, principal: Principal) -> Result<String, NoRandomness> {
        let code = random_text::<CODE_BYTES>()?;
        let secret = code.parse().expect("random text is a token");
        self.0.with(|codes| {
            let now = Instant::now();
            codes.retain(|code| code.ends_at > now);
            if codes.len() == CODES_MAX {
                let clients = codes.iter().map(|code| code.principal.client());
                let clients = clients.map(|client| client.map(std::ptr::from_ref));
                let clients = clients.collect::<Vec<_>>();
                codes.remove(oldest_of_most_frequent(&clients));
            }
            codes.push_back(SessionCode {
                secret,
                principal,
                ends_at: now + CODE_LIFETIME,
            });
        });
        Ok(code)
    }

    /// Uses up `code`; who asked for it, if it is one that can be used.
    pub(crate) fn redeem(&self, code: &str) -> Option<Principal> {
        self.0.with(|codes| {
            let mut all = codes.iter();
            let at = all.position(|known| known.secret.matches(code.as_bytes()))?;
            let found = codes.remove(at)?;
            (found.ends_at > Instant::now()).then_some(found.principal)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issue(codes: &SessionCodes) -> String {
        codes.issue(Principal::Anybody).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_code_can_be_used_once_and_within_its_time() {
        let codes = SessionCodes::default();
        let (used, late) = (issue(&codes), issue(&codes));
        assert_eq!(used.len(), 22);
        assert!(codes.redeem(&used[1..]).is_none());
        tokio::time::advance(CODE_LIFETIME - Duration::from_millis(1)).await;
        assert!(codes.redeem(&used).is_some());
        assert!(codes.redeem(&used).is_none());
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(codes.redeem(&late).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_code_ends_when_there_are_too_many_and_late_ones_do_not_count() {
        let codes = SessionCodes::default();
        let late = issue(&codes);
        tokio::time::advance(CODE_LIFETIME).await;
        let all: Vec<_> = (0..CODES_MAX).map(|_| issue(&codes)).collect();
        assert!(codes.redeem(&late).is_none());
        let last = issue(&codes);
        assert!(codes.redeem(&all[0]).is_none());
        assert!(codes.redeem(&all[1]).is_some());
        assert!(codes.redeem(&last).is_some());
    }
}
