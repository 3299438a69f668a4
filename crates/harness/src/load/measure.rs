//! One route: both servers prepared, then driven in turns.

use std::time::{Duration, Instant};

use super::Plan;
use super::bare::Bare;
use super::lean::{self, Connection, Tally};
use super::route::{Asked, Preparation, Route};
use crate::client::{Client, Door};
use crate::failure::Failure;
use crate::process_reading::processor_time;
use crate::ratio::{Ratios, median};
use crate::server::Server;
use crate::worker::Worker;

/// What was seen of one route.
pub(super) struct Measured {
    /// Bytes of an answer's body.
    pub(super) bytes: usize,
    /// The bare server's rounds.
    pub(super) bare: Rounds,
    /// Our server's rounds, each beside the one of the same place in `bare`.
    pub(super) ours: Rounds,
}

impl Measured {
    /// Our rate to that of the bare server, round by round.
    pub(super) fn ratios(&self) -> Ratios {
        Ratios::of(self.ours.rates().zip(self.bare.rates()))
    }
}

/// The rounds of one server.
#[derive(Debug, Default)]
pub(super) struct Rounds(Vec<Round>);

/// One server, driven for a while.
#[derive(Debug, Clone, Copy)]
struct Round {
    tally: Tally,
    took: Duration,
    /// Processor time that the server used.
    processor: Duration,
}

impl Round {
    fn rate(&self) -> f64 {
        count(self.tally.accepted) / self.took.as_secs_f64()
    }
}

impl Rounds {
    /// Accepted requests per second, round by round.
    pub(super) fn rates(&self) -> impl Iterator<Item = f64> {
        self.0.iter().map(Round::rate)
    }

    /// Accepted requests per second, in the median.
    pub(super) fn rate(&self) -> f64 {
        median(self.rates())
    }

    /// Processor time per accepted request in microseconds. Of all rounds together: the
    /// operating system counts in steps of usually 10 ms.
    pub(super) fn processor_us(&self) -> f64 {
        let processor: Duration = self.0.iter().map(|round| round.processor).sum();
        let accepted: u64 = self.0.iter().map(|round| round.tally.accepted).sum();
        processor.as_secs_f64() * 1e6 / count(accepted)
    }

    /// Requests that were answered otherwise.
    pub(super) fn refused(&self) -> u64 {
        self.0.iter().map(|round| round.tally.refused).sum()
    }
}

/// A server and the connections to it.
pub(super) struct Side {
    door: Door,
    process: u32,
    route: Route,
    connections: Vec<Connection>,
    rounds: Rounds,
}

impl Side {
    pub(super) async fn open(
        door: &Door,
        process: u32,
        route: Route,
        plan: Plan,
    ) -> Result<Self, Failure> {
        let mut connections = Vec::with_capacity(plan.connections);
        for _ in 0..plan.connections {
            connections.push(Connection::open(door).await?);
        }
        Ok(Self {
            door: door.clone(),
            process,
            route,
            connections,
            rounds: Rounds::default(),
        })
    }

    pub(super) fn ask(&mut self, asked: &[Vec<Asked>]) {
        let method = self.route.method().as_str();
        for (connection, asked) in self.connections.iter_mut().zip(asked) {
            let bytes = |asked: &Asked| self.door.request(method, &asked.path, asked.body.as_ref());
            connection.ask(asked.iter().map(bytes).collect());
        }
    }

    /// Drives the server for one round, which ends when all that it began is `done`.
    pub(super) async fn round(
        &mut self,
        length: Duration,
        done: impl Future<Output = Result<(), Failure>>,
    ) -> Result<(), Failure> {
        let connections = std::mem::take(&mut self.connections);
        let processor = processor_time(self.process)?;
        let began = Instant::now();
        let driven = lean::drive(connections, began + length, self.route.status());
        let (connections, tally) = driven.await?;
        done.await?;
        self.connections = connections;
        self.rounds.0.push(Round {
            tally,
            took: began.elapsed(),
            processor: processor_time(self.process)?.saturating_sub(processor),
        });
        Ok(())
    }

    /// Its rounds but the first, which warmed it up.
    pub(super) fn rounds(mut self) -> Rounds {
        self.rounds.0.remove(0);
        self.rounds
    }
}

/// Measures one route.
pub(super) async fn measure(route: Route, plan: Plan) -> Result<Measured, Failure> {
    let server = Server::start(route.settings()).await?;
    let mut client = server.client();
    let workers = route.prepare(&mut client, plan.connections).await?;
    let asked = route.asked(&workers, plan.connections);
    let body = sample(route, &mut client, &asked[0][0]).await?;
    let file = tempfile::NamedTempFile::new().map_err(Failure::io("making a file"))?;
    std::fs::write(file.path(), &body).map_err(Failure::io("writing a file"))?;
    let (method, pattern) = (route.method(), route.pattern());
    let bare = Bare::start(&server, method, pattern, route.status(), file.path()).await?;

    let mut ours = Side::open(server.door(), server.id(), route, plan).await?;
    let mut limit = Side::open(&bare.door, bare.id, route, plan).await?;
    ours.ask(&asked);
    limit.ask(&asked);
    let mut fresh = workers;
    // The first round of each warms it up.
    for round in 0..=plan.rounds {
        if round % 2 == 0 {
            limit.round(plan.round, async { Ok(()) }).await?;
        }
        if route.preparation() == Preparation::EachRound {
            stop(&mut client, &fresh).await?;
            fresh = route.prepare(&mut client, plan.connections).await?;
            ours.ask(&route.asked(&fresh, plan.connections));
        }
        ours.round(plan.round, at_rest(&server)).await?;
        if round % 2 == 1 {
            limit.round(plan.round, async { Ok(()) }).await?;
        }
    }
    let (bare, ours) = (limit.rounds(), ours.rounds());
    check(route, &ours, &bare)?;
    Ok(Measured {
        bytes: body.len(),
        bare,
        ours,
    })
}

/// The body of our answer.
async fn sample(route: Route, client: &mut Client, asked: &Asked) -> Result<Vec<u8>, Failure> {
    let request = client
        .door()
        .request(route.method().as_str(), &asked.path, asked.body.as_ref());
    let answer = client.exchange(&request).await?;
    let answer = answer.of(route.method().as_str(), &asked.path);
    Ok(answer.expect(route.status())?.body().to_vec())
}

/// Waits until every run that was accepted is over.
async fn at_rest(server: &Server) -> Result<(), Failure> {
    while server.counts().await?.active_runs > 0 {}
    Ok(())
}

async fn stop(client: &mut Client, workers: &[Worker]) -> Result<(), Failure> {
    for worker in workers {
        worker.stop(client).await?;
    }
    Ok(())
}

/// Only inputs may be refused: when the runs or the worker are busy.
fn check(route: Route, ours: &Rounds, bare: &Rounds) -> Result<(), Failure> {
    let refused = if route == Route::Input {
        bare.refused()
    } else {
        bare.refused() + ours.refused()
    };
    if refused == 0 {
        Ok(())
    } else {
        let name = route.name();
        Err(Failure::Undocumented(format!("{name}: {refused} refusals")))
    }
}

fn count(value: u64) -> f64 {
    f64::from(u32::try_from(value).unwrap_or(u32::MAX))
}
