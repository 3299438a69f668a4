//! What can be asked of a runtime or a worker. It is derived from ports and state, never declared.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::worker_state::WorkerState;

/// One thing a client may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Capability {
    /// List the runtime's workers.
    ListWorkers,
    /// Show one worker.
    GetWorker,
    /// Create a worker.
    CreateWorker,
    /// Send a worker an input.
    SendInput,
    /// Cancel a worker's active run.
    CancelRun,
    /// Stop a worker for good.
    StopWorker,
    /// Give a worker another name.
    RenameWorker,
    /// Delete a worker with its conversation.
    DeleteWorker,
    /// Read a worker's transcript.
    ReadTranscript,
    /// Read a worker's events.
    ReadEvents,
}

impl Capability {
    /// Every capability, in the order in which sets list them.
    pub const ALL: [Self; 10] = [
        Self::ListWorkers,
        Self::GetWorker,
        Self::CreateWorker,
        Self::SendInput,
        Self::CancelRun,
        Self::StopWorker,
        Self::RenameWorker,
        Self::DeleteWorker,
        Self::ReadTranscript,
        Self::ReadEvents,
    ];

    /// The name that clients see.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ListWorkers => "list_workers",
            Self::GetWorker => "get_worker",
            Self::CreateWorker => "create_worker",
            Self::SendInput => "send_input",
            Self::CancelRun => "cancel_run",
            Self::StopWorker => "stop_worker",
            Self::RenameWorker => "rename_worker",
            Self::DeleteWorker => "delete_worker",
            Self::ReadTranscript => "read_transcript",
            Self::ReadEvents => "read_events",
        }
    }

    fn bit(self) -> u16 {
        1 << self as u8
    }
}

/// A set of capabilities; serialises as a list in the order of [`Capability::ALL`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CapabilitySet(u16);

impl CapabilitySet {
    /// What is left of the runtime's set for one worker in `state`.
    ///
    /// Final states take capabilities away; a passing one (queued, running, cancelling) does not,
    /// because it may be over before the client's next request.
    pub fn for_worker(self, state: WorkerState) -> Self {
        let of_a_worker = match state {
            WorkerState::Idle
            | WorkerState::Queued
            | WorkerState::Running
            | WorkerState::Cancelling => Self::from_iter([
                Capability::GetWorker,
                Capability::SendInput,
                Capability::CancelRun,
                Capability::StopWorker,
                Capability::RenameWorker,
                Capability::DeleteWorker,
                Capability::ReadTranscript,
                Capability::ReadEvents,
            ]),
            WorkerState::Stopped => Self::from_iter([
                Capability::GetWorker,
                Capability::RenameWorker,
                Capability::DeleteWorker,
                Capability::ReadTranscript,
                Capability::ReadEvents,
            ]),
            WorkerState::Recorded => Self::from_iter([
                Capability::GetWorker,
                Capability::ReadTranscript,
                Capability::ReadEvents,
            ]),
        };
        Self(self.0 & of_a_worker.0)
    }

    /// Whether the set has `capability`.
    pub fn contains(self, capability: Capability) -> bool {
        self.0 & capability.bit() != 0
    }

    /// The capabilities, in the order of [`Capability::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Capability> {
        Capability::ALL
            .into_iter()
            .filter(move |capability| self.contains(*capability))
    }
}

impl Extend<Capability> for CapabilitySet {
    fn extend<T: IntoIterator<Item = Capability>>(&mut self, capabilities: T) {
        for capability in capabilities {
            self.0 |= capability.bit();
        }
    }
}

impl FromIterator<Capability> for CapabilitySet {
    fn from_iter<T: IntoIterator<Item = Capability>>(capabilities: T) -> Self {
        let mut set = Self::default();
        set.extend(capabilities);
        set
    }
}

impl Serialize for CapabilitySet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for CapabilitySet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::<Capability>::deserialize(deserializer)?
            .into_iter()
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_capability_has_a_bit_of_its_own_and_the_name_it_serialises_as() {
        let all: CapabilitySet = Capability::ALL.into_iter().collect();
        assert_eq!(all.iter().count(), Capability::ALL.len());
        for capability in Capability::ALL {
            let text = serde_json::to_string(&capability).unwrap();
            assert_eq!(text, format!("\"{}\"", capability.as_str()));
        }
    }

    #[test]
    fn a_set_survives_its_list() {
        let set = CapabilitySet::from_iter([Capability::ReadEvents, Capability::ListWorkers]);
        let list = serde_json::to_string(&set).unwrap();
        assert_eq!(list, r#"["list_workers","read_events"]"#);
        assert_eq!(serde_json::from_str::<CapabilitySet>(&list).unwrap(), set);
    }

    #[test]
    fn a_stopped_worker_can_be_read_renamed_and_deleted_and_a_recorded_one_only_read() {
        let all: CapabilitySet = Capability::ALL.into_iter().collect();
        let left = |state| all.for_worker(state).iter().collect::<Vec<_>>();
        assert_eq!(
            left(WorkerState::Stopped),
            [
                Capability::GetWorker,
                Capability::RenameWorker,
                Capability::DeleteWorker,
                Capability::ReadTranscript,
                Capability::ReadEvents
            ]
        );
        assert_eq!(
            left(WorkerState::Recorded),
            [
                Capability::GetWorker,
                Capability::ReadTranscript,
                Capability::ReadEvents
            ]
        );
    }
}
