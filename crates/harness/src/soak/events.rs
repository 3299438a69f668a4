//! A million events, and what they leave: as much as the first tenth of them did.
//!
//! What is compared: the same workers, each idle, before and after. Transcripts are bounded to
//! two entries and event logs to their usual 1,024 events, so that both are full after the
//! first tenth, and nothing that the server promises to keep grows later. What would grow is
//! what leaks, and what the allocator can't use again.

use tokio::task::JoinSet;

use super::{Plan, lifecycles};
use crate::client::Client;
use crate::engine::Order;
use crate::failure::Failure;
use crate::server::{Server, Settings};
use crate::verdict::Verdict;
use crate::worker::{Worker, latest};

/// Workers that talk at the same time.
const WORKERS: usize = 10;
/// Words of one reply: with the input and the end of its run, as many events and two.
const WORDS: u64 = 9_998;
/// Events of one run.
const RUN_EVENTS: u64 = WORDS + 2;
/// Entries that a transcript keeps: the input and the reply of the newest run.
const TRANSCRIPT_ENTRIES: u64 = 2;

pub(super) async fn play(plan: Plan) -> Result<Verdict, Failure> {
    let rounds = plan.either(10, 4);
    let settings = Settings::default()
        .with("--log", "warn")
        .limit("transcript_entries", TRANSCRIPT_ENTRIES);
    let server = Server::start(settings).await?;
    let mut client = server.client();
    let workers = Worker::crowd(&mut client, WORKERS).await?;

    let mut events = talk(&server, &workers, 1).await?;
    let (first, held_first, before) = (events, held(&server).await?, server.reading()?);
    events += talk(&server, &workers, rounds - 1).await?;
    let (held_last, after) = (held(&server).await?, server.reading()?);

    let mut verdict = Verdict::new();
    verdict.tried(format!("{events} events of {WORKERS} workers"));
    let wanted = rounds * RUN_EVENTS * u64::try_from(WORKERS).expect("a small number");
    verdict.must(events == wanted, format!("{events} of {wanted} events"));
    verdict.seen(format!(
        "held after {first}: {held_first} bytes, after all: {held_last} bytes"
    ));
    verdict.must(held_last == held_first, "held bytes are not what they were");
    lifecycles::compare(
        &mut verdict,
        before,
        after,
        &format!("{first} events"),
        "all",
    );
    for worker in &workers {
        worker.stop(&mut client).await?;
    }
    Ok(verdict)
}

async fn held(server: &Server) -> Result<u64, Failure> {
    let counts = server.settled(|counts| counts.active_runs == 0).await?;
    Ok(counts.held_bytes)
}

/// Lets every worker talk for some rounds; how many events that were, by their own numbers.
async fn talk(server: &Server, workers: &[Worker], rounds: u64) -> Result<u64, Failure> {
    let mut tasks = JoinSet::new();
    for worker in workers {
        tasks.spawn(talk_often(server.client(), worker.clone(), rounds));
    }
    let mut events = 0;
    while let Some(more) = tasks.join_next().await {
        events += more??;
    }
    Ok(events)
}

async fn talk_often(mut client: Client, worker: Worker, rounds: u64) -> Result<u64, Failure> {
    let first = latest(&worker.detail(&mut client).await?)?;
    for _ in 0..rounds {
        worker.hears(&mut client, Order::Say(WORDS)).await?;
        worker.until_idle(&mut client).await?;
    }
    let last = latest(&worker.detail(&mut client).await?)?;
    Ok(last.sequence() - first.sequence())
}
