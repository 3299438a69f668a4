//! Generates requests for every operation, most of them corrupted: ids, cursors, page tokens,
//! headers, hosts, bodies, methods, single bytes.
//!
//! What must not be repeated contains the echo marker; the content of inputs contains another
//! one. The echo marker never stands where the API promises to show it again.

mod invalid;

use super::targets::Targets;
use super::{CONTENT_MARKER, ECHO_MARKER, ECHO_MARKER_ENCODED};
use crate::client::Endpoint;
use crate::random::Random;

/// Of a hundred requests, how many are valid, and how many are not HTTP.
const VALID_PERCENT: usize = 25;
const NOT_HTTP_PERCENT: usize = 1;
/// Most corruptions of one request.
const CORRUPTIONS_MAX: usize = 3;

/// A request as it is sent.
pub(super) struct Request {
    pub(super) bytes: Vec<u8>,
    /// Whether it is HTTP, so that there must be a response.
    pub(super) is_http: bool,
}

/// The parts of a request that can be corrupted.
struct Parts {
    method: String,
    runtime: String,
    worker: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
    /// How many single bytes are replaced.
    noise: usize,
}

impl Request {
    pub(super) fn random(random: &mut Random, targets: &Targets, endpoint: &Endpoint) -> Self {
        if random.percent(NOT_HTTP_PERCENT) {
            let mut bytes = random.choose(&invalid::NOT_HTTP).to_vec();
            if random.percent(20) {
                bytes = format!("GET /{} HTTP/1.1\r\n\r\n", ECHO_MARKER.repeat(4_000)).into_bytes();
            }
            let is_http = false;
            return Self { bytes, is_http };
        }
        let mut parts = Parts::valid(random, targets, endpoint);
        if !random.percent(VALID_PERCENT) {
            for _ in 0..=random.below(CORRUPTIONS_MAX) {
                parts.corrupt(random);
            }
        }
        Self {
            bytes: parts.write(random),
            is_http: true,
        }
    }
}

impl Parts {
    fn valid(random: &mut Random, targets: &Targets, endpoint: &Endpoint) -> Self {
        let operation = random.choose(&targets.operations);
        let is_local = random.percent(10);
        let (runtime, workers) = if is_local {
            ("local-compat", &targets.recorded)
        } else {
            ("backend-internal", &targets.workers)
        };
        let last = operation.path.rsplit('/').next().unwrap_or_default();
        let body = operation.has_body.then(|| match last {
            "input" => format!(
                "{{\"content\":\"{CONTENT_MARKER} {}\"}}",
                random.below(1_000)
            ),
            "workers" if random.percent(50) => {
                format!("{{\"display_name\":\"{CONTENT_MARKER} name\"}}")
            }
            _ => "{}".to_owned(),
        });
        let query = match last {
            "events" => {
                let (wait, batch) = (random.below(5), random.below(5));
                format!("after={}&wait_ms={wait}&batch_ms={batch}", targets.cursor)
            }
            "transcript" | "workers" if !operation.has_body => {
                format!("limit={}", 1 + random.below(200))
            }
            _ => String::new(),
        };
        let mut headers = vec![
            ("Host".to_owned(), endpoint.address.to_string()),
            (
                "Authorization".to_owned(),
                format!("Bearer {}", endpoint.token),
            ),
        ];
        if body.is_some() {
            headers.push(("Content-Type".to_owned(), "application/json".to_owned()));
        }
        Self {
            method: operation.method.clone(),
            runtime: runtime.to_owned(),
            worker: random.choose(workers).clone(),
            path: operation.path.clone(),
            query,
            headers,
            body: body.map(String::into_bytes),
            noise: 0,
        }
    }

