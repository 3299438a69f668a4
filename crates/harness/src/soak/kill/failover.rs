//! The same with a standby, on a database: owners that are killed, asked to end or frozen again and
//! again, standbys that are killed, and restarts of the database. What was answered is there, nothing
//! happened twice, nothing that a reader saw is taken back, and an owner that was replaced changes
//! nothing.

mod database;
mod ends;
mod late_clients;
mod rows;
mod schedule;
mod servers;
mod takeovers;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use self::database::{Database, Stop};
use self::schedule::{Cycle, Disturbance, End};
use self::servers::{Servers, first_list, unreadiness};
use self::takeovers::{Bounds, Takeovers};
use super::clients::{Clients, Outlook};
use super::findings::Promise;
use super::ledger::{Ledger, State};
use super::session::Gone;
use super::verifier::{List, Scope, Verifier};
use super::writer::Replies;
use super::{EVERYTHING_EVERY, FINDINGS_MAX, LONG_WORK, is_long};
use crate::failure::Failure;
use crate::random::Random;
use crate::report::Report;
use crate::server::{Ended, Server};
use crate::soak::Plan;
use crate::statistics::Latencies;

pub(in crate::soak) use self::database::is_there as database_is_there;

/// Longest time that clients work before something happens, in milliseconds.
const WORK_MS: usize = 500;
/// Longest wait for the first change after a restart of the database, after which the scenario is
/// given up.
const RECOVERY_GIVE_UP: Duration = Duration::from_secs(60);
/// In how much time after the end of a lease that was not renewed another server takes over.
const EXPIRED_FOR: Duration = Duration::from_secs(1);

pub(in crate::soak) async fn run(plan: Plan) -> Result<Report, Failure> {
    // Six are those of the first five cycles, in which everything happens once.
    let kills = plan.kills(300, 6);
    let bounds = plan.either(Bounds::FULL, Bounds::QUICK);
    let database = Database::from_environment()?;
    let mut scenario = Scenario {
        bounds,
        servers: Servers::new(&database.address, bounds.lease),
        database,
        ledger: Arc::default(),
        random: Random::new(plan.seed),
        takeovers: Takeovers::default(),
        tally: Tally::default(),
    };
    let mut report = Report::default();
    let done = scenario.run(kills).await;
    let cycle = scenario.ledger.with(|state| state.findings.cycle);
    if let Err(failure) = done {
        let text = format!("seed {}, after cycle {cycle}: {failure}", plan.seed);
        report.check(false, text);
    }
    scenario.report(&mut report, plan.seed, cycle);
    Ok(report)
}

struct Scenario {
    bounds: Bounds,
    servers: Servers,
    database: Database,
    ledger: Arc<Ledger>,
    random: Random,
    takeovers: Takeovers,
    tally: Tally,
}

/// How often what happened.
#[derive(Debug, Default)]
struct Tally {
    owners: usize,
    standbys: usize,
    /// Standbys that were just taking over.
    early: usize,
    /// Changes that owners refused after they had been replaced.
    late: usize,
}

impl Tally {
    fn kills(&self) -> usize {
        self.owners + self.standbys + self.early
    }
}

impl Scenario {
    async fn run(&mut self, kills: usize) -> Result<(), Failure> {
        let mut owner = self.servers.owner().await?;
        let list = first_list(&owner, &self.ledger).await?;
        self.verify(&owner, list, Scope::Everything).await?;
        let mut standby = self.servers.standby().await?;
        for number in 1.. {
            let found = self.ledger.with(|state| state.findings.len());
            if found > FINDINGS_MAX || self.tally.kills() >= kills {
                break;
            }
            let list;
            (owner, list) = self.cycle(number, owner, standby).await?;
            let now = self.ledger.clock.now();
            self.ledger.with(|state| {
                state.settle(now);
                state.findings.cycle = number;
            });
            let scope = match number % EVERYTHING_EVERY {
                0 => Scope::Everything,
                _ => Scope::Touched,
            };
            self.verify(&owner, list, scope).await?;
            standby = self.servers.standby().await?;
        }
        let (ended, list) = tokio::join!(owner.terminate(), first_list(&standby, &self.ledger));
        self.check_exit(&ended?, 0);
        self.verify(&standby, list?, Scope::Everything).await?;
        let ended = standby.terminate().await?;
        self.check_exit(&ended, 0);
        self.check_rows().await
    }

