//! Failures of runs in words: what happened, and what to do about it. `docs/failures.md` is the
//! same as a table.

use registry_core::projection::{RunErrorCode, RunErrorDetail, RunOutcome};

use crate::error::RunEnd;
use crate::output::quantity::seconds;

/// Apart from sending a message again, all of the advice is followed where the server runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) cause: &'static str,
    pub(crate) advice: &'static str,
}

/// The run took longer than a run may.
pub(crate) const RUN_TIMED_OUT: Failure = Failure {
    cause: "the run took longer than a run may",
    advice: "ask for less, or allow more with `yoi serve --limit run_time_ms=N`",
};

/// What went wrong in a run that ended like this; `None` when nothing did, or nobody knows.
pub(crate) fn of_end(end: &RunEnd) -> Option<Failure> {
    match (end.error_code, end.outcome) {
        (Some(code), _) => Some(failure(code, end.error_detail)),
        (None, Some(RunOutcome::TimedOut)) => Some(RUN_TIMED_OUT),
        (None, Some(RunOutcome::Completed | RunOutcome::Cancelled | RunOutcome::Failed) | None) => {
            None
        }
    }
}

/// The failure that `code` stands for, as precisely as `detail` says.
pub(crate) fn failure(code: RunErrorCode, detail: Option<RunErrorDetail>) -> Failure {
    let (cause, advice) = detail.map_or_else(|| of_code(code), of_detail);
    Failure { cause, advice }
}

/// When the provider accepts the next request, as the end of a hint.
pub(crate) fn accepts_again(retry_after_s: u64) -> String {
    let wait = seconds(retry_after_s);
    format!("the provider accepts requests again in {wait}")
}

fn of_code(code: RunErrorCode) -> (&'static str, &'static str) {
    match code {
        RunErrorCode::Unauthorized => (
            "the model's provider does not accept the server's key",
            "check the key in the server's YOI_MODEL_KEY_FILE or in the provider's variable, then \
             restart the server",
        ),
        RunErrorCode::QuotaExhausted => (
            "the server's account with the model's provider has no credit or quota left",
            "add credit or raise the quota there, or choose another model",
        ),
        RunErrorCode::RateLimited => (
            "the model's provider asks for fewer requests",
            "wait a little, then send the message again",
        ),
        RunErrorCode::Overloaded => (
            "the model's provider is overloaded, out of memory, or has crashed",
            "send the message again later; a provider of your own may need more memory or a \
             smaller model",
        ),
        RunErrorCode::Unreachable => (
            "the server can't connect to the model's provider",
            "check the server's network, and the host and port in its YOI_MODEL_ENDPOINT",
        ),
        RunErrorCode::ModelUnknown => (
            "the provider does not have this model, or can't chat with it",
            "check the name in the server's YOI_MODEL; a local provider may have to download the \
             model first",
        ),
        RunErrorCode::EndpointWrong => (
            "what responds at the endpoint is not the provider's API",
            "check the host and the path in the server's YOI_MODEL_ENDPOINT",
        ),
        RunErrorCode::RequestRejected => (
            "the model's provider rejects the request",
            "see the provider's words in the server's log line about this run",
        ),
        RunErrorCode::Refused => (
            "a content filter of the provider, or the model, declined to answer",
            "rephrase the message",
        ),
        RunErrorCode::EmptyReply => (
            "the model's reply has no text",
            "send the message again, or choose another model",
        ),
        RunErrorCode::ReplyCutOff => (
            "the connection to the model's provider broke before the reply was whole",
            "send the message again, or ask for the rest of the reply",
        ),
        RunErrorCode::InvalidResponse => (
            "the provider's answer is not of the protocol that the server expects",
            "check the server's YOI_MODEL_ENDPOINT, and write the provider that is there before the \
             model (`ollama::MODEL`)",
        ),
        RunErrorCode::TimedOut => (
            "the model's provider did not answer in time",
            "send the message again; `yoi serve --help` lists the timeouts",
        ),
        RunErrorCode::ContextTooLong => (
            "the message, with the instructions of its profile, is longer than the model's context",
            "shorten it, or choose another profile; for Ollama, raise the server's --model-context-tokens",
        ),
        RunErrorCode::Misconfigured => (
            "the server's settings for the model can't work",
            "see the server's log line about this run, correct the settings, and restart the \
             server",
        ),
        RunErrorCode::Internal => (
            "the engine failed",
            "see the server's log line about this run",
        ),
        RunErrorCode::EnginePanicked => (
            "the engine crashed, which is a defect",
            "see the server's log line about this run, and report it",
        ),
        RunErrorCode::OutputLimit => (
            "the reply is larger than a reply may be; what fits was kept",
            "ask for a shorter reply or for the rest of it, or allow more with \
             `yoi serve --limit output_bytes=N`",
        ),
        RunErrorCode::CapacityExhausted => (
            "the server's memory for conversations is used up; what was written is kept",
            "ask for the rest when other replies have ended, or allow more with \
             `yoi serve --limit total_bytes=N`",
        ),
        RunErrorCode::Interrupted => (
            "the server was stopped or crashed while it replied",
            "send the message again",
        ),
        RunErrorCode::StoreFailed => (
            "the server could not store the end of the reply",
            "see the server's log, and free space if its disk is full; then send the message again",
        ),
    }
}