    fn corrupt(&mut self, random: &mut Random) {
        match random.below(7) {
            0 => self.method = (*random.choose(&invalid::METHODS)).to_owned(),
            1 => self.worker = invalid_id(random),
            2 => self.runtime = invalid_id(random),
            3 => {
                let query = *random.choose(&invalid::QUERIES);
                let separator = if self.query.is_empty() { "" } else { "&" };
                self.query = format!("{}{separator}{query}", self.query);
            }
            4 => {
                let (name, value) = *random.choose(&invalid::HEADERS);
                let keep = random.percent(30);
                self.headers.retain(|(known, _)| keep || known != name);
                self.headers.push((name.to_owned(), value.to_owned()));
            }
            5 => self.body = Some(random.choose(&invalid::BODIES).to_vec()),
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
            // No byte of an echo marker is replaced, so that an echo is still recognised.
            let replaceable = self
                .body
                .as_mut()
                .filter(|body| !contains(body, ECHO_MARKER));
            match replaceable.filter(|body| !body.is_empty()) {
                Some(body) => {
                    let at = random.below(body.len());
                    body[at] = u8::try_from(random.below(256)).expect("a byte");
                }
                None => {
                    let positions = unmarked_positions(&target);
                    let at = *random.choose(&positions);
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

fn invalid_id(random: &mut Random) -> String {
    if random.percent(10) {
        ECHO_MARKER.repeat(1 + random.below(100))
    } else {
        (*random.choose(&invalid::IDS)).to_owned()
    }
}

/// The positions of bytes that are part of no echo marker, without the first one.
fn unmarked_positions(target: &[u8]) -> Vec<usize> {
    let mut is_free = vec![true; target.len()];
    is_free[0] = false;
    for marker in [ECHO_MARKER, ECHO_MARKER_ENCODED] {
        for at in 0..target.len() {
            if target[at..].starts_with(marker.as_bytes()) {
                is_free[at..at + marker.len()].fill(false);
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
    use super::super::targets::Operation;
    use super::*;

    #[test]
    fn noise_leaves_every_echo_marker_of_a_target_whole() {
        let target = "/api/PARROTPARROT?page_token=cGFycm90&limit=PARROT";
        let positions = unmarked_positions(target.as_bytes());
        let noisy: String = target
            .char_indices()
            .map(|(at, kept)| if positions.contains(&at) { '~' } else { kept })
            .collect();
        assert_eq!(noisy, "/~~~~PARROTPARROT~~~~~~~~~~~~cGFycm90~~~~~~~PARROT");

        let mut random = Random::new(1);
        for _ in 0..1_000 {
            let parts = Parts {
                method: "GET".to_owned(),
                runtime: String::new(),
                worker: String::new(),
                path: "/api/workers".to_owned(),
                query: "page_token=cGFycm90&limit=PARROT".to_owned(),
                headers: Vec::new(),
                body: None,
                noise: 20,
            };
            let bytes = parts.write(&mut random);
            assert!(contains(&bytes, ECHO_MARKER) && contains(&bytes, ECHO_MARKER_ENCODED));
        }
    }

    #[test]
    fn a_seed_repeats_its_requests_and_every_operation_is_among_them() {
        let document = serde_json::json!({ "paths": {
            "/api/workers": { "parameters": [], "get": {} },
            "/api/runtimes/{runtime_id}/workers/{worker_id}/input": {
                "post": { "requestBody": {} },
            },
            "/api/runtimes/{runtime_id}/workers/{worker_id}/events": { "get": {} },
        } });
        let operations = Operation::from_document(&document);
        assert_eq!(operations.len(), 3);
        let targets = Targets {
            operations: operations.clone(),
            workers: vec!["w".to_owned()],
            recorded: vec!["r".to_owned()],
            cursor: "c".to_owned(),
        };
        let endpoint = Endpoint {
            address: "127.0.0.1:1".parse().unwrap(),
            token: "t".to_owned(),
        };
        let requests = |seed| {
            let mut random = Random::new(seed);
            let next = |_| Request::random(&mut random, &targets, &endpoint).bytes;
            (0..5_000).map(next).collect::<Vec<_>>()
        };
        let all = requests(1);
        assert_eq!(all, requests(1));
        assert_ne!(all, requests(2));
        for operation in operations {
            let path = operation.path.replace("{runtime_id}", "backend-internal");
            let line = format!("{} {}", operation.method, path.replace("{worker_id}", "w"));
            let sent = all
                .iter()
                .any(|request| request.starts_with(line.as_bytes()));
            assert!(sent, "{line} was never sent");
        }
    }
}
