//! What the access log has, and how much of it a client without the token can fill. The log is the
//! process's, so this test is alone in its process.

#![expect(
    clippy::unwrap_used,
    reason = "in a test an unwrap is the shortest way to say so"
)]

#[path = "support/log.rs"]
mod log;
#[path = "support/server.rs"]
#[expect(dead_code, reason = "this test needs a part of the fixture alone")]
mod server;

use log::Log;
use server::{Server, TOKEN, WORKER, in_time};

/// Requests of the flood.
const REQUESTS: u64 = 200;

/// What of a log this test counts.
trait Counted {
    fn count(&self, part: &str) -> u64;

    /// The refusals that were left out, as its lines say.
    fn omitted(&self) -> u64;
}

impl Counted for Log {
    fn count(&self, part: &str) -> u64 {
        let text = self.text();
        let lines = text.lines().filter(|line| line.contains(part));
        u64::try_from(lines.count()).unwrap()
    }

    fn omitted(&self) -> u64 {
        let text = self.text();
        let counts = text.lines().filter_map(|line| {
            let (_, count) = line.split_once("omitted=")?;
            count.parse::<u64>().ok()
        });
        counts.sum()
    }
}

#[tokio::test]
async fn polls_are_quiet_and_refusals_without_the_token_are_sampled_and_those_left_out_counted() {
    let log = Log::default();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::INFO)
        .with_writer(log.clone())
        .with_ansi(false)
        .init();
    let server = Server::start().await;
    let poll = server.get(&format!("{WORKER}/events")).await;
    assert_eq!(poll.status, 200);
    let known = server.head("GET", "/api/workers", "If-None-Match: *\r\n");
    assert_eq!(server.send(known.as_bytes()).await.status, 304);
    for quiet in ["events", "workers"] {
        assert_eq!(log.count(quiet), 0, "{:?}", log.text());
    }

    let stranger = server.head("GET", "/api/workspace", "").replace(TOKEN, "x");
    for _ in 0..REQUESTS {
        server.send(stranger.as_bytes()).await;
    }
    let all = async {
        while log.count("status=401") + log.omitted() < REQUESTS {
            tokio::task::yield_now().await;
        }
    };
    in_time(all).await;
    assert_eq!(log.count("status=401") + log.omitted(), REQUESTS);
    assert!(log.count("status=401") < REQUESTS / 2, "{:?}", log.text());

    // Who has the token sees each of their own.
    for _ in 0..REQUESTS {
        server.get("/no/such/path").await;
    }
    assert_eq!(log.count("status=404"), REQUESTS);
}
