//! What clients see of a runtime.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Diagnostic, Limit, WorkerState};
#[cfg(feature = "schema")]
use crate::capability::Capability;
use crate::capability::CapabilitySet;
use crate::id::{ProfileId, RuntimeId};
use crate::text::{DisplayName, FixedText};

/// How a runtime is implemented.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, utoipa::ToSchema))]
pub enum ImplementationKind {
    /// Workers run inside the server's own process.
    Embedded,
    /// Workers are known only from metadata files that older local tooling wrote.
    LocalCompat,
}

impl ImplementationKind {
    /// The name that clients see.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::LocalCompat => "local_compat",
        }
    }
}

/// How well a runtime can answer right now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, utoipa::ToSchema))]
pub enum RuntimeStatus {
    /// Everything works.
    Available,
    /// It answers, but something was left out; the diagnostics say what.
    Degraded,
    /// It fails, or does not answer within its deadline.
    Unavailable,
    /// It is ending: reads still work, new work is refused.
    Stopping,
}

/// What workers of a runtime can reach besides conversation. All `false` today: workers have no tools.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, utoipa::ToSchema))]
pub struct Facilities {
    /// Whether workers may call tools.
    pub tools: bool,
    /// Whether workers may reach the workspace's files.
    pub workspace_fs: bool,
    /// Whether workers may run shell commands.
    pub shell: bool,
    /// Whether workers may run git.
    pub git: bool,
}

/// What answers a runtime's workers: its public name, and nothing of where or how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, utoipa::ToSchema))]
pub struct ModelSummary {
    /// Its public name.
    pub name: DisplayName,
    /// Whether it is the built-in engine, which needs no provider and repeats the input.
    pub offline: bool,
}

/// A profile that workers can be created with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, utoipa::ToSchema))]
pub struct ProfileSummary {
    /// The name to create with.
    pub profile_id: ProfileId,
    /// What it is for.
    pub description: DisplayName,
}

/// How many workers are in each state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, utoipa::ToSchema))]
pub struct WorkersByState {
    /// Workers that wait for an input.
    pub idle: u64,
    /// Workers with an active run.
    pub running: u64,
    /// Workers whose run is being ended.
    pub cancelling: u64,
    /// Workers that accept nothing any more.
    pub stopped: u64,
    /// Workers known only from a record.
    pub recorded: u64,
}

impl WorkersByState {
    /// Each state with its number.
    pub fn iter(&self) -> impl Iterator<Item = (WorkerState, u64)> {
        [
            (WorkerState::Idle, self.idle),
            (WorkerState::Running, self.running),
            (WorkerState::Cancelling, self.cancelling),
            (WorkerState::Stopped, self.stopped),
            (WorkerState::Recorded, self.recorded),
        ]
        .into_iter()
    }
}

/// What a runtime holds at one instant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, utoipa::ToSchema))]
pub struct RuntimeCounts {
    /// Workers by state.
    pub workers: WorkersByState,
    /// Runs that have not ended.
    pub active_runs: u64,
    /// Readers that wait for an event.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(required = true))]
    pub waiting_pollers: u64,
    /// Bytes in use of the runtime's limit on what all its workers hold together; 0 where
    /// there is no such limit.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(required = true))]
    pub held_bytes: u64,
}

/// One runtime, as clients see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, utoipa::ToSchema))]
pub struct RuntimeSummary {
    /// Its name in every path.
    pub runtime_id: RuntimeId,
    /// Its name for people.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub display_name: FixedText,
    /// How it is implemented.
    pub implementation_kind: ImplementationKind,
    /// How well it can answer right now.
    pub status: RuntimeStatus,
    /// What can be asked of it.
    #[cfg_attr(feature = "schema", schema(value_type = BTreeSet<Capability>, max_items = 8))]
    pub capabilities: CapabilitySet,
    /// What its workers can reach.
    pub facilities: Facilities,
    /// What answers its workers; absent where the runtime runs none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(nullable = false))]
    pub model: Option<ModelSummary>,
    /// The profiles that workers can be created with.
    pub profiles: Vec<ProfileSummary>,
    /// Its named bounds.
    pub limits: Vec<Limit>,
    /// What it holds; absent while it is unavailable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(nullable = false))]
    pub counts: Option<RuntimeCounts>,
    /// When status and counts were read.
    pub observed_at: Timestamp,
    /// Remarks about it.
    pub diagnostics: Vec<Diagnostic>,
}
