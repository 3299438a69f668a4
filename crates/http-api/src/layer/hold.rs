//! Answers on their way out: what large ones hold until they are sent is bounded over all
//! connections.

use crate::answer::Answer;
use crate::api::Api;
use crate::problem::EdgeRefusal;
use crate::wire::limit::ANSWER_BYTES;

/// Counts an answer that may be large until it is sent, or refuses it when too much waits
/// already. Not for writes: what they answer is small, and must not be refused once they are
/// done.
pub(super) fn hold(api: &Api, mut answer: Answer) -> Result<Answer, EdgeRefusal> {
    let limit = ANSWER_BYTES;
    let held = api.answer_bytes().hold(answer.body);
    answer.body = held.ok_or(EdgeRefusal::CapacityExhausted { limit })?;
    Ok(answer)
}
