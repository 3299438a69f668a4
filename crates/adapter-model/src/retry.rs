//! When a request that failed is tried again.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::header::{HeaderMap, RETRY_AFTER};

use crate::fault::Retry;

/// How often one request is sent at most, the first time included.
pub const ATTEMPTS: u32 = 4;
/// The upper bound of the first pause; it doubles with each further one.
pub const BASE_PAUSE: Duration = Duration::from_millis(500);
/// The upper bound of every pause that the provider didn't ask for.
pub const MAX_PAUSE: Duration = Duration::from_secs(8);
/// The longest pause a provider may ask for. One that asks for more is not asked again:
/// sooner it would refuse, and nobody waits in front of a silent worker for longer.
pub const RETRY_AFTER_CAP: Duration = Duration::from_secs(30);

/// How often, and after which pauses, a request that failed is tried again. Only before
/// the first piece of a reply was passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// See [`ATTEMPTS`]. Zero counts as one.
    pub attempts: u32,
    /// See [`BASE_PAUSE`].
    pub base_pause: Duration,
    /// See [`MAX_PAUSE`].
    pub max_pause: Duration,
    /// See [`RETRY_AFTER_CAP`].
    pub retry_after_cap: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: ATTEMPTS,
            base_pause: BASE_PAUSE,
            max_pause: MAX_PAUSE,
            retry_after_cap: RETRY_AFTER_CAP,
        }
    }
}

impl RetryPolicy {
    /// The pause before the next attempt, after `made` attempts; none if there is to be
    /// no other.
    ///
    /// Pauses are exponential with full jitter: any length up to the bound is as likely
    /// (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
    pub(crate) fn pause(&self, made: u32, retry: Retry, random: Random) -> Option<Duration> {
        if made >= self.attempts {
            return None;
        }
        match retry {
            Retry::No => None,
            Retry::After(asked) => (asked <= self.retry_after_cap).then_some(asked),
            Retry::Backoff => {
                let doubled = 2_u32.saturating_pow(made.saturating_sub(1));
                let bound = self.base_pause.saturating_mul(doubled);
                Some(bound.min(self.max_pause).mul_f64(random.0))
            }
        }
    }
}

/// A number from 0 to 1, both included.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Random(f64);

impl Random {
    /// From the operating system. Without any, pauses are as long as they can be.
    pub(crate) fn draw() -> Self {
        let drawn = getrandom::u32().unwrap_or(u32::MAX);
        Self(f64::from(drawn) / f64::from(u32::MAX))
    }
}

/// The pause that a provider asks for, in seconds or until a date (RFC 9110 §10.2.3). A
/// date in the past asks for none.
pub(crate) fn asked_pause(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() {
        // Seconds beyond any number are still beyond any cap.
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let at = rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RetryPolicy = RetryPolicy {
        attempts: 4,
        base_pause: Duration::from_millis(100),
        max_pause: Duration::from_millis(300),
        retry_after_cap: Duration::from_secs(30),
    };

    #[test]
    fn pauses_double_up_to_their_bound_and_end_with_the_attempts() {
        let pause = |made, random| POLICY.pause(made, Retry::Backoff, Random(random));
        let millis = |number| Some(Duration::from_millis(number));
        assert_eq!(pause(1, 1.0), millis(100));
        assert_eq!(pause(2, 1.0), millis(200));
        assert_eq!(pause(3, 1.0), millis(300));
        assert_eq!(pause(2, 0.25), millis(50));
        assert_eq!(pause(2, 0.0), millis(0));
        assert_eq!(pause(4, 0.5), None);
        let endless = RetryPolicy {
            attempts: u32::MAX,
            ..POLICY
        };
        let late = endless.pause(1_000, Retry::Backoff, Random(1.0));
        assert_eq!(late, millis(300));
    }

    #[test]
    fn the_pause_asked_for_is_kept_exactly_or_not_at_all() {
        let pause = |asked| POLICY.pause(1, Retry::After(asked), Random(0.0));
        let (fits, too_long) = (Duration::from_secs(30), Duration::from_secs(31));
        assert_eq!(pause(fits), Some(fits));
        assert_eq!(pause(too_long), None);
        assert_eq!(POLICY.pause(1, Retry::No, Random(0.0)), None);
    }

    #[test]
    fn a_pause_is_asked_for_in_seconds_or_until_a_date() {
        let now: Timestamp = "1994-11-06T08:49:00Z".parse().unwrap();
        let asked = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().unwrap());
            asked_pause(&headers, now)
        };
        let secs = |number| Some(Duration::from_secs(number));
        assert_eq!(asked("7"), secs(7));
        assert_eq!(asked("99999999999999999999999"), secs(u64::MAX));
        assert_eq!(asked("Sun, 06 Nov 1994 08:49:37 GMT"), secs(37));
        assert_eq!(asked("Sun, 06 Nov 1994 08:48:00 GMT"), secs(0));
        for nonsense in ["", "soon", "-1", "1.5"] {
            assert_eq!(asked(nonsense), None, "{nonsense}");
        }
        assert_eq!(asked_pause(&HeaderMap::new(), now), None);
    }
}
