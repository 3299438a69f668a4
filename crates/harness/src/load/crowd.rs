//! Whether many workers make a read dear: two servers of ours, one with few workers and one
//! with many, driven in turns with the same requests.

use super::Plan;
use super::footprint::Figure;
use super::measure::Side;
use super::route::{Asked, Route, share};
use crate::failure::Failure;
use crate::ratio::{self, Ratios};
use crate::server::Server;
use crate::worker::Worker;

/// Workers of the one server.
const FEW: usize = 100;
/// Workers of the other.
const MANY: usize = 100_000;
/// Workers that a connection asks about in turn, from everywhere in the list: together enough
/// that they do not stay in the processor's nearest memory.
const ASKED_ABOUT: usize = 256;
/// The most that a detail or a page may cost with many workers, times what it costs with few.
const GOAL: &str = "≤ 1.15";

/// Measures what each of the two reads costs with many workers, relative to few.
pub(super) async fn measure(plan: Plan) -> Result<Vec<Figure>, Failure> {
    let (few, few_workers) = populated(FEW).await?;
    let (many, many_workers) = populated(MANY).await?;
    let mut figures = Vec::new();
    for route in [Route::WorkerDetail, Route::WorkersPage50] {
        let mut few = Side::open(few.door(), few.id(), route, plan).await?;
        few.ask(&asked(route, &few_workers, plan.connections));
        let mut many = Side::open(many.door(), many.id(), route, plan).await?;
        many.ask(&asked(route, &many_workers, plan.connections));
        // The first round of each warms it up.
        for round in 0..=plan.rounds {
            let (first, second) = if round % 2 == 0 {
                (&mut few, &mut many)
            } else {
                (&mut many, &mut few)
            };
            first.round(plan.round, async { Ok(()) }).await?;
            second.round(plan.round, async { Ok(()) }).await?;
        }
        let (few, many) = (few.rounds(), many.rounds());
        let rates = few.rates().zip(many.rates());
        figures.push(Figure {
            what: format!("{}, {MANY} ÷ {FEW} workers", route.name()),
            seen: format!(
                "{} by rate, {} by CPU",
                Ratios::of(rates).shown(),
                ratio::shown(many.processor_us(), few.processor_us())
            ),
            goal: GOAL,
        });
    }
    Ok(figures)
}

async fn populated(number: usize) -> Result<(Server, Vec<Worker>), Failure> {
    let limit = u64::try_from(number).unwrap_or(u64::MAX);
    let settings = Route::WorkerDetail.settings().limit("workers", limit);
    let server = Server::start(settings).await?;
    let workers = Worker::crowd(&mut server.client(), number).await?;
    Ok((server, workers))
}

/// What each connection asks in turn.
fn asked(route: Route, workers: &[Worker], connections: usize) -> Vec<Vec<Asked>> {
    if route == Route::WorkersPage50 {
        return route.asked(workers, connections);
    }
    let distance = (workers.len() / (connections * ASKED_ABOUT)).max(1);
    let spread: Vec<_> = workers.iter().step_by(distance).collect();
    let of = |connection| {
        share(&spread, connection, connections)
            .take(ASKED_ABOUT)
            .map(|worker| Asked::get(worker.path.clone()))
            .collect()
    };
    (0..connections).map(of).collect()
}
