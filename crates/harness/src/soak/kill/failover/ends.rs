//! How owners end, and how the next one takes over.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio::time::sleep;

use super::Scenario;
use super::late_clients::Connected;
use super::schedule::Requests;
use super::servers::{first_list, first_to_take_over};
use crate::failure::Failure;
use crate::server::Server;
use crate::soak::kill::clients::{Clients, Outlook};
use crate::soak::kill::verifier::List;
use crate::soak::kill::writer::Replies;

/// Latest kill of a standby that takes over, in milliseconds: by then it serves.
const TAKEOVER_MS: usize = 60;
/// Longest wait for the exit of an owner that was frozen, after which the scenario is given up.
const EXIT_GIVE_UP: Duration = Duration::from_secs(60);
/// What an owner that was replaced writes to standard error.
const REPLACED: &str = "error: another server has this workspace now";

impl Scenario {
    /// Kills the owner, and waits until `next` has taken over.
    pub(super) async fn kill(
        &mut self,
        owner: Server,
        mut clients: Clients,
        next: &Server,
    ) -> Result<List, Failure> {
        clients.expect(Outlook::End);
        let began = Instant::now();
        owner.kill().await?;
        self.tally.owners += 1;
        let list = first_list(next, &self.ledger).await?;
        self.takeovers.killed.record(began.elapsed());
        clients.join().await?;
        Ok(list)
    }

    /// Kills the owner, and of two standbys the one that takes over, while it does.
    pub(super) async fn kill_twice(
        &mut self,
        owner: Server,
        mut clients: Clients,
        standby: Server,
    ) -> Result<(Server, List), Failure> {
        let third = self.servers.standby().await?;
        clients.expect(Outlook::End);
        owner.kill().await?;
        self.tally.owners += 1;
        let [first, second] = first_to_take_over(standby, third).await?;
        let delay = self.random.below(TAKEOVER_MS) as u64;
        sleep(Duration::from_millis(delay)).await;
        self.check_standing_by(&second).await?;
        let began = Instant::now();
        first.kill().await?;
        self.tally.early += 1;
        let list = first_list(&second, &self.ledger).await?;
        self.takeovers.killed.record(began.elapsed());
        clients.join().await?;
        Ok((second, list))
    }

    /// Asks the owner to end, and waits until `next` has taken over.
    pub(super) async fn terminate(
        &mut self,
        owner: Server,
        mut clients: Clients,
        next: &Server,
    ) -> Result<List, Failure> {
        clients.expect(Outlook::End);
        let began = Instant::now();
        let taken_over = async {
            let list = first_list(next, &self.ledger).await?;
            Ok::<_, Failure>((list, began.elapsed()))
        };
        let (ended, taken_over) = tokio::join!(owner.terminate(), taken_over);
        let (ended, (list, took)) = (ended?, taken_over?);
        self.takeovers.signalled.record(took);
        self.takeovers
            .exited
            .record(took.saturating_sub(ended.took));
        self.check_exit(&ended, 0);
        clients.join().await?;
        Ok(list)
    }

    /// Freezes the owner until `next` has taken over and clients work on that, then lets it go on. Gives
    /// another standby, and those clients.
    pub(super) async fn freeze(
        &mut self,
        owner: Server,
        mut clients: Clients,
        requests: Requests,
        next: &Server,
    ) -> Result<(Server, Clients), Failure> {
        if requests == Requests::None {
            clients.expect(Outlook::Replaced);
            clients.join().await?;
        }
        let late = Connected::to(&owner).await?;
        let began = Instant::now();
        owner.freeze()?;
        clients.expect(Outlook::Replaced);
        // What it is asked for from now on it does, if at all, when it has been replaced.
        let late = late.ask(&self.ledger.with(|state| state.order.clone()));
        // It is verified later, once it is known what was answered to the requests on their way.
        first_list(next, &self.ledger).await?;
        self.takeovers.frozen.record(began.elapsed());
        let third = self.servers.standby().await?;
        let next_clients = Clients::start(next, &self.ledger, &mut self.random, Replies::Short);
        self.work().await;
        owner.signal(Signal::CONT)?;
        let ended = owner.wait(EXIT_GIVE_UP).await?;
        self.takeovers.exits.record(ended.took);
        self.check_exit(&ended, 1);
        let says_so = String::from_utf8_lossy(&ended.log).contains(REPLACED);
        self.check(says_so, || {
            "an owner that was replaced does not say so".to_owned()
        });
        clients.join().await?;
        let late = late.join().await?;
        self.tally.late += late.refusals;
        for success in late.successes {
            self.check(false, || format!("after it was replaced: {success}"));
        }
        Ok((third, next_clients))
    }
}
