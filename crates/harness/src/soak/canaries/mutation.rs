//! Requests of every route, most of them with something wrong: ids, cursors, tokens, headers,
//! hosts, bodies, methods, single bytes.
//!
//! What must not be repeated carries the mark of what was sent; what workers are told carries
//! another one. A mark never stands where the API promises to show it again.

mod faults;

use http_api::{OperationInfo, operations};
use registry_core::projection::WorkerPage;
use serde_json::Value;

use super::{SENT, SENT_ENCODED, SPOKEN};
use crate::client::{Answer, Client, Door};
use crate::failure::Failure;
use crate::random::Random;
use crate::worker::Worker;

/// Workers that requests are about.
const WORKERS: usize = 16;
/// Of a hundred requests, how many are as they should be, and how many are no HTTP.
const SOUND_PERCENT: usize = 25;
const BROKEN_PERCENT: usize = 1;
/// Most things that are wrong with one request.
const FAULTS_MAX: usize = 3;

/// What requests are about.
#[derive(Clone)]
pub(super) struct Targets {
    operations: &'static [OperationInfo],
    workers: Vec<String>,
    /// Workers of records, which nothing can be done with.
    recorded: Vec<String>,
    cursor: String,
}

impl Targets {
    /// Creates workers, and finds the recorded ones.
    pub(super) async fn find(client: &mut Client) -> Result<Self, Failure> {
        let workers = Worker::crowd(client, WORKERS).await?;
        let page: WorkerPage = client.read("/api/runtimes/local-compat/workers").await?;
        let recorded: Vec<_> = page.items.iter().map(|w| w.worker_id.to_string()).collect();
        if recorded.is_empty() {
            return Err(Failure::Undocumented("no record is shown".to_owned()));
        }
        let id = |worker: &Worker| worker.path.rsplit('/').next().map(str::to_owned);
        Ok(Self {
            operations: operations(),
            cursor: workers[0].created.to_string(),
            workers: workers.iter().filter_map(id).collect(),
            recorded,
        })
    }

    /// Puts a worker that was just created in another's place, which may be stopped by now.
    pub(super) fn learn(&mut self, random: &mut Random, answer: &Answer) {
        if answer.status == 201 {
            let body: Value = answer.json().unwrap_or_default();
            if let Some(id) = body["worker_id"].as_str() {
                let place = random.below(self.workers.len());
                id.clone_into(&mut self.workers[place]);
            }
        }
    }
}

/// One request.
pub(super) struct Request {
    /// All of it.
    pub(super) bytes: Vec<u8>,
    /// Whether it is no HTTP, so that its answer may be none.
    pub(super) is_broken: bool,
}

/// A request in parts that can be replaced.
struct Parts {
    method: String,
    runtime: String,
    worker: String,
    path: &'static str,
    query: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
    noise: usize,
}

impl Request {
    /// The next request.
    pub(super) fn random(random: &mut Random, targets: &Targets, door: &Door) -> Self {
        if random.percent(BROKEN_PERCENT) {
            let mut bytes = random.one_of(&faults::BROKEN).to_vec();
            if random.percent(20) {
                bytes = format!("GET /{} HTTP/1.1\r\n\r\n", SENT.repeat(4_000)).into_bytes();
            }
            let is_broken = true;
            return Self { bytes, is_broken };
        }
        let mut parts = Parts::sound(random, targets, door);
        if !random.percent(SOUND_PERCENT) {
            for _ in 0..=random.below(FAULTS_MAX) {
                parts.spoil(random);
            }
        }
        Self {
            bytes: parts.write(random),
            is_broken: false,
        }
    }
}

impl Parts {
    fn sound(random: &mut Random, targets: &Targets, door: &Door) -> Self {
        let operation = random.one_of(targets.operations);
        let is_local = random.percent(10);
        let (runtime, workers) = if is_local {
            ("local-compat", &targets.recorded)
        } else {
            ("backend-internal", &targets.workers)
        };
        let last = operation.path.rsplit('/').next().unwrap_or_default();
        let body = operation.takes_body.then(|| match last {
            "input" => format!("{{\"content\":\"{SPOKEN} {}\"}}", random.below(1_000)),
            "workers" if random.percent(50) => format!("{{\"display_name\":\"{SPOKEN} name\"}}"),
            _ => "{}".to_owned(),
        });
        let query = match last {
            "events" => format!("after={}&wait_ms={}", targets.cursor, random.below(5)),
            "transcript" | "workers" if !operation.takes_body => {
                format!("limit={}", 1 + random.below(200))
            }
            _ => String::new(),
        };
        let mut headers = vec![
            ("Host".to_owned(), door.address.to_string()),
            ("Authorization".to_owned(), format!("Bearer {}", door.token)),
        ];
        if body.is_some() {
            headers.push(("Content-Type".to_owned(), "application/json".to_owned()));
        }
        Self {
            method: operation.method.to_owned(),
            runtime: runtime.to_owned(),
            worker: random.one_of(workers).clone(),
            path: &operation.path,
            query,
            headers,
            body: body.map(String::into_bytes),
            noise: 0,
        }
    }

