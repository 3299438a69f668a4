//! `kill -9` at any instant, again and again on one store: what was answered is there, nothing
//! happened twice, and nothing that a reader saw is taken back.

mod clients;
mod clock;
pub(super) mod failover;
mod findings;
mod history;
mod input_ledger;
mod ledger;
mod name_register;
mod run_rules;
mod session;
mod sightings;
mod store_file;
mod verifier;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use self::clients::{Clients, Outlook};
use self::findings::Promise;
use self::ledger::{Counts, Ledger};
use self::session::{Gone, Session};
use self::verifier::{List, Scope, Verifier, read_list};
use self::writer::Replies;
use super::Plan;
use crate::failure::Failure;
use crate::process_stats::format_mib;
use crate::random::Random;
use crate::report::Report;
use crate::server::{Server, Settings};
use crate::statistics::Latencies;

/// Longest time that clients work before the kill, in milliseconds.
const WORK_MS: usize = 700;
/// How long they work in a cycle with long replies: until some have drafts, which are stored every
/// two seconds.
const LONG_WORK: Duration = Duration::from_millis(3_000);
/// In one of so many cycles the replies are long: the tenth, so that a quick run has one.
const LONG_EVERY: usize = 25;
const LONG_FIRST: usize = 10;
/// Of a hundred kills, how many hit a server that is just starting.
const EARLY_PERCENT: usize = 10;
/// Latest kill of a server that is just starting, in milliseconds.
const EARLY_MS: usize = 60;
/// In one of so many cycles everything is verified.
const EVERYTHING_EVERY: usize = 100;
/// Workers in memory: fewer than there are, so that some are loaded again.
const RESIDENT: u64 = 26;
/// The longest time from the start of the process to its first list, of 99 of 100 starts.
const RESTART_MAX: Duration = Duration::from_secs(1);
/// Broken promises after which nothing more is to be learned.
const FINDINGS_MAX: usize = 20;

pub(super) async fn run(plan: Plan) -> Result<Report, Failure> {
    let kills = plan.kills(1_000, 15);
    let directory = tempfile::tempdir().map_err(Failure::io("creating a directory"))?;
    let mut scenario = Scenario {
        store: directory.path().join("workers.sqlite3"),
        ledger: Arc::default(),
        random: Random::new(plan.seed),
        restarts: Latencies::default(),
        early: 0,
    };
    let mut report = Report::default();
    let done = scenario.run(kills).await;
    let cycle = scenario.ledger.with(|state| state.findings.cycle);
    if let Err(failure) = done {
        let seed = plan.seed;
        report.check(false, format!("seed {seed}, kill {cycle}: {failure}"));
    }
    scenario.report(&mut report, plan, cycle);
    Ok(report)
}

struct Scenario {
    store: PathBuf,
    ledger: Arc<Ledger>,
    random: Random,
    restarts: Latencies,
    /// Kills of a server that was just starting.
    early: usize,
}

impl Scenario {
    async fn run(&mut self, kills: usize) -> Result<(), Failure> {
        for cycle in 1..=kills {
            let found = self.ledger.with(|state| state.findings.len());
            if found > FINDINGS_MAX {
                return Ok(());
            }
            // Every start counts for the kill that came before it.
            let is_early = self.random.percent(EARLY_PERCENT);
            if is_early && cycle > 1 && !is_long(cycle) {
                let delay = Duration::from_millis(self.random.below(EARLY_MS) as u64);
                Server::start_and_kill(settings(&self.store), delay).await?;
                self.early += 1;
            } else {
                self.cycle(cycle).await?;
            }
            self.ledger.with(|state| state.findings.cycle = cycle);
        }
        let (server, list) = self.start().await?;
        self.verify(&server, list, Scope::Everything).await?;
        let ended = server.terminate().await?;
        let code = ended.status.code();
        self.ledger.with(|state| {
            state
                .findings
                .check(code == Some(0), Promise::Answer, "the server", || {
                    format!("it ended with {code:?}")
                });
        });
        Ok(())
    }

