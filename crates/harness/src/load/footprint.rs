//! What the server costs before anybody asks it anything: the time to its first answer, bytes
//! on disk, and memory for what only waits.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::failure::Failure;
use crate::ratio::median;
use crate::server::{Server, Settings};
use crate::worker::Worker;

/// The programs that are delivered; the first is the server alone.
const PROGRAMS: [&str; 2] = ["yoi-workspace-server", "yoi"];
/// Starts that the median is of.
const STARTS: u32 = 25;
/// Long-polls that wait at once.
const POLLS: usize = 2_000;
/// Workers that they wait on: 40 each, below the limit of 64.
const WAITED_ON: usize = 50;
/// Idle workers: as many as the server holds by default.
const WORKERS: usize = 10_000;
/// Workers that come and go before memory is read for the first time.
const WARM_UP: usize = 200;

/// One figure.
pub(super) struct Figure {
    /// What it is of.
    pub(super) what: String,
    /// What was seen.
    pub(super) seen: String,
    /// What is aimed at.
    pub(super) goal: &'static str,
}

/// Measures all of it.
pub(super) async fn measure() -> Result<Vec<Figure>, Failure> {
    let mut figures = Vec::new();
    for name in PROGRAMS {
        figures.push(size(name)?);
    }
    figures.insert(0, first_answer().await?);
    figures.push(waiting_polls().await?);
    figures.push(idle_workers().await?);
    Ok(figures)
}

/// From the start of the process to the first 200 on `/healthz`.
async fn first_answer() -> Result<Figure, Failure> {
    let seen = match program(PROGRAMS[0])? {
        None => not_built(),
        Some(program) => {
            let mut times = Vec::new();
            // The first start reads the program from disk, and is left out.
            for _ in 0..=STARTS {
                times.push(start(&program).await?.as_secs_f64() * 1e3);
            }
            format!("{:.1} ms", median(times.into_iter().skip(1)))
        }
    };
    Ok(Figure {
        what: format!("start to first answer, median of {STARTS}"),
        seen,
        goal: "≤ 50 ms",
    })
}

async fn start(program: &Path) -> Result<Duration, Failure> {
    let settings = Settings::default().program(program).lose_log();
    let began = Instant::now();
    let server = Server::start(settings).await?;
    server.client().get("/healthz").await?.expect(200)?;
    let took = began.elapsed();
    server.terminate().await?;
    Ok(took)
}

fn size(name: &str) -> Result<Figure, Failure> {
    let seen = match program(name)? {
        None => not_built(),
        Some(program) => {
            let metadata = program.metadata();
            mebibytes(metadata.map_err(Failure::io("reading a size"))?.len())
        }
    };
    Ok(Figure {
        what: format!("{name}, stripped"),
        seen,
        goal: "≤ 12 MiB",
    })
}

/// The program of that name beside the harness, if it was built.
fn program(name: &str) -> Result<Option<PathBuf>, Failure> {
    let own = std::env::current_exe().map_err(Failure::io("finding the harness"))?;
    let program = own.with_file_name(name);
    Ok(program.is_file().then_some(program))
}

fn not_built() -> String {
    let [server, client] = PROGRAMS;
    format!("needs cargo build --release -p {server} -p {client}")
}

/// Memory of the process only: what the kernel holds for a socket is not in it.
async fn waiting_polls() -> Result<Figure, Failure> {
    let server = warm().await?;
    let mut client = server.client();
    let workers = Worker::crowd(&mut client, WAITED_ON).await?;
    let before = server.reading()?.resident_bytes;
    let mut waiting: Vec<TcpStream> = Vec::with_capacity(POLLS);
    for worker in workers.iter().cycle().take(POLLS) {
        let poll = server
            .door()
            .request("GET", &worker.poll_path(worker.created), None);
        let mut stream = server.door().connect().await?;
        let sent = stream.write_all(&poll).await;
        sent.map_err(Failure::io("sending a poll"))?;
        waiting.push(stream);
    }
    let wanted = u64::try_from(POLLS).expect("a small number");
    let counts = server.settled(|counts| counts.waiting_pollers == wanted);
    if counts.await?.waiting_pollers != wanted {
        return Err(Failure::TooLate("two thousand long-polls"));
    }
    let after = server.reading()?.resident_bytes;
    drop(waiting);
    Ok(each(
        "waiting long-poll connection",
        before,
        after,
        wanted,
        "≤ 24 KiB",
    ))
}

async fn idle_workers() -> Result<Figure, Failure> {
    let server = warm().await?;
    let mut client = server.client();
    let before = server.reading()?.resident_bytes;
    Worker::crowd(&mut client, WORKERS - WARM_UP).await?;
    let after = server.reading()?.resident_bytes;
    let workers = u64::try_from(WORKERS - WARM_UP).expect("a small number");
    Ok(each("idle worker", before, after, workers, "≤ 1.5 KiB"))
}

/// A server of default settings that has made and answered some of everything.
async fn warm() -> Result<Server, Failure> {
    let settings = Settings::default()
        .flag("--engine-as-configured")
        .lose_log();
    let server = Server::start(settings).await?;
    let mut client = server.client();
    for worker in Worker::crowd(&mut client, WARM_UP).await? {
        worker.detail(&mut client).await?;
    }
    Ok(server)
}

fn each(what: &str, before: u64, after: u64, number: u64, goal: &'static str) -> Figure {
    let bytes = after.saturating_sub(before) / number;
    Figure {
        what: format!("resident memory per {what}, of {number}"),
        seen: kibibytes(bytes),
        goal,
    }
}

fn kibibytes(bytes: u64) -> String {
    let hundredths = bytes * 100 / 1024;
    format!("{}.{:02} KiB", hundredths / 100, hundredths % 100)
}

fn mebibytes(bytes: u64) -> String {
    crate::process_reading::shown(bytes)
}
