//! Workers as the text of answers.

use super::{
    AcceptedInput, ConversationSummary, LastRun, RunErrorCode, RunOutcome, TranscriptBounds, Usage,
    WorkerDetail, WorkerPage, WorkerSummary,
};
use crate::json::{JsonText, WriteJson};

impl WorkerSummary {
    /// Its fields, with the bracket before them.
    #[inline(always)]
    fn write_fields(&self, json: &mut JsonText) {
        json.piece(r#"{"runtime_id":""#);
        json.clean(self.runtime_id.as_str());
        json.piece(r#"","worker_id":""#);
        json.clean(self.worker_id.as_str());
        json.piece(r#"","display_ref":""#);
        json.clean(self.worker_id.as_str());
        json.piece("@");
        json.clean(self.runtime_id.as_str());
        json.piece(r#"","display_name":""#);
        json.escaped(self.display_name.as_str());
        json.piece(r#"","implementation_kind":""#);
        json.clean(self.implementation_kind.as_str());
        if let Some(profile) = &self.profile {
            json.piece(r#"","profile":""#);
            json.clean(profile.as_str());
        }
        json.piece(r#"","state":""#);
        json.clean(self.state.as_str());
        if let Some(active_run) = &self.active_run {
            json.piece(r#"","active_run":""#);
            json.clean(active_run.as_str());
        }
        if let Some(created_at) = self.created_at {
            json.piece(r#"","created_at":""#);
            json.instant(created_at);
        }
        if let Some(last_activity_at) = self.last_activity_at {
            json.piece(r#"","last_activity_at":""#);
            json.instant(last_activity_at);
        }
        json.piece(r#"","capabilities":"#);
        json.capabilities(self.capabilities);
        json.piece(r#","diagnostics":"#);
        json.list(&self.diagnostics);
    }
}

impl WriteJson for WorkerSummary {
    fn write_json(&self, json: &mut JsonText) {
        self.write_fields(json);
        json.piece("}");
    }
}

impl WriteJson for WorkerDetail {
    fn write_json(&self, json: &mut JsonText) {
        self.summary.write_fields(json);
        if let Some(conversation) = &self.conversation {
            json.piece(r#","conversation":"#);
            conversation.write_json(json);
        }
        json.piece("}");
    }
}

impl WriteJson for WorkerPage {
    fn write_json(&self, json: &mut JsonText) {
        json.piece(r#"{"items":"#);
        json.list(&self.items);
        if let Some(next_page_token) = &self.next_page_token {
            json.piece(r#","next_page_token":""#);
            json.clean(&next_page_token.to_string());
            json.piece("\"");
        }
        json.piece(r#","diagnostics":"#);
        json.list(&self.diagnostics);
        json.piece("}");
    }
}

impl WriteJson for ConversationSummary {
    fn write_json(&self, json: &mut JsonText) {
        json.piece(r#"{"transcript":"#);
        self.transcript.write_json(json);
        json.piece(r#","latest_cursor":""#);
        json.cursor(self.latest_cursor);
        json.piece(r#"","usage":"#);
        self.usage.write_json(json);
        if let Some(last_run) = &self.last_run {
            json.piece(r#","last_run":"#);
            last_run.write_json(json);
        }
        json.piece("}");
    }
}

impl WriteJson for TranscriptBounds {
    fn write_json(&self, json: &mut JsonText) {
        json.piece(r#"{"entries":"#);
        json.number(self.entries);
        json.number_if_any(r#","first_sequence":"#, self.first_sequence);
        json.number_if_any(r#","last_sequence":"#, self.last_sequence);
        json.piece("}");
    }
}

impl WriteJson for Usage {
    fn write_json(&self, json: &mut JsonText) {
        json.piece(r#"{"input_tokens":"#);
        json.number(self.input_tokens);
        json.piece(r#","output_tokens":"#);
        json.number(self.output_tokens);
        json.piece("}");
    }
}

impl WriteJson for LastRun {
    fn write_json(&self, json: &mut JsonText) {
        json.piece(r#"{"run_id":""#);
        json.clean(self.run_id.as_str());
        json.piece(r#"","outcome":"#);
        self.outcome.write_json(json);
        if let Some(error_code) = self.error_code {
            json.piece(r#","error_code":"#);
            error_code.write_json(json);
        }
        json.piece(r#","finished_at":""#);
        json.instant(self.finished_at);
        json.piece(r#""}"#);
    }
}

impl WriteJson for RunOutcome {
    fn write_json(&self, json: &mut JsonText) {
        json.piece(match self {
            Self::Completed => r#""completed""#,
            Self::Cancelled => r#""cancelled""#,
            Self::Failed => r#""failed""#,
            Self::TimedOut => r#""timed_out""#,
        });
    }
}

impl WriteJson for RunErrorCode {
    fn write_json(&self, json: &mut JsonText) {
        json.piece(match self {
            Self::Unauthorized => r#""unauthorized""#,
            Self::RateLimited => r#""rate_limited""#,
            Self::Unreachable => r#""unreachable""#,
            Self::TimedOut => r#""timed_out""#,
            Self::InvalidResponse => r#""invalid_response""#,
            Self::Refused => r#""refused""#,
            Self::Misconfigured => r#""misconfigured""#,
            Self::Internal => r#""internal""#,
            Self::EnginePanicked => r#""engine_panicked""#,
            Self::OutputLimit => r#""output_limit""#,
            Self::Interrupted => r#""interrupted""#,
        });
    }
}

impl WriteJson for AcceptedInput {
    fn write_json(&self, json: &mut JsonText) {
        json.piece(r#"{"run_id":""#);
        json.clean(self.run_id.as_str());
        json.piece(r#"","sequence":"#);
        json.number(self.sequence);
        json.piece(r#","cursor":""#);
        json.cursor(self.cursor);
        json.piece(r#""}"#);
    }
}