fn of_detail(detail: RunErrorDetail) -> (&'static str, &'static str) {
    match detail {
        RunErrorDetail::NoKeySent => (
            "the model's endpoint wants a key, and the server has none for it",
            "put this endpoint's key into the server's YOI_MODEL_KEY_FILE, or write the provider \
             before the model (`openai::MODEL`) to use its variable; then restart the server",
        ),
        RunErrorDetail::KeyRefused => (
            "the model's provider refuses the server's key",
            "replace the key in the server's YOI_MODEL_KEY_FILE or in the provider's variable, \
             then restart the server",
        ),
        RunErrorDetail::NameLookup => (
            "the host name of the model's endpoint was not found",
            "check the host in the server's YOI_MODEL_ENDPOINT, and the server's DNS",
        ),
        RunErrorDetail::Connect => (
            "nothing accepts connections at the model's endpoint",
            "is the provider running? check its host and port in the server's YOI_MODEL_ENDPOINT, \
             and the network between them",
        ),
        RunErrorDetail::TlsCertificate => (
            "the certificate of the model's endpoint is not trusted, has expired, or is of \
             another name",
            "add its authority to those the server trusts (SSL_CERT_FILE), or correct the host in \
             its YOI_MODEL_ENDPOINT",
        ),
        RunErrorDetail::TlsHandshake => (
            "the TLS handshake with the model's endpoint failed",
            "should it be http:// instead of https://, or another port? see the server's \
             YOI_MODEL_ENDPOINT",
        ),
        RunErrorDetail::Proxy => (
            "the proxy between the server and the model's provider refused the connection",
            "check HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY where the server starts",
        ),
        RunErrorDetail::ConnectTimeout => (
            "there was no connection to the model's provider in time",
            "check the server's network, or allow more with its --model-connect-timeout-ms",
        ),
        RunErrorDetail::FirstByteTimeout => (
            "the model did not begin to reason or answer in time",
            "a model that has to be loaded may be faster the next time; otherwise allow more with \
             the server's --model-first-byte-timeout-ms",
        ),
        RunErrorDetail::IdleTimeout => (
            "the model stopped in the middle of its reply",
            "send the message again, or allow longer pauses with the server's \
             --model-idle-timeout-ms",
        ),
        RunErrorDetail::ReasoningOnly => (
            "all of the reply's tokens went into reasoning",
            "allow more with the server's --model-max-output-tokens, or ask for less",
        ),
        RunErrorDetail::ToolCallsOnly => (
            "the model called tools, which workers don't have",
            "ask for an answer in words, or choose another model",
        ),
        RunErrorDetail::OutputTokens => (
            "the model does not allow as many output tokens as the server asks for",
            "lower the server's --model-max-output-tokens, or max_output_tokens of the profile",
        ),
    }
}

#[cfg(test)]
mod tests;