    async fn cycle(&mut self, cycle: usize) -> Result<(), Failure> {
        let (server, list) = self.start().await?;
        let scope = match cycle % EVERYTHING_EVERY {
            0 => Scope::Everything,
            _ => Scope::Touched,
        };
        self.verify(&server, list, scope).await?;
        let (replies, work) = if is_long(cycle) {
            (Replies::Long, LONG_WORK)
        } else {
            let work = self.random.below(WORK_MS) as u64;
            (Replies::Short, Duration::from_millis(work))
        };
        let mut clients = Clients::start(&server, &self.ledger, &mut self.random, replies);
        tokio::time::sleep(work).await;
        clients.expect(Outlook::End);
        server.kill().await?;
        clients.join().await?;
        let now = self.ledger.clock.now();
        self.ledger.with(|state| state.settle(now));
        Ok(())
    }

    /// Starts the server, and measures until it has answered the first list.
    async fn start(&mut self) -> Result<(Server, List), Failure> {
        let begun = Instant::now();
        let server = Server::start(settings(&self.store)).await?;
        let mut session = Session::new(server.client(), &self.ledger);
        let list = read_list(&mut session)
            .await
            .map_err(|Gone(failure)| failure)?;
        self.restarts.record(begun.elapsed());
        Ok((server, list))
    }

    async fn verify(&mut self, server: &Server, list: List, scope: Scope) -> Result<(), Failure> {
        let mut verifier = Verifier::new(server.client(), &self.ledger, scope);
        let verified = verifier.run(list, &mut self.random).await;
        verified.map_err(|Gone(failure)| failure)
    }

    fn report(&self, report: &mut Report, plan: Plan, kills: usize) {
        self.ledger.with(|state| {
            let early = self.early;
            report.tried(format!("{kills} kills, {early} of them during a start"));
            state.counts.report(report);
            state.findings.report(report, plan.seed);
        });
        let restarts = &self.restarts;
        report.observed(format!("first list after a start: {restarts}"));
        if plan.judges_times() {
            let is_fast = restarts
                .percentile(99)
                .is_some_and(|time| time <= RESTART_MAX);
            report.check(
                is_fast,
                format!("a start takes longer than {RESTART_MAX:?}"),
            );
        }
        match store_file::check(&self.store) {
            Ok(file) => {
                let (bytes, workers) = (format_mib(file.bytes), file.workers);
                let faults = file.faults.len();
                report.observed(format!(
                    "the file: {bytes}, {workers} workers, {faults} faults"
                ));
                for fault in file.faults {
                    report.check(false, format!("in the file: {fault}"));
                }
            }
            Err(error) => report.check(false, format!("the file can't be read: {error}")),
        }
    }
}

impl Counts {
    fn report(&self, report: &mut Report) {
        let Self {
            answered,
            refused,
            unknown,
            unavailable,
            replayed,
            reads,
            late_reads,
            created,
            inputs,
            ..
        } = self;
        report.tried(format!(
            "{answered} changes answered ({created} workers, {inputs} inputs; {refused} refused, \
             {replayed} inputs replayed), {unknown} cut off, {unavailable} answered that the server \
             is unavailable, {reads} reads, {late_reads} of them repeated after a deadline"
        ));
        let Self {
            interrupted,
            partial,
            verified,
            ..
        } = self;
        report.observed(format!(
            "{verified} workers verified; {} runs interrupted, of {partial} a part of the reply kept",
            interrupted.len()
        ));
    }
}

fn is_long(cycle: usize) -> bool {
    cycle % LONG_EVERY == LONG_FIRST
}

/// A server on the store, with the engine of the harness.
fn settings(store: &Path) -> Settings {
    Settings::default()
        .with("--log", "warn")
        .with("--store", store.display())
        .limit("workers", RESIDENT)
}
