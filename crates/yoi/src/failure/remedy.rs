//! What to do about a run that failed, for each of its error codes.

use registry_core::projection::RunErrorCode;

/// Advice about a run that ended with `code`; all but sending the message again is done where
/// the server runs.
pub(crate) fn remedy(code: RunErrorCode) -> &'static str {
    match code {
        RunErrorCode::Unauthorized => {
            "the model's provider refuses the server's key; set another and restart it"
        }
        RunErrorCode::RateLimited => {
            "the model's provider asks for fewer requests; try again in a moment"
        }
        RunErrorCode::Unreachable => {
            "the server can't reach the model's provider; check its network and endpoint"
        }
        RunErrorCode::TimedOut => {
            "the model's provider did not answer in time; try again, or choose another model"
        }
        RunErrorCode::InvalidResponse => {
            "the model's endpoint speaks another protocol; check the server's YOI_MODEL_ENDPOINT"
        }
        RunErrorCode::Refused => "the model's provider refuses this content; say it otherwise",
        RunErrorCode::Misconfigured => {
            "the server's model settings can't work; check YOI_MODEL, then restart it"
        }
        RunErrorCode::OutputLimit => "ask for a shorter reply, or for the rest of it",
        RunErrorCode::Interrupted => "the server ended; send the message again",
        RunErrorCode::Internal | RunErrorCode::EnginePanicked => {
            "the server's log has more about the run"
        }
    }
}
