//! How much of a conversation a model gets: what is configured, until its provider says that a
//! prompt is too long.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// The least that is sent before a provider's word that it is too much is final, in bytes.
const FLOOR_BYTES: usize = 512;
/// How often, with no sign of the opposite, an empty reply is followed by a reply to less of the
/// conversation before that is put down to the context: providers send empty replies for other reasons,
/// too, which must not leave later conversations without their memory.
const SUSPICIONS: u32 = 3;
/// The least that is learned from empty replies: what the smallest models in use take.
const SUSPICION_FLOOR_BYTES: usize = 6 * 1024;
/// Part of the context that is kept for the reply where its limit is larger or not known: a
/// conversation that fills the context to the brim gets replies of a word.
const REPLY_SHARE: u64 = 4;
/// Bytes of a token, where a provider does not say how many tokens were sent: of English text.
const BYTES_PER_TOKEN: usize = 4;

/// What a provider says of a prompt that is too long, as far as it names numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct TooLong {
    /// Tokens that fit.
    pub(crate) limit_tokens: Option<u64>,
    /// Tokens that were sent.
    pub(crate) sent_tokens: Option<u64>,
}

/// Bytes of conversation that one model gets, over all workers. It only ever shrinks: each guess
/// upwards would cost a refused request.
#[derive(Debug)]
pub(crate) struct ContextBudget {
    bytes: AtomicUsize,
    suspicion: Mutex<Suspicion>,
}

/// Empty replies whose prompts may have been too long.
#[derive(Debug, Default)]
struct Suspicion {
    times: u32,
    /// Of the shortest such prompt.
    prompt_bytes: usize,
    /// The most that had a reply in their place.
    fits: usize,
    /// Of the longest prompt that had a reply.
    confirmed: usize,
}

