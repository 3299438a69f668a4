//! A runtime: what its source says of it, and what a client sees.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::capability::CapabilitySet;
use crate::diagnostic::Diagnostic;
use crate::id::{ProfileId, RuntimeId};
use crate::implementation_kind::ImplementationKind;
use crate::limit::Limit;
use crate::text::DisplayName;
use crate::worker_state::WorkersByState;

/// How well a runtime can answer right now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
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
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
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

/// A model that workers can be created with: its public name alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ModelSummary {
    /// Its public name, to create with.
    pub name: DisplayName,
    /// Whether it is the built-in engine, which needs no provider and repeats the input.
    pub offline: bool,
}

/// A profile that workers can be created with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ProfileSummary {
    /// The name to create with.
    pub profile_id: ProfileId,
    /// What it is for.
    pub description: DisplayName,
    /// The model of its workers; absent when it is the runtime's default one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(nullable = false))]
    pub model: Option<DisplayName>,
}

/// What a runtime holds at one instant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RuntimeCounts {
    /// Workers by state.
    pub workers: WorkersByState,
    /// Runs in progress.
    pub active_runs: u64,
    /// Runs that wait until there is a place among those in progress.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(required = true))]
    pub queued_runs: u64,
    /// Readers that wait for an event.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(required = true))]
    pub waiting_pollers: u64,
    /// Bytes in use of the runtime's limit on what all its workers hold together; 0 where
    /// there is no such limit.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(required = true))]
    pub held_bytes: u64,
    /// Workers in memory; others are in the runtime's store alone. 0 where a runtime doesn't count
    /// them.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(required = true))]
    pub resident_workers: u64,
}

/// What never changes about a runtime while it is registered.
#[derive(Debug, Clone)]
pub struct RuntimeDescriptor {
    /// Its id, as in every path.
    pub runtime_id: RuntimeId,
    /// Its name for people.
    pub display_name: DisplayName,
    /// How it is implemented.
    pub implementation_kind: ImplementationKind,
    /// What its workers can reach.
    pub facilities: Facilities,
    /// The models that workers can be created with, the default one first.
    pub models: Vec<ModelSummary>,
    /// Its named bounds.
    pub limits: Vec<Limit>,
}

/// How a runtime is at one instant.
#[derive(Debug, Clone)]
pub struct SourceStatus {
    /// How well it can answer.
    pub status: RuntimeStatus,
    /// What it holds.
    pub counts: RuntimeCounts,
    /// The profiles that workers can be created with now.
    pub profiles: Vec<ProfileSummary>,
    /// Diagnostics about it.
    pub diagnostics: Vec<Diagnostic>,
}

/// One runtime, as clients see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RuntimeSummary {
    /// Its id, as in every path.
    pub runtime_id: RuntimeId,
    /// Its name for people.
    pub display_name: DisplayName,
    /// How it is implemented.
    pub implementation_kind: ImplementationKind,
    /// How well it can answer right now.
    pub status: RuntimeStatus,
    /// What can be asked of it.
    #[cfg_attr(
        feature = "schema",
        schema(value_type = BTreeSet<crate::capability::Capability>, max_items = 10)
    )]
    pub capabilities: CapabilitySet,
    /// What its workers can reach.
    pub facilities: Facilities,
    /// The models that workers can be created with, the default one first.
    pub models: Vec<ModelSummary>,
    /// The profiles that workers can be created with; none while it is unavailable.
    pub profiles: Vec<ProfileSummary>,
    /// Its named bounds.
    pub limits: Vec<Limit>,
    /// What it holds; absent while it is unavailable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(nullable = false))]
    pub counts: Option<RuntimeCounts>,
    /// When status and counts were read.
    pub observed_at: Timestamp,
    /// Diagnostics about it.
    pub diagnostics: Vec<Diagnostic>,
}

impl RuntimeSummary {
    /// What clients see of a runtime; without a status, because its source gave none, it is
    /// unavailable and has no counts.
    pub(crate) fn project(
        runtime: &RuntimeDescriptor,
        capabilities: CapabilitySet,
        status: Result<SourceStatus, Diagnostic>,
        observed_at: Timestamp,
    ) -> Self {
        let (status, counts, profiles, diagnostics) = match status {
            Ok(now) => (now.status, Some(now.counts), now.profiles, now.diagnostics),
            Err(diagnostic) => {
                let unavailable = RuntimeStatus::Unavailable;
                (unavailable, None, Vec::new(), vec![diagnostic])
            }
        };
        let runtime = runtime.clone();
        Self {
            runtime_id: runtime.runtime_id,
            display_name: runtime.display_name,
            implementation_kind: runtime.implementation_kind,
            status,
            capabilities,
            facilities: runtime.facilities,
            models: runtime.models,
            profiles,
            limits: runtime.limits,
            counts,
            observed_at,
            diagnostics,
        }
    }
}
