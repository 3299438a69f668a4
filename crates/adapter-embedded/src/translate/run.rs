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

/// Why a run failed, as its event and the worker state it.
#[derive(Default)]
pub(crate) struct TranslatedError {
    pub(crate) code: Option<projection::RunErrorCode>,
    pub(crate) detail: Option<projection::RunErrorDetail>,
    pub(crate) retry_after_s: Option<u64>,
}

pub(crate) fn error(error: Option<runtime::RunError>) -> TranslatedError {
    error.map_or_else(TranslatedError::default, |error| TranslatedError {
        code: Some(error_code(error.code)),
        detail: error.detail.map(error_detail),
        // Rounded up: an earlier request would be refused.
        retry_after_s: error
            .retry_after
            .map(|delay| delay.as_millis().div_ceil(1_000))
            .map(|seconds| u64::try_from(seconds).unwrap_or(u64::MAX)),
    })
}

fn error_code(code: runtime::RunErrorCode) -> projection::RunErrorCode {
    match code {
        runtime::RunErrorCode::Engine(kind) => engine_error_code(kind),
        runtime::RunErrorCode::EnginePanicked => projection::RunErrorCode::EnginePanicked,
        runtime::RunErrorCode::OutputLimit => projection::RunErrorCode::OutputLimit,
        runtime::RunErrorCode::CapacityExhausted => projection::RunErrorCode::CapacityExhausted,
        runtime::RunErrorCode::Interrupted => projection::RunErrorCode::Interrupted,
        runtime::RunErrorCode::StoreFailed => projection::RunErrorCode::StoreFailed,
    }
}

pub(crate) fn engine_error_code(kind: runtime::EngineErrorKind) -> projection::RunErrorCode {
    use projection::RunErrorCode as Code;
    use runtime::EngineErrorKind as Kind;
    match kind {
        Kind::Unauthorized => Code::Unauthorized,
        Kind::QuotaExhausted => Code::QuotaExhausted,
        Kind::RateLimited => Code::RateLimited,
        Kind::Overloaded => Code::Overloaded,
        Kind::Unreachable => Code::Unreachable,
        Kind::ModelUnknown => Code::ModelUnknown,
        Kind::EndpointWrong => Code::EndpointWrong,
        Kind::RequestRejected => Code::RequestRejected,
        Kind::Refused => Code::Refused,
        Kind::EmptyReply => Code::EmptyReply,
        Kind::ReplyCutOff => Code::ReplyCutOff,
        Kind::InvalidResponse => Code::InvalidResponse,
        Kind::TimedOut => Code::TimedOut,
        Kind::ContextTooLong => Code::ContextTooLong,
        Kind::Misconfigured => Code::Misconfigured,
        Kind::Internal => Code::Internal,
    }
}

fn error_detail(detail: runtime::ErrorDetail) -> projection::RunErrorDetail {
    use projection::RunErrorDetail as Projected;
    use runtime::ErrorDetail as Detail;
    match detail {
        Detail::NoKeySent => Projected::NoKeySent,
        Detail::KeyRefused => Projected::KeyRefused,
        Detail::NameLookup => Projected::NameLookup,
        Detail::Connect => Projected::Connect,
        Detail::TlsCertificate => Projected::TlsCertificate,
        Detail::TlsHandshake => Projected::TlsHandshake,
        Detail::Proxy => Projected::Proxy,
        Detail::ConnectTimeout => Projected::ConnectTimeout,
        Detail::FirstByteTimeout => Projected::FirstByteTimeout,
        Detail::IdleTimeout => Projected::IdleTimeout,
        Detail::ReasoningOnly => Projected::ReasoningOnly,
        Detail::ToolCallsOnly => Projected::ToolCallsOnly,
        Detail::OutputTokens => Projected::OutputTokens,
    }
}

/// None when the engine said nothing that is known now.
pub(crate) fn usage(usage: runtime::Usage) -> Option<projection::Usage> {
    (usage != runtime::Usage::default()).then_some(projection::Usage {
        input_tokens: usage.input_tokens,
        output_tokens: usage.output_tokens,
    })
}

pub(crate) fn usage_totals(totals: runtime::UsageTotals) -> projection::UsageTotals {
    // A run reads and writes at least one token: a sum of none with runs that it lacks says nothing.
    let known = |sum: u64| Some(sum).filter(|sum| *sum > 0 || totals.incomplete_runs == 0);
    projection::UsageTotals {
        input_tokens: known(totals.input_tokens),
        output_tokens: known(totals.output_tokens),
        incomplete_runs: totals.incomplete_runs,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_that_is_not_known_is_absent() {
        let nothing_said = runtime::Usage::default();
        assert_eq!(usage(nothing_said), None);
        for (sums, incomplete_runs, shown) in [
            ((0, 0), 0, (Some(0), Some(0))),
            ((0, 0), 2, (None, None)),
            ((0, 7), 1, (None, Some(7))),
            ((5, 7), 1, (Some(5), Some(7))),
        ] {
            let totals = usage_totals(runtime::UsageTotals {
                input_tokens: sums.0,
                output_tokens: sums.1,
                incomplete_runs,
            });
            assert_eq!((totals.input_tokens, totals.output_tokens), shown);
        }
    }
}