impl ContextBudget {
    pub(crate) fn new(bytes: usize) -> Self {
        Self {
            bytes: AtomicUsize::new(bytes),
            suspicion: Mutex::default(),
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Learns that a prompt of at most these bytes has a reply, and a longer one has none. Only a reply
    /// teaches: a server that refuses everything, or for a while, must not leave later conversations
    /// without their memory.
    pub(crate) fn limit_to(&self, bytes: usize) {
        let bytes = bytes.max(FLOOR_BYTES);
        self.bytes.fetch_min(bytes, Ordering::Relaxed);
    }

    /// Learns that a prompt of these bytes had a reply, so that none of fewer bytes is too long.
    pub(crate) fn confirm(&self, prompt_bytes: usize) {
        let suspicion = self.suspicion.lock();
        let mut suspicion = suspicion.unwrap_or_else(PoisonError::into_inner);
        suspicion.confirmed = suspicion.confirmed.max(prompt_bytes);
        if prompt_bytes >= suspicion.prompt_bytes {
            suspicion.times = 0;
        }
    }

    /// Learns that a prompt of these bytes had an empty reply, and one of at most `fits` another.
    pub(crate) fn suspect(&self, prompt_bytes: usize, fits: usize) {
        let suspicion = self.suspicion.lock();
        let mut suspicion = suspicion.unwrap_or_else(PoisonError::into_inner);
        if prompt_bytes <= suspicion.confirmed.max(SUSPICION_FLOOR_BYTES) {
            return;
        }
        if suspicion.times == 0 {
            (suspicion.prompt_bytes, suspicion.fits) = (prompt_bytes, fits);
        }
        suspicion.times += 1;
        suspicion.prompt_bytes = suspicion.prompt_bytes.min(prompt_bytes);
        suspicion.fits = suspicion.fits.max(fits);
        if suspicion.times >= SUSPICIONS {
            suspicion.times = 0;
            let fits = suspicion.fits.max(suspicion.confirmed);
            self.limit_to(fits.max(SUSPICION_FLOOR_BYTES));
        }
    }
}

/// Bytes that may fit, after a prompt of `sent_bytes` was refused whose reply may have
/// `reply_tokens`; `None` when that is as little as makes sense.
pub(crate) fn smaller(sent_bytes: usize, told: TooLong, reply_tokens: u64) -> Option<usize> {
    let half = sent_bytes / 2;
    let fits = match told {
        TooLong {
            limit_tokens: Some(limit),
            sent_tokens: Some(sent),
        } if limit > 0 && sent > 0 => fitting(sent_bytes, limit, sent, reply_tokens),
        TooLong {
            limit_tokens: Some(limit),
            sent_tokens: None,
        } if limit > 0 => {
            let sent = (sent_bytes / BYTES_PER_TOKEN).max(1) as u64;
            fitting(sent_bytes, limit, sent, reply_tokens)
        }
        _ => half,
    };
    // A number that would change nothing, or nearly nothing, is not the whole story.
    let fits = if fits >= sent_bytes - sent_bytes / 16 {
        half
    } else {
        fits
    };
    Some(fits.max(FLOOR_BYTES)).filter(|fits| *fits < sent_bytes)
}

/// How many of the bytes that are `sent` tokens fit in `limit` tokens beside the reply, with an
/// allowance for texts of which a token has fewer bytes.
fn fitting(sent_bytes: usize, limit: u64, sent: u64, reply_tokens: u64) -> usize {
    let prompt = limit - reply_tokens.min(limit / REPLY_SHARE);
    let bytes = sent_bytes as u128 * u128::from(prompt) / u128::from(sent);
    usize::try_from(bytes * 15 / 16).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_refusal_less_is_sent_by_its_numbers_or_by_half() {
        let told = |limit_tokens, sent_tokens| TooLong {
            limit_tokens,
            sent_tokens,
        };
        for (told, reply_tokens, expected) in [
            (TooLong::default(), 0, 8_000),
            (told(Some(2_000), None), 0, 7_500),
            (told(Some(8_000), None), 0, 8_000),
            (told(Some(0), Some(9)), 0, 8_000),
            // 16,000 bytes were 4,000 tokens, of which 2,000 fit, and 500 are the reply's.
            (told(Some(2_000), Some(4_000)), 0, 7_500),
            (told(Some(2_000), Some(4_000)), 100, 7_125),
            (told(Some(2_000), Some(4_000)), 9_999, 5_625),
            // What was sent fits by its numbers, but it was refused.
            (told(Some(4_000), Some(4_000)), 0, 8_000),
            (told(Some(u64::MAX), Some(1)), 0, 8_000),
            (told(Some(1), Some(u64::MAX)), 0, FLOOR_BYTES),
        ] {
            let fits = smaller(16_000, told, reply_tokens);
            assert_eq!(fits, Some(expected), "{told:?} {reply_tokens}");
        }
    }

    #[test]
    fn a_budget_never_grows_and_has_a_floor() {
        let budget = ContextBudget::new(1_000);
        budget.limit_to(2_000);
        assert_eq!(budget.bytes(), 1_000);
        budget.limit_to(900);
        assert_eq!(budget.bytes(), 900);
        budget.limit_to(1);
        assert_eq!(budget.bytes(), FLOOR_BYTES);
        assert_eq!(smaller(900, TooLong::default(), 0), Some(FLOOR_BYTES));
        assert_eq!(smaller(FLOOR_BYTES, TooLong::default(), 0), None);
    }

    #[test]
    fn empty_replies_teach_when_they_repeat_and_no_longer_prompt_has_a_reply() {
        let budget = ContextBudget::new(100_000);
        for _ in 1..SUSPICIONS {
            budget.suspect(40_000, 20_000);
        }
        budget.confirm(18_000);
        // Those of short prompts say nothing.
        (0..SUSPICIONS).for_each(|_| budget.suspect(18_000, 9_000));
        assert_eq!(budget.bytes(), 100_000);
        budget.suspect(50_000, 25_000);
        assert_eq!(budget.bytes(), 25_000, "the most that had a reply");

        let budget = ContextBudget::new(100_000);
        for _ in 0..2 * SUSPICIONS {
            budget.suspect(40_000, 20_000);
            budget.confirm(40_000);
        }
        assert_eq!(budget.bytes(), 100_000);

        let budget = ContextBudget::new(100_000);
        (0..SUSPICIONS).for_each(|_| budget.suspect(SUSPICION_FLOOR_BYTES, 3_000));
        assert_eq!(budget.bytes(), 100_000);
        (0..SUSPICIONS).for_each(|_| budget.suspect(8_000, 4_000));
        assert_eq!(budget.bytes(), SUSPICION_FLOOR_BYTES);
    }
}
