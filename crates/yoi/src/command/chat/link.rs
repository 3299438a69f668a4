//! The server of a conversation: asked, lost, and found again.

use std::time::Duration;

use http_api::wire::ProblemCode;
use tokio::time::{Instant, sleep, sleep_until};

use crate::args::ServerUrl;
use crate::client::Client;
use crate::connect::Found;
use crate::failure::Failure;
use crate::output::Terminal;

/// Finds the server that was at an address, or the one that took its place.
pub(super) type FindAgain = Box<dyn Fn(&ServerUrl) -> Result<Found, Failure>>;

/// How long a server that is gone is waited for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Persistence {
    /// Time after which no further attempt begins; one that has begun is waited for.
    pub(super) overall: Duration,
    /// The pause after the first attempt; each further one is twice as long.
    pub(super) first_pause: Duration,
    /// The longest pause.
    pub(super) longest_pause: Duration,
}

impl Persistence {
    /// Half a minute: a server that is restarted, by hand or by a supervisor, but nobody who
    /// sits and waits for one that is gone. At most two seconds too late.
    pub(super) const DEFAULT: Self = Self {
        overall: Duration::from_secs(30),
        first_pause: Duration::from_millis(200),
        longest_pause: Duration::from_secs(2),
    };
}

/// A server, and how to find it again.
pub(super) struct Link {
    client: Client,
    server: ServerUrl,
    find_again: FindAgain,
    persistence: Persistence,
}

impl Link {
    /// A link to the server that was `found`.
    pub(super) fn new(
        found: Found,
        find_again: FindAgain,
        persistence: Persistence,
    ) -> Result<Self, Failure> {
        Ok(Self {
            client: Client::new(found.server.clone(), found.token)?,
            server: found.server,
            find_again,
            persistence,
        })
    }

    /// Whom to ask now.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Does `work`, and does it again while the server is away. Work that changes anything
    /// needs a key: an answer that was lost leaves open what was done.
    pub(super) async fn persist<T>(
        &mut self,
        terminal: &mut Terminal,
        mut work: impl AsyncFnMut(&Client) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        match work(&self.client).await {
            Err(failure) if is_outage(&failure) => self.recover(failure, terminal, work).await,
            result => result,
        }
    }

    /// After `failure`, looks for the server until it does `work`. Says so.
    pub(super) async fn recover<T>(
        &mut self,
        mut failure: Failure,
        terminal: &mut Terminal,
        mut work: impl AsyncFnMut(&Client) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let Persistence {
            overall,
            first_pause: mut pause,
            longest_pause,
        } = self.persistence;
        let give_up_at = Instant::now() + overall;
        terminal.note(&format!(
            "note: {}; looking for the server for {} s",
            failure.line(),
            overall.as_secs()
        ));
        loop {
            self.look_around()?;
            match work(&self.client).await {
                Err(again) if is_outage(&again) => failure = again,
                result => {
                    terminal.note(&format!("note: {} answers again", self.server));
                    return result;
                }
            }
            let next = Instant::now() + pause;
            if next >= give_up_at {
                return Err(failure);
            }
            sleep_until(next).await;
            pause = longest_pause.min(pause * 2);
        }
    }

    /// The pause before a server that was found is tried again, having failed right after.
    pub(super) async fn rest(&self) {
        sleep(self.persistence.longest_pause).await;
    }

    /// Asks the server that is there now; while there is none, the one that was.
    fn look_around(&mut self) -> Result<(), Failure> {
        if let Ok(found) = (self.find_again)(&self.server) {
            self.client = Client::new(found.server.clone(), found.token)?;
            self.server = found.server;
        }
        Ok(())
    }
}

/// Whether `failure` says that the server is not there, or not itself: what takes its place
/// may listen before its token can be found, and refuses the old one.
pub(super) fn is_outage(failure: &Failure) -> bool {
    match failure {
        Failure::Unreachable(_) => true,
        Failure::Refused(refusal) => matches!(
            refusal.problem.code,
            ProblemCode::Unauthorized
                | ProblemCode::ShuttingDown
                | ProblemCode::RuntimeUnavailable
                | ProblemCode::TooManyPollers
        ),
        Failure::Usage(_)
        | Failure::NotOurAnswer { .. }
        | Failure::RunEnded(_)
        | Failure::TakesNothing { .. }
        | Failure::EndlessList { .. }
        | Failure::Interrupted
        | Failure::Output(_)
        | Failure::Setup(_) => false,
    }
}