    /// Makes one more thing wrong.
    fn spoil(&mut self, random: &mut Random) {
        match random.below(7) {
            0 => self.method = (*random.one_of(&faults::METHODS)).to_owned(),
            1 => self.worker = an_id(random),
            2 => self.runtime = an_id(random),
            3 => {
                let query = *random.one_of(&faults::QUERIES);
                let separator = if self.query.is_empty() { "" } else { "&" };
                self.query = format!("{}{separator}{query}", self.query);
            }
            4 => {
                let (name, value) = *random.one_of(&faults::HEADERS);
                // In place of the right one, beside it, or alone.
                let keep = random.percent(30);
                self.headers.retain(|(known, _)| keep || known != name);
                self.headers.push((name.to_owned(), value.to_owned()));
            }
            5 => self.body = Some(random.one_of(&faults::BODIES).to_vec()),
            _ => self.noise += 1,
        }
    }

    fn write(mut self, random: &mut Random) -> Vec<u8> {
        let path = self
            .path
            .replace("{runtime_id}", &self.runtime)
            .replace("{worker_id}", &self.worker);
        let separator = if self.query.is_empty() { "" } else { "?" };
        let mut target = format!("{path}{separator}{}", self.query).into_bytes();
        for _ in 0..self.noise {
            // Any byte of what was to be said, but none of a mark: a repeat must be seen.
            let spoken = self.body.as_mut().filter(|body| !contains(body, SENT));
            match spoken.filter(|body| !body.is_empty()) {
                Some(body) => {
                    let at = random.below(body.len());
                    body[at] = u8::try_from(random.below(256)).expect("a byte");
                }
                None => {
                    let places = unmarked(&target);
                    let at = *random.one_of(&places);
                    target[at] = u8::try_from(0x21 + random.below(0x5e)).expect("a byte");
                }
            }
        }
        let mut bytes = format!("{} ", self.method).into_bytes();
        bytes.extend(target);
        bytes.extend(b" HTTP/1.1\r\n");
        for (name, value) in &self.headers {
            bytes.extend(format!("{name}: {value}\r\n").bytes());
        }
        match self.body {
            None => bytes.extend(b"\r\n"),
            Some(body) => {
                bytes.extend(format!("Content-Length: {}\r\n\r\n", body.len()).bytes());
                bytes.extend(body);
            }
        }
        bytes
    }
}

fn an_id(random: &mut Random) -> String {
    if random.percent(10) {
        SENT.repeat(1 + random.below(100))
    } else {
        (*random.one_of(&faults::IDS)).to_owned()
    }
}

/// Where a target's bytes are part of no mark, and not its beginning.
fn unmarked(target: &[u8]) -> Vec<usize> {
    let mut is_free = vec![true; target.len()];
    is_free[0] = false;
    for mark in [SENT, SENT_ENCODED] {
        for at in 0..target.len() {
            if target[at..].starts_with(mark.as_bytes()) {
                is_free[at..at + mark.len()].fill(false);
            }
        }
    }
    (0..target.len()).filter(|at| is_free[*at]).collect()
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_leaves_every_mark_of_a_target_whole() {
        let target = "/api/PARROTPARROT?page_token=cGFycm90&limit=PARROT";
        let places = unmarked(target.as_bytes());
        let noisy: String = target
            .char_indices()
            .map(|(at, kept)| if places.contains(&at) { '~' } else { kept })
            .collect();
        assert_eq!(noisy, "/~~~~PARROTPARROT~~~~~~~~~~~~cGFycm90~~~~~~~PARROT");

        let mut random = Random::of(1);
        for _ in 0..1_000 {
            let parts = Parts {
                method: "GET".to_owned(),
                runtime: String::new(),
                worker: String::new(),
                path: "/api/workers",
                query: "page_token=cGFycm90&limit=PARROT".to_owned(),
                headers: Vec::new(),
                body: None,
                noise: 20,
            };
            let bytes = parts.write(&mut random);
            assert!(contains(&bytes, SENT) && contains(&bytes, SENT_ENCODED));
        }
    }

    #[test]
    fn a_seed_repeats_its_requests_and_every_operation_is_among_them() {
        let targets = Targets {
            operations: operations(),
            workers: vec!["w".to_owned()],
            recorded: vec!["r".to_owned()],
            cursor: "c".to_owned(),
        };
        let door = Door {
            address: "127.0.0.1:1".parse().unwrap(),
            token: "t".to_owned(),
        };
        let requests = |seed| {
            let mut random = Random::of(seed);
            let next = |_| Request::random(&mut random, &targets, &door).bytes;
            (0..5_000).map(next).collect::<Vec<_>>()
        };
        let all = requests(1);
        assert_eq!(all, requests(1));
        assert_ne!(all, requests(2));
        for operation in operations() {
            let path = operation.path.replace("{runtime_id}", "backend-internal");
            let line = format!("{} {}", operation.method, path.replace("{worker_id}", "w"));
            let sent = all
                .iter()
                .any(|request| request.starts_with(line.as_bytes()));
            assert!(sent, "{line} was never sent");
        }
    }
}
