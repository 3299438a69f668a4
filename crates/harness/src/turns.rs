//! Whole turns against a provider that answers at once: how many a second, and what each costs the
//! server, in memory and with the durable store.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use tokio::task::JoinSet;

use crate::client::Client;
use crate::failure::Failure;
use crate::measurement;
use crate::provider::{Provider, Reply};
use crate::report::{print_line, table};
use crate::server::{Server, Settings};
use crate::statistics::{Latencies, Rounds};
use crate::worker::Worker;

/// How much is measured.
#[derive(Args)]
pub(crate) struct TurnsArgs {
    /// Conversations at once
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=64))]
    conversations: u32,

    /// Rounds of each server, alternating
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,

    /// Milliseconds of a round
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..))]
    round_ms: u64,
}

/// Turns of a conversation. The next one is with another worker, so that prompts stay short.
const CONVERSATION_TURNS: usize = 10;

/// A server, and the conversations with it.
struct Side {
    what: &'static str,
    server: Server,
    talkers: Vec<Talker>,
    rates: Rounds,
    cpu_us: Rounds,
    turns: Latencies,
}

/// Who has one conversation after the other.
struct Talker {
    client: Client,
    turns: Latencies,
}

/// Measures what `args` select.
pub(crate) fn run(args: &TurnsArgs) -> ExitCode {
    measurement::run(measure(args))
}

async fn measure(args: &TurnsArgs) -> Result<(), Failure> {
    let provider = Provider::start().await?;
    let home = tempfile::tempdir().map_err(Failure::io("creating a home"))?;
    let memory = Settings::default().discard_log();
    let durable = Settings::default()
        .discard_log()
        .with("--store", home.path().join("store.sqlite3").display());
    let mut sides = [
        Side::new("in memory", provider.as_model(memory), args).await?,
        Side::new("with the store", provider.as_model(durable), args).await?,
    ];
    let length = Duration::from_millis(args.round_ms);
    // A round before the first one warms them up.
    for round in 0..=args.rounds {
        for side in &mut sides {
            side.round(length, round > 0).await?;
        }
    }
    let mut table = table(&["", "TURNS/S", "CPU/TURN", "A TURN"]);
    for side in &sides {
        let cpu = format!("{:.0} µs", side.cpu_us.median());
        let rate = format!("{:.0}", side.rates.median());
        let turns = side.turns.to_string();
        table.add_row([side.what.to_owned(), rate, cpu, turns]);
    }
    print_line(&table.to_string());
    let [memory, durable] = &sides;
    let ratio = durable.rates.ratios_to(&memory.rates);
    print_line(&format!("with the store ÷ in memory: {ratio}"));
    Ok(())
}

impl Side {
    async fn new(
        what: &'static str,
        settings: Settings,
        args: &TurnsArgs,
    ) -> Result<Self, Failure> {
        let server = Server::start(settings).await?;
        let talker = |_| Talker {
            client: server.client(),
            turns: Latencies::default(),
        };
        let talkers = (0..args.conversations).map(talker).collect();
        Ok(Self {
            what,
            server,
            talkers,
            rates: Rounds::default(),
            cpu_us: Rounds::default(),
            turns: Latencies::default(),
        })
    }

    async fn round(&mut self, length: Duration, is_recorded: bool) -> Result<(), Failure> {
        let cpu = self.server.stats()?.cpu;
        let began = Instant::now();
        let mut tasks = JoinSet::new();
        for talker in self.talkers.drain(..) {
            tasks.spawn(talker.talk(began + length));
        }
        let mut turns = Latencies::default();
        while let Some(talker) = tasks.join_next().await {
            let mut talker = talker??;
            turns.merge(std::mem::take(&mut talker.turns));
            self.talkers.push(talker);
        }
        let took = began.elapsed().as_secs_f64();
        let cpu = self.server.stats()?.cpu.saturating_sub(cpu).as_secs_f64();
        let number = turns.len() as f64;
        if is_recorded {
            self.rates.record(number / took);
            self.cpu_us.record(cpu * 1e6 / number);
            self.turns.merge(turns);
        }
        Ok(())
    }
}

impl Talker {
    /// Has conversations until `end`.
    async fn talk(mut self, end: Instant) -> Result<Self, Failure> {
        let input = Reply::ONE_WORD.input();
        while Instant::now() < end {
            let worker = Worker::create(&mut self.client).await?;
            let mut after = worker.created;
            for _ in 0..CONVERSATION_TURNS {
                let began = Instant::now();
                after = worker.take_turn(&mut self.client, &input, after).await?;
                self.turns.record(began.elapsed());
            }
            worker.delete(&mut self.client).await?;
        }
        Ok(self)
    }
}
