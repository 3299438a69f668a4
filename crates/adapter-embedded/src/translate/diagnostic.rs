//! What readers of a reply should know of how it came about, and those of a runtime of its store.

use registry_core::projection::{Diagnostic, Severity};
use worker_runtime::store::StoreErrorKind;
use worker_runtime::{RunDiagnostics, StoreStatus};

pub(crate) fn diagnostics(reported: RunDiagnostics) -> Vec<Diagnostic> {
    let RunDiagnostics {
        omitted_entries,
        exchange_truncated,
        reply_cut_short,
        context_window_full,
        content_filtered,
        blank_reply,
    } = reported;
    let mut diagnostics = Vec::new();
    if omitted_entries > 0 {
        let context_truncated = Diagnostic::new(
            "context_truncated",
            Severity::Info,
            "The model did not get the oldest entries of the conversation.",
        );
        let omitted = u32::try_from(omitted_entries).unwrap_or(u32::MAX);
        diagnostics.push(context_truncated.times(omitted));
    }
    let warnings = [
        (
            exchange_truncated,
            "exchange_truncated",
            "The model did not get the middle of the exchange before this message, which is too long for it.",
        ),
        (
            reply_cut_short,
            "reply_cut_short",
            "The reply stops in the middle, at the limit of output tokens.",
        ),
        (
            context_window_full,
            "context_window_full",
            "The reply stops in the middle, because the model's context is full.",
        ),
        (
            content_filtered,
            "content_filtered",
            "The reply stops in the middle, because the provider's content filter withheld the rest.",
        ),
        (
            blank_reply,
            "blank_reply",
            "The reply is nothing but white space.",
        ),
    ];
    let reported = warnings.into_iter().filter(|(reported, _, _)| *reported);
    diagnostics.extend(
        reported.map(|(_, code, message)| Diagnostic::new(code, Severity::Warning, message)),
    );
    diagnostics
}

/// What is wrong with the store of a runtime.
pub(crate) fn store_diagnostics(store: StoreStatus) -> Vec<Diagnostic> {
    let failure = store.failure.map(|kind| {
        let message = match kind {
            StoreErrorKind::Full => {
                "There is no space left to keep conversations: nothing new is accepted until there is."
            }
            StoreErrorKind::Failed => {
                "Conversations can not be kept: nothing new is accepted until they can."
            }
            StoreErrorKind::Lost => {
                "The store of the conversations is gone: nothing new is accepted without it."
            }
        };
        Diagnostic::new(kind.as_str(), Severity::Error, message)
    });
    let unreadable = u32::try_from(store.unreadable_workers).unwrap_or(u32::MAX);
    let unreadable = (unreadable > 0).then(|| {
        let message = "A worker in the store can not be read, and is not shown.";
        Diagnostic::new("store_unreadable_worker", Severity::Warning, message).times(unreadable)
    });
    failure.into_iter().chain(unreadable).collect()
}
