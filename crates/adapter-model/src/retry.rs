//! Whether and when a failed request is sent again.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::header::{HeaderMap, RETRY_AFTER};

/// How often, and after which delays, a failed request is sent again. Requests are only
/// repeated until the first text of a reply was forwarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts per request, the first one included (default: 4). Zero counts as one.
    pub max_attempts: u32,
    /// Upper bound of the first delay (default: 500 ms). It doubles with every attempt.
    pub base_delay: Duration,
    /// Upper bound of every delay that the provider didn't ask for (default: 8 s).
    pub max_delay: Duration,
    /// Longest `Retry-After` that is honoured (default: 30 s). A provider that asks for more
    /// is not asked again: it would refuse an earlier attempt, and a person shouldn't wait
    /// longer without a reply.
    pub max_retry_after: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_attempts: 4,
            base_delay: Duration::from_millis(500),
            max_delay: Duration::from_secs(8),
            max_retry_after: Duration::from_secs(30),
        }
    }
}

/// What an error says about sending the same request again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RetryHint {
    /// It would fail the same way.
    Never,
    Backoff,
    /// At once, but not a second time.
    Once,
    /// The provider asked for this delay.
    After(Duration),
}

impl RetryPolicy {
    /// The delay before the next attempt, or `None` if there is to be no other.
    ///
    /// Delays grow exponentially with full jitter (Brooker, "Exponential Backoff And
    /// Jitter", AWS Architecture Blog, 2015).
    pub(crate) fn delay(
        &self,
        attempts_made: u32,
        hint: RetryHint,
        jitter: Jitter,
    ) -> Option<Duration> {
        if attempts_made >= self.max_attempts {
            return None;
        }
        match hint {
            RetryHint::Never => None,
            RetryHint::Once => (attempts_made == 1).then_some(Duration::ZERO),
            // Some providers ask for no delay whatever the load.
            RetryHint::After(delay) => (delay <= self.max_retry_after)
                .then(|| delay.max(self.backoff(attempts_made, jitter))),
            RetryHint::Backoff => Some(self.backoff(attempts_made, jitter)),
        }
    }

    fn backoff(&self, attempts_made: u32, jitter: Jitter) -> Duration {
        let factor = 2_u32.saturating_pow(attempts_made.saturating_sub(1));
        let bound = self.base_delay.saturating_mul(factor);
        bound.min(self.max_delay).mul_f64(jitter.0)
    }
}

/// A factor from 0 to 1, both included.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Jitter(f64);

impl Jitter {
    /// A random factor; 1 if the operating system gives no random number.
    pub(crate) fn random() -> Self {
        let number = getrandom::u32().unwrap_or(u32::MAX);
        Self(f64::from(number) / f64::from(u32::MAX))
    }
}

/// The delay in a `Retry-After` header, in seconds or until a date (RFC 9110 §10.2.3), or in the
/// `retry-after-ms` of OpenAI and Azure, which is more exact. A date in the past is a delay of zero.
pub(crate) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = |name: &str| Some(headers.get(name)?.to_str().ok()?.trim());
    if let Some(millis) = text("retry-after-ms").and_then(number) {
        return Some(seconds(millis / 1_000.0));
    }
    let text = text(RETRY_AFTER.as_str())?;
    if let Some(number) = number(text) {
        return Some(seconds(number));
    }
    let date = rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Duration::try_from(date.duration_since(now)).unwrap_or(Duration::ZERO))
}

/// A number without sign and exponent. The standard knows whole seconds alone; providers send parts of
/// them.
fn number(text: &str) -> Option<f64> {
    let is_number = text.starts_with(|it: char| it.is_ascii_digit())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.');
    text.parse().ok().filter(|_| is_number)
}

/// A number that doesn't fit is longer than any limit.
fn seconds(number: f64) -> Duration {
    Duration::try_from_secs_f64(number).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RetryPolicy = RetryPolicy {
        max_attempts: 4,
        base_delay: Duration::from_millis(100),
        max_delay: Duration::from_millis(300),
        max_retry_after: Duration::from_secs(30),
    };

    #[test]
    fn delays_double_up_to_their_bound_and_end_with_the_attempts() {
        let millis = |number| Some(Duration::from_millis(number));
        for (attempts_made, jitter, expected) in [
            (1, 1.0, millis(100)),
            (2, 1.0, millis(200)),
            (3, 1.0, millis(300)),
            (2, 0.25, millis(50)),
            (2, 0.0, millis(0)),
            (4, 0.5, None),
        ] {
            let delay = POLICY.delay(attempts_made, RetryHint::Backoff, Jitter(jitter));
            assert_eq!(delay, expected, "{attempts_made} {jitter}");
        }
        let endless = RetryPolicy {
            max_attempts: u32::MAX,
            ..POLICY
        };
        let late = endless.delay(1_000, RetryHint::Backoff, Jitter(1.0));
        assert_eq!(late, millis(300));
    }

    #[test]
    fn a_requested_delay_is_kept_or_there_is_no_other_attempt() {
        let delay = |asked| POLICY.delay(1, RetryHint::After(asked), Jitter(1.0));
        let (fits, too_long) = (Duration::from_secs(30), Duration::from_secs(31));
        assert_eq!(delay(fits), Some(fits));
        assert_eq!(delay(too_long), None);
        // Without a delay a busy provider would be asked all times at once.
        assert_eq!(delay(Duration::ZERO), Some(POLICY.base_delay));
        assert_eq!(POLICY.delay(1, RetryHint::Never, Jitter(0.0)), None);
    }

    #[test]
    fn retry_after_is_read_in_seconds_or_as_a_date() {
        let now: Timestamp = "1994-11-06T08:49:00Z".parse().unwrap();
        let read = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().unwrap());
            retry_after(&headers, now)
        };
        let secs = |number| Some(Duration::from_secs(number));
        assert_eq!(read("7"), secs(7));
        assert_eq!(read("2.5"), Some(Duration::from_millis(2_500)));
        assert_eq!(read("99999999999999999999999"), Some(Duration::MAX));
        assert_eq!(read("Sun, 06 Nov 1994 08:49:37 GMT"), secs(37));
        assert_eq!(read("Sun, 06 Nov 1994 08:48:00 GMT"), secs(0));
        for invalid in ["", "soon", "-1", "1.5.2", "1e3", ".", "inf"] {
            assert_eq!(read(invalid), None, "{invalid}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, "30".parse().unwrap());
        headers.insert("retry-after-ms", "25500".parse().unwrap());
        let exact = Some(Duration::from_millis(25_500));
        assert_eq!(retry_after(&headers, now), exact);
    }
}
