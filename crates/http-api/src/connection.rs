//! What is known of an open connection: whether it has shown valid credentials, and where its
//! request stands. `middleware/` reports it; `serve/` decides by it.

mod table;

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::locked::Locked;
pub(crate) use table::ConnectionTable;

/// An open connection, in the extensions of its requests. A cheap `Clone` handle.
#[derive(Clone)]
pub(crate) struct Connection(Arc<Shared>);

struct Shared {
    /// Counts up in the order of accepting.
    number: u64,
    table: ConnectionTable,
    state: Locked<State>,
    half_closed: watch::Sender<bool>,
}

struct State {
    phase: Phase,
    /// When the phase began.
    since: Instant,
    is_authenticated: bool,
    /// Whether the client has not taken all of its last response.
    is_writing: bool,
}

/// Where a connection's request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// There is none, or its head is not complete.
    Idle,
    /// Its head came, and perhaps not all of its body.
    Reading,
    /// All of it came, and it has no response yet.
    Responding,
}

/// A request of a connection, until this is dropped.
pub(crate) struct RequestUnderWay(Connection);

impl Connection {
    fn new(number: u64, table: ConnectionTable) -> Self {
        Self(Arc::new(Shared {
            number,
            table,
            state: Locked::new(State {
                phase: Phase::Idle,
                since: Instant::now(),
                is_authenticated: false,
                is_writing: false,
            }),
            half_closed: watch::Sender::new(false),
        }))
    }

    /// The head of a request is complete.
    pub(crate) fn begin_request(&self) -> RequestUnderWay {
        self.enter(Phase::Reading);
        RequestUnderWay(self.clone())
    }

    /// The body of the request is complete as well.
    pub(crate) fn request_complete(&self) {
        self.enter(Phase::Responding);
    }

    /// A request has valid credentials: from now on the connection counts as authenticated.
    pub(crate) fn authenticate(&self) {
        let was = self
            .0
            .state
            .with(|state| std::mem::replace(&mut state.is_authenticated, true));
        if !was {
            self.0.table.authenticated(self.0.number);
        }
    }

    /// Says whether the client still has to take something of its last response.
    pub(crate) fn set_writing(&self, is_writing: bool) {
        self.0.state.with(|state| state.is_writing = is_writing);
    }

    /// Whether a request is complete and has no response yet.
    pub(crate) fn is_responding(&self) -> bool {
        self.0.state.with(|state| state.phase == Phase::Responding)
    }

    /// The client sends nothing more. It may still read, or be gone.
    pub(crate) fn half_close(&self) {
        self.0.half_closed.send_replace(true);
    }

    /// Waits until the client sends nothing more.
    pub(crate) async fn half_closed(&self) {
        let mut half_closed = self.0.half_closed.subscribe();
        // It fails only when the sender is gone, which this handle keeps.
        let _ = half_closed.wait_for(|half_closed| *half_closed).await;
    }

    /// Since when the client has had neither a request under way nor a response to take.
    pub(crate) fn idle_since(&self) -> Option<Instant> {
        self.0
            .state
            .with(|state| (state.phase == Phase::Idle && !state.is_writing).then_some(state.since))
    }

    fn enter(&self, phase: Phase) {
        self.0.state.with(|state| {
            state.phase = phase;
            state.since = Instant::now();
        });
    }
}

impl RequestUnderWay {
    /// Whether its body was read to its end.
    pub(crate) fn is_body_read(&self) -> bool {
        self.0.is_responding()
    }
}

impl Drop for RequestUnderWay {
    fn drop(&mut self) {
        let Self(connection) = self;
        connection.enter(Phase::Idle);
        connection.0.table.became_idle();
    }
}
