//! The names of operations, methods and tags.

/// Names one operation; the `operationId` of the OpenAPI document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum OperationId {
    GetWorkspace,
    ListRuntimes,
    GetRuntime,
    ListRuntimeWorkers,
    CreateWorker,
    GetWorker,
    SendInput,
    CancelRun,
    StopWorker,
    ReadTranscript,
    ReadEvents,
    ListWorkers,
    CreateSession,
    GetHealth,
    GetReadiness,
    GetMetrics,
    GetOpenapi,
}

/// The methods that operations use. `HEAD` goes with `GET` (RFC 9110 §9.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Verb {
    Get,
    Post,
}

/// The parts of the API, for readers of the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tag {
    Workspace,
    Runtimes,
    Workers,
    Conversation,
    Server,
}

impl OperationId {
    /// The name in the document.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::GetWorkspace => "get_workspace",
            Self::ListRuntimes => "list_runtimes",
            Self::GetRuntime => "get_runtime",
            Self::ListRuntimeWorkers => "list_runtime_workers",
            Self::CreateWorker => "create_worker",
            Self::GetWorker => "get_worker",
            Self::SendInput => "send_input",
            Self::CancelRun => "cancel_run",
            Self::StopWorker => "stop_worker",
            Self::ReadTranscript => "read_transcript",
            Self::ReadEvents => "read_events",
            Self::ListWorkers => "list_workers",
            Self::CreateSession => "create_session",
            Self::GetHealth => "get_health",
            Self::GetReadiness => "get_readiness",
            Self::GetMetrics => "get_metrics",
            Self::GetOpenapi => "get_openapi",
        }
    }
}

impl Verb {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

impl Tag {
    pub(crate) const ALL: [Self; 5] = [
        Self::Workspace,
        Self::Runtimes,
        Self::Workers,
        Self::Conversation,
        Self::Server,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Workspace => "workspace",
            Self::Runtimes => "runtimes",
            Self::Workers => "workers",
            Self::Conversation => "conversation",
            Self::Server => "server",
        }
    }

    pub(crate) fn description(self) -> &'static str {
        match self {
            Self::Workspace => "The workspace that the server serves, and getting in.",
            Self::Runtimes => "What holds workers, and what can be asked of it.",
            Self::Workers => "Workers: listing, creating, stopping.",
            Self::Conversation => "Talking to a worker and reading what was said.",
            Self::Server => "The server itself, for those who operate it.",
        }
    }
}