    /// Plays a cycle. Gives the next owner, and the first list that it has answered.
    async fn cycle(
        &mut self,
        number: usize,
        owner: Server,
        mut standby: Server,
    ) -> Result<(Server, List), Failure> {
        let Cycle { disturbance, end } = Cycle::numbered(number);
        let replies = if is_long(number) {
            Replies::Long
        } else {
            Replies::Short
        };
        let clients = Clients::start(&owner, &self.ledger, &mut self.random, replies);
        self.work().await;
        match disturbance {
            Some(Disturbance::KillOfStandby) => {
                standby.kill().await?;
                self.tally.standbys += 1;
                self.work().await;
                standby = self.servers.standby().await?;
            }
            Some(Disturbance::RestartOfDatabase(stop)) => {
                self.restart_database(&clients, stop).await?;
            }
            None => {}
        }
        if replies == Replies::Long {
            sleep(LONG_WORK).await;
        }
        if number == 1 {
            // One owner at least must have renewed its lease to be there at the end.
            sleep(self.bounds.lease + EXPIRED_FOR).await;
        }
        self.work().await;
        self.check_standing_by(&standby).await?;
        match end {
            End::Killed => {
                let list = self.kill(owner, clients, &standby).await?;
                Ok((standby, list))
            }
            End::KilledWithStandby => self.kill_twice(owner, clients, standby).await,
            End::Terminated => {
                let list = self.terminate(owner, clients, &standby).await?;
                Ok((standby, list))
            }
            End::Frozen(requests) => {
                let (third, clients) = self.freeze(owner, clients, requests, &standby).await?;
                self.work().await;
                let list = self.kill(standby, clients, &third).await?;
                Ok((third, list))
            }
        }
    }

    /// Lets the clients work for a while.
    async fn work(&mut self) {
        let work = self.random.below(WORK_MS) as u64;
        sleep(Duration::from_millis(work)).await;
    }

    /// Restarts the database, and waits until the clients have changed something again.
    async fn restart_database(&mut self, clients: &Clients, stop: Stop) -> Result<(), Failure> {
        clients.expect(Outlook::Outage);
        self.database.restart(stop).await?;
        let began = Instant::now();
        let changes = || {
            self.ledger
                .with(|state| state.counts.created + state.counts.inputs)
        };
        let before = changes();
        while changes() == before {
            if began.elapsed() > RECOVERY_GIVE_UP {
                return Err(Failure::Timeout(
                    "a change after the restart of the database",
                ));
            }
            sleep(Duration::from_millis(2)).await;
        }
        self.takeovers.recoveries.record(began.elapsed());
        sleep(self.bounds.outage).await;
        clients.expect(Outlook::Service);
        Ok(())
    }

    async fn check_standing_by(&self, standby: &Server) -> Result<(), Failure> {
        let reason = unreadiness(standby).await?;
        let is_standing_by = reason.as_deref() == Some("standby");
        self.check(is_standing_by, || {
            format!("a standby is not ready because of {reason:?} while there is an owner")
        });
        Ok(())
    }

    /// Checks the rows once all servers have ended.
    async fn check_rows(&mut self) -> Result<(), Failure> {
        let faults = rows::faults(&self.database.address, self.servers.workspace()).await;
        let faults = faults.map_err(|error| Failure::Protocol(error.to_string()))?;
        self.ledger.with(|State { findings, .. }| {
            for fault in faults {
                findings.add(Promise::Torn, "the database", fault);
            }
        });
        Ok(())
    }

    fn check_exit(&self, ended: &Ended, expected: i32) {
        let code = ended.status.code();
        self.check(code == Some(expected), || {
            format!("it ended with {code:?} instead of {expected}")
        });
    }

    fn check(&self, held: bool, text: impl FnOnce() -> String) {
        self.ledger.with(|State { findings, .. }| {
            findings.check(held, Promise::Answer, "the server", text);
        });
    }

    async fn verify(&mut self, server: &Server, list: List, scope: Scope) -> Result<(), Failure> {
        let mut verifier = Verifier::new(server.client(), &self.ledger, scope);
        let verified = verifier.run(list, &mut self.random).await;
        verified.map_err(|Gone(failure)| failure)
    }

    fn report(&self, report: &mut Report, seed: u64, cycles: usize) {
        let tally = &self.tally;
        let Tally {
            owners,
            standbys,
            early,
            late,
        } = tally;
        let kills = tally.kills();
        let [orderly, frozen, restarts] = [
            &self.takeovers.exited,
            &self.takeovers.frozen,
            &self.takeovers.recoveries,
        ]
        .map(Latencies::len);
        report.tried(format!(
            "{kills} kills in {cycles} cycles ({owners} of an owner, {standbys} of a standby, {early} \
             of one that was taking over), {orderly} orderly ends, {frozen} frozen owners, {restarts} \
             restarts of the database"
        ));
        self.ledger.with(|state| {
            state.counts.report(report);
            state.findings.report(report, seed);
        });
        report.observed(format!("{late} changes refused by owners that were frozen"));
        report.check(
            frozen == 0 || *late > 0,
            "no owner that was frozen was asked for a change",
        );
        self.takeovers.report(report, self.bounds);
    }
}
