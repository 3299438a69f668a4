//! Runtimes as the text of answers.

use super::{
    Facilities, ModelSummary, ProfileSummary, RuntimeCounts, RuntimeStatus, RuntimeSummary,
    WorkersByState,
};
use crate::json::{JsonText, WriteJson};

impl WriteJson for RuntimeSummary {
    fn write_json(&self, json: &mut JsonText) {
        json.piece(r#"{"runtime_id":""#);
        json.clean(self.runtime_id.as_str());
        json.piece(r#"","display_name":""#);
        json.escaped(self.display_name.as_str());
        json.piece(r#"","implementation_kind":""#);
        json.clean(self.implementation_kind.as_str());
        json.piece(r#"","status":"#);
        self.status.write_json(json);
        json.piece(r#","capabilities":"#);
        json.capabilities(self.capabilities);
        json.piece(r#","facilities":"#);
        self.facilities.write_json(json);
        if let Some(model) = &self.model {
            json.piece(r#","model":"#);
            model.write_json(json);
        }
        json.piece(r#","profiles":"#);
        json.list(&self.profiles);
        json.piece(r#","limits":"#);
        json.list(&self.limits);
        if let Some(counts) = &self.counts {
            json.piece(r#","counts":"#);
            counts.write_json(json);
        }
        json.piece(r#","observed_at":""#);
        json.instant(self.observed_at);
        json.piece(r#"","diagnostics":"#);
        json.list(&self.diagnostics);
        json.piece("}");
    }
}

impl WriteJson for RuntimeStatus {
    fn write_json(&self, json: &mut JsonText) {
        json.piece(match self {
            Self::Available => r#""available""#,
            Self::Degraded => r#""degraded""#,
            Self::Unavailable => r#""unavailable""#,
            Self::Stopping => r#""stopping""#,
        });
    }
}

impl WriteJson for Facilities {
    fn write_json(&self, json: &mut JsonText) {
        json.piece(r#"{"tools":"#);
        json.truth(self.tools);
        json.piece(r#","workspace_fs":"#);
        json.truth(self.workspace_fs);
        json.piece(r#","shell":"#);
        json.truth(self.shell);
        json.piece(r#","git":"#);
        json.truth(self.git);
        json.piece("}");
    }
}

impl WriteJson for ModelSummary {
    fn write_json(&self, json: &mut JsonText) {
        json.piece(r#"{"name":""#);
        json.escaped(self.name.as_str());
        json.piece(r#"","offline":"#);
        json.truth(self.offline);
        json.piece("}");
    }
}

impl WriteJson for ProfileSummary {
    fn write_json(&self, json: &mut JsonText) {
        json.piece(r#"{"profile_id":""#);
        json.clean(self.profile_id.as_str());
        json.piece(r#"","description":""#);
        json.escaped(self.description.as_str());
        json.piece(r#""}"#);
    }
}

impl WriteJson for RuntimeCounts {
    fn write_json(&self, json: &mut JsonText) {
        json.piece(r#"{"workers":"#);
        self.workers.write_json(json);
        json.piece(r#","active_runs":"#);
        json.number(self.active_runs);
        json.piece(r#","waiting_pollers":"#);
        json.number(self.waiting_pollers);
        json.piece(r#","held_bytes":"#);
        json.number(self.held_bytes);
        json.piece("}");
    }
}

impl WriteJson for WorkersByState {
    fn write_json(&self, json: &mut JsonText) {
        json.piece(r#"{"idle":"#);
        json.number(self.idle);
        json.piece(r#","running":"#);
        json.number(self.running);
        json.piece(r#","cancelling":"#);
        json.number(self.cancelling);
        json.piece(r#","stopped":"#);
        json.number(self.stopped);
        json.piece(r#","recorded":"#);
        json.number(self.recorded);
        json.piece("}");
    }
}
