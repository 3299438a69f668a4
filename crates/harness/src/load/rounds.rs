//! Drives two servers in alternating rounds and counts what they accept.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::Plan;
use super::route::{Requests, Route};
use crate::client::{Client, Endpoint};
use crate::failure::Failure;
use crate::server::Server;
use crate::statistics::Rounds;

/// One of two servers, and the connections to it.
pub(super) struct Side<'a> {
    route: Route,
    connections: Vec<Connection>,
    /// The server whose runs belong to a round.
    runs_of: Option<&'a Server>,
}

struct Connection {
    client: Client,
    requests: Arc<Vec<Vec<u8>>>,
    next: usize,
    accepted: u32,
    refused: u32,
}

impl<'a> Side<'a> {
    /// A server that is sent `requests`.
    pub(super) fn new(endpoint: &Endpoint, route: Route, requests: Requests) -> Self {
        let connect = |requests| Connection {
            client: endpoint.client(),
            requests,
            next: 0,
            accepted: 0,
            refused: 0,
        };
        Self {
            route,
            connections: requests.into_iter().map(connect).collect(),
            runs_of: None,
        }
    }

    /// Makes each round last until all runs of `server` have ended.
    pub(super) fn waiting_for_runs(mut self, server: &'a Server) -> Self {
        self.runs_of = Some(server);
        self
    }

    /// Sends requests for `length`; gives how many were accepted per second.
    async fn round(&mut self, length: Duration) -> Result<f64, Failure> {
        let status = self.route.status();
        let began = Instant::now();
        let mut tasks = JoinSet::new();
        for connection in self.connections.drain(..) {
            tasks.spawn(connection.drive(began + length, status));
        }
        let (mut accepted, mut refused) = (0, 0);
        while let Some(connection) = tasks.join_next().await {
            let mut connection = connection??;
            accepted += std::mem::take(&mut connection.accepted);
            refused += std::mem::take(&mut connection.refused);
            self.connections.push(connection);
        }
        if let Some(server) = self.runs_of {
            while server.counts().await?.active_runs > 0 {}
        }
        let took = began.elapsed();
        if refused > accepted / self.route.refusals_divisor() {
            let name = self.route.name();
            return Err(Failure::Protocol(format!("{name}: {refused} refusals")));
        }
        Ok(f64::from(accepted) / took.as_secs_f64())
    }
}

impl Connection {
    async fn drive(mut self, end: Instant, status: u16) -> Result<Self, Failure> {
        while Instant::now() < end {
            let response = self.client.send(&self.requests[self.next]).await?;
            self.next = (self.next + 1) % self.requests.len();
            if response.status == status {
                self.accepted += 1;
            } else {
                self.refused += 1;
            }
        }
        Ok(self)
    }
}

/// Drives both sides in turn, each first in every other round; gives their rates. A round before
/// the first one warms them up.
pub(super) async fn alternate(
    plan: Plan,
    mut sides: [Side<'_>; 2],
) -> Result<[Rounds; 2], Failure> {
    let mut rates = [Rounds::default(), Rounds::default()];
    for round in 0..=plan.rounds {
        let order = if round % 2 == 0 { [0, 1] } else { [1, 0] };
        for side in order {
            let rate = sides[side].round(plan.round).await?;
            if round > 0 {
                rates[side].record(rate);
            }
        }
    }
    Ok(rates)
}
