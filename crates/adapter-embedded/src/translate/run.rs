//! How runs end: outcomes, error codes and usage.

use registry_core::projection;
use worker_runtime as runtime;

pub(crate) fn outcome(outcome: runtime::RunOutcome) -> projection::RunOutcome {
    match outcome {
        runtime::RunOutcome::Completed => projection::RunOutcome::Completed,
        runtime::RunOutcome::Cancelled => projection::RunOutcome::Cancelled,
        runtime::RunOutcome::Failed => projection::RunOutcome::Failed,
        runtime::RunOutcome::TimedOut => projection::RunOutcome::TimedOut,
    }
}

pub(crate) fn error_code(code: runtime::RunErrorCode) -> projection::RunErrorCode {
    use runtime::{EngineErrorKind as Engine, RunErrorCode as Code};
    match code {
        Code::Engine(Engine::Unauthorized) => projection::RunErrorCode::Unauthorized,
        Code::Engine(Engine::RateLimited) => projection::RunErrorCode::RateLimited,
        Code::Engine(Engine::Unreachable) => projection::RunErrorCode::Unreachable,
        Code::Engine(Engine::TimedOut) => projection::RunErrorCode::TimedOut,
        Code::Engine(Engine::InvalidResponse) => projection::RunErrorCode::InvalidResponse,
        Code::Engine(Engine::Refused) => projection::RunErrorCode::Refused,
        Code::Engine(Engine::Misconfigured) => projection::RunErrorCode::Misconfigured,
        Code::Engine(Engine::Internal) => projection::RunErrorCode::Internal,
        Code::EnginePanicked => projection::RunErrorCode::EnginePanicked,
        Code::OutputLimit => projection::RunErrorCode::OutputLimit,
        Code::Interrupted => projection::RunErrorCode::Interrupted,
    }
}

pub(crate) fn usage(usage: runtime::Usage) -> projection::Usage {
    projection::Usage {
        input_tokens: usage.input_tokens,
        output_tokens: usage.output_tokens,
    }
}
