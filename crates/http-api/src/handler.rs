//! What carries each operation out: take what was asked for apart, ask the registry once,
//! answer with what it said. Where that may take long, the request is dropped before: nothing
//! of it must be held while a run ends or a poll waits.

mod conversation;
mod runtime;
mod server;
mod worker;

use http::{HeaderName, HeaderValue, StatusCode};
use registry_core::port::Replay;
use serde::Serialize;

use crate::answer::Answer;
use crate::api::Api;
use crate::extract::Asked;
use crate::problem::{EdgeRefusal, Refusal};
use crate::routes::OperationId;
use crate::wire::MEDIA_TYPE_JSON;
use crate::wire::header::IDEMPOTENCY_REPLAYED;

/// Does what was asked for.
pub(crate) async fn carry_out(
    api: &Api,
    operation: OperationId,
    asked: Asked<'_>,
) -> Result<Answer, Refusal> {
    match operation {
        OperationId::GetWorkspace => server::workspace(api),
        OperationId::CreateSession => server::create_session(api, &asked),
        OperationId::GetHealth => server::health(),
        OperationId::GetReadiness => server::readiness(api),
        OperationId::GetMetrics => Ok(server::metrics(api).await),
        OperationId::GetOpenapi => Ok(server::document(api)),
        OperationId::ListRuntimes => runtime::list(api).await,
        OperationId::GetRuntime => runtime::get(api, &asked).await,
        OperationId::ListRuntimeWorkers => worker::list_of_runtime(api, &asked).await,
        OperationId::ListWorkers => worker::list(api, &asked).await,
        OperationId::CreateWorker => worker::create(api, asked).await,
        OperationId::GetWorker => worker::get(api, &asked).await,
        OperationId::StopWorker => worker::stop(api, asked).await,
        OperationId::SendInput => conversation::send_input(api, asked).await,
        OperationId::CancelRun => conversation::cancel(api, asked).await,
        OperationId::ReadTranscript => conversation::transcript(api, &asked).await,
        OperationId::ReadEvents => conversation::events(api, asked).await,
    }
}

/// Room for one worker, in bytes.
const BYTES_OF_ONE: usize = 1_024;
/// Room for what a page has besides its items, in bytes.
const BYTES_OF_PAGE: usize = 256;

/// An answer with one of what writes itself: a worker, or what was done to it.
fn json(status: StatusCode, body: &impl Serialize) -> Answer {
    json_of(status, body, BYTES_OF_ONE)
}

/// The same with what is probably not longer than `expected_bytes`.
fn json_of(status: StatusCode, body: &impl Serialize, expected_bytes: usize) -> Answer {
    let mut bytes = Vec::with_capacity(expected_bytes);
    serde_json::to_writer(&mut bytes, body).expect("a projection serialises");
    Answer::whole(status, MEDIA_TYPE_JSON, bytes)
}

/// An answer with anything else.
fn serialised(status: StatusCode, body: &impl Serialize) -> Result<Answer, Refusal> {
    let bytes = serde_json::to_vec(body).map_err(|error| {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "answer does not serialise"
        );
        EdgeRefusal::Internal
    })?;
    Ok(Answer::whole(status, MEDIA_TYPE_JSON, bytes))
}

/// Says on the answer that it was given before.
fn mark(mut answer: Answer, replay: Replay) -> Answer {
    match replay {
        Replay::First => {}
        Replay::Replayed => {
            let name = HeaderName::from_static(IDEMPOTENCY_REPLAYED);
            let value = HeaderValue::from_static("true");
            answer.say(name, value);
        }
    }
    answer
}
