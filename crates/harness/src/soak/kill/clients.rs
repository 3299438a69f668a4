//! The clients of a cycle, which work on one server until it ends.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::findings::Promise;
use super::ledger::Ledger;
use super::session::{Gone, Session};
use super::writer::{Replies, Writer};
use crate::failure::Failure;
use crate::random::Random;
use crate::server::Server;

/// Clients at the same time.
const CLIENTS: usize = 16;
/// Pause of a client after the server has said that it is unavailable.
const RETRY: Duration = Duration::from_millis(20);

/// What clients have to expect of their server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outlook {
    /// It answers.
    Service,
    /// It may answer that it is unavailable.
    Outage,
    /// It ends.
    End,
    /// It ends, and is sent nothing more: another one has taken over.
    Replaced,
}

pub(super) struct Clients {
    tasks: JoinSet<()>,
    outlook: watch::Sender<Outlook>,
}

impl Clients {
    /// Lets them work on `server`.
    pub(super) fn start(
        server: &Server,
        ledger: &Arc<Ledger>,
        random: &mut Random,
        replies: Replies,
    ) -> Self {
        let outlook = watch::Sender::new(Outlook::Service);
        let mut tasks = JoinSet::new();
        for _ in 0..CLIENTS {
            let session =
                || Session::new(server.client(), ledger).until_replaced(outlook.subscribe());
            let sessions = [session(), session()];
            let writer = Writer::new(sessions, Random::new(random.next()), replies);
            tasks.spawn(work(writer, outlook.subscribe(), Arc::clone(ledger)));
        }
        Self { tasks, outlook }
    }

    pub(super) fn expect(&self, outlook: Outlook) {
        self.outlook.send_replace(outlook);
    }

    /// Waits until all have noticed the end of the server.
    pub(super) async fn join(&mut self) -> Result<(), Failure> {
        while let Some(ended) = self.tasks.join_next().await {
            ended?;
        }
        Ok(())
    }
}

/// Works until the server ends. That it is unavailable or gone before is a broken promise.
async fn work(mut writer: Writer, outlook: watch::Receiver<Outlook>, ledger: Arc<Ledger>) {
    loop {
        let before = *outlook.borrow();
        if before == Outlook::Replaced {
            return;
        }
        let stepped = writer.step().await;
        let now = *outlook.borrow();
        match stepped {
            // A step that found nothing to do must not keep the others from theirs.
            Ok(()) => tokio::task::yield_now().await,
            Err(_) if matches!(now, Outlook::End | Outlook::Replaced) => return,
            Err(Gone(Failure::Unavailable(_))) if [before, now].contains(&Outlook::Outage) => {
                tokio::time::sleep(RETRY).await;
            }
            Err(Gone(failure)) => {
                let text = format!("gone before its end: {failure}");
                ledger.with(|state| state.findings.add(Promise::Answer, "the server", text));
                return;
            }
        }
    }
}
