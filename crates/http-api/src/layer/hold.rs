//! Answers on their way out: what large ones hold until they are sent is bounded over all
//! connections.

use crate::api::Api;
use crate::handler::Answer;
use crate::problem::EdgeRefusal;
use crate::wire::limit::ANSWER_BYTES;

/// Counts an answer that may be large until it is sent, or refuses it when too much waits
/// already. Not for writes: what they answer is small, and must not be refused once they are
/// done.
pub(super) fn hold(api: &Api, answer: Answer) -> Result<Answer, EdgeRefusal> {
    let (head, bytes) = answer.into_parts();
    let limit = ANSWER_BYTES;
    let held = api.answer_bytes().hold(bytes);
    let bytes = held.ok_or(EdgeRefusal::CapacityExhausted { limit })?;
    Ok(Answer::from_parts(head, bytes))
}
