//! What a read costs with many workers relative to few: two servers of ours, driven in
//! alternating rounds with the same requests.

use super::rounds::{Side, alternate};
use super::route::Route;
use super::{Comparison, Plan};
use crate::failure::Failure;
use crate::server::Server;
use crate::worker::Worker;

const FEW: usize = 100;
const MANY: usize = 100_000;
/// Workers that are read, from everywhere in the list: so many that they do not all stay in the
/// processor's caches.
const WORKERS_READ: usize = 8_192;
/// The most that a read may cost with many workers relative to few.
const GOAL: &str = "≤ 1.15";

/// Measures a detail and a page.
pub(super) async fn measure(plan: Plan) -> Result<Vec<Comparison>, Failure> {
    let (many, many_workers) = start(MANY).await?;
    let (few, few_workers) = start(FEW).await?;
    let mut comparisons = Vec::new();
    for route in [Route::WorkerDetail, Route::WorkerPage] {
        let side = |server: &Server, workers: &[Worker]| {
            let step = (workers.len() / WORKERS_READ).max(1);
            let spread: Vec<_> = workers.iter().step_by(step).cloned().collect();
            let requests = route.requests(server.endpoint(), &spread, plan.connections);
            Side::new(server.endpoint(), route, requests)
        };
        let sides = [side(&many, &many_workers), side(&few, &few_workers)];
        let [ours, reference] = alternate(plan, sides).await?;
        comparisons.push(Comparison {
            what: format!("{}, cost with {MANY} ÷ {FEW} workers", route.name()),
            goal: GOAL.to_owned(),
            ratio: reference.ratios_to(&ours),
            ours,
            reference,
        });
    }
    Ok(comparisons)
}

async fn start(workers: usize) -> Result<(Server, Vec<Worker>), Failure> {
    let limit = u64::try_from(workers).unwrap_or(u64::MAX);
    let settings = Route::WorkerDetail.settings().limit("workers", limit);
    let server = Server::start(settings).await?;
    let workers = Worker::create_many(&mut server.client(), workers).await?;
    Ok((server, workers))
}
