//! Fuzzed requests to a server at `--log trace` that is full of planted secrets: neither a secret
//! nor what a client sent appears in a response or in the log.

mod request;
mod secrets;
mod targets;

use std::io::Write as _;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::Plan;
use crate::client::{Client, Endpoint, Response, read_response};
use crate::failure::Failure;
use crate::log_line::LogLine;
use crate::process_stats::format_mib;
use crate::random::Random;
use crate::report::Report;
use crate::server::Server;
use request::Request;
use secrets::PlantedSecrets;
use targets::Targets;

const CLIENTS: usize = 8;
/// What a client sends where it must not be repeated. It is searched in lower case, because
/// names of headers and hosts are repeated so.
const ECHO_MARKER: &str = "PARROT";
/// The same in lower case and base64, as in a page token.
const ECHO_MARKER_ENCODED: &str = "cGFycm90";
/// The content of inputs, which may appear in responses and not in the log.
const CONTENT_MARKER: &str = "SPOKEN";
/// Longest wait for a response to what is not HTTP: the server waits for its rest.
const NOT_HTTP_TIMEOUT: Duration = Duration::from_secs(20);
/// Characters before and after a leak that are shown.
const CONTEXT_CHARS: usize = 80;

/// What the clients observed.
#[derive(Default)]
struct Findings {
    requests: usize,
    /// Responses with a request id, each of which has a line in the log.
    logged: usize,
    by_class: [usize; 6],
    server_errors: Vec<String>,
    leaks: Vec<String>,
    unanswered: usize,
}

impl Findings {
    fn merge(&mut self, other: Self) {
        self.requests += other.requests;
        self.logged += other.logged;
        for (sum, more) in self.by_class.iter_mut().zip(other.by_class) {
            *sum += more;
        }
        self.server_errors.extend(other.server_errors);
        self.leaks.extend(other.leaks);
        self.unanswered += other.unanswered;
    }
}

pub(super) async fn run(plan: Plan) -> Result<Report, Failure> {
    let requests = plan.either(100_000, 8_000);
    let secrets = PlantedSecrets::new().await?;
    let server = Server::start(secrets.settings()?).await?;
    let token = server.endpoint().token.clone();
    let forbidden = secrets.forbidden(&token);
    let targets = Targets::find(&mut server.client()).await?;
    let mut tasks = JoinSet::new();
    let mut seeds = Random::new(plan.seed);
    for client in 0..CLIENTS {
        let share = requests / CLIENTS + usize::from(client < requests % CLIENTS);
        let fuzzer = Fuzzer {
            client: server.client(),
            random: Random::new(seeds.next()),
            targets: targets.clone(),
            forbidden: forbidden.clone(),
            findings: Findings::default(),
        };
        tasks.spawn(fuzzer.send(share));
    }
    let mut findings = Findings::default();
    while let Some(more) = tasks.join_next().await {
        findings.merge(more??);
    }
    let is_healthy = server.client().get("/healthz").await?.status == 200;
    let first_line = server.first_line().replace(&token, "");
    let ended = server.terminate().await?;

    let mut report = Report::default();
    check_findings(&mut report, &findings, requests);
    report.check(is_healthy, "the server is not healthy afterwards");
    report.check(ended.status.success(), "the server's exit code is not 0");
    check_log(&mut report, &ended.log, &forbidden, findings.logged);
    report.check(
        forbidden.find(first_line.as_bytes()).is_none(),
        "a leak in the first line",
    );
    Ok(report)
}

fn check_findings(report: &mut Report, findings: &Findings, requests: usize) {
    report.tried(format!(
        "{} fuzzed requests among planted secrets, log at trace",
        findings.requests
    ));
    report.check(findings.requests == requests, "not every request was sent");
    let classes: Vec<_> = (1..6)
        .filter(|class| findings.by_class[*class] > 0)
        .map(|class| format!("{class}xx {}", findings.by_class[class]))
        .collect();
    report.observed(classes.join(", "));
    for class in [2, 4] {
        report.check(
            findings.by_class[class] > requests / 20,
            format!("fewer than a twentieth are {class}xx"),
        );
    }
    report.expect_zero("leaks in responses", findings.leaks.len());
    report.expect_zero("5xx", findings.server_errors.len());
    report.expect_zero("requests without a response", findings.unanswered);
    for what in findings.leaks.iter().chain(&findings.server_errors) {
        report.check(false, what.clone());
    }
}

/// Checks every line of the log; `logged` responses must each have one, or be counted among the
/// refusals that were left out.
fn check_log(report: &mut Report, log: &[u8], forbidden: &Forbidden, logged: usize) {
    let (mut lines, mut access, mut panics, mut leaks) = (0, 0, 0, 0);
    let mut omitted = 0;
    for line in log.split(|byte| *byte == b'\n') {
        lines += 1;
        if let Some(line) = LogLine::parse(line) {
            match line.field("omitted").as_u64() {
                Some(refusals) => omitted += usize::try_from(refusals).unwrap_or(usize::MAX),
                None => access += usize::from(line.target() == "yoi::access"),
            }
            panics += usize::from(line.message() == "panic");
        }
        let leak = forbidden.find(line).or_else(|| {
            let text = String::from_utf8_lossy(line);
            text.contains(CONTENT_MARKER)
                .then(|| "the content of an input".to_owned())
        });
        if let Some(leak) = leak {
            leaks += 1;
            report.check(false, format!("in the log: {leak}"));
        }
    }
    let bytes = u64::try_from(log.len()).unwrap_or(u64::MAX);
    report.observed(format!(
        "a log of {lines} lines, {}, {access} of them responses, and {omitted} refusals left out",
        format_mib(bytes)
    ));
    // A log with gaps would prove nothing about the missing lines.
    report.check(
        access + omitted >= logged,
        format!("the log has {access} and has left out {omitted} of {logged} responses"),
    );
    report.expect_zero("leaks in the log", leaks);
    report.expect_zero("panics in the log", panics);
}

/// What no response and no log line may contain: the planted secrets and the echo markers, in
/// lower case.
#[derive(Clone)]
struct Forbidden(Vec<String>);

impl Forbidden {
    fn new(secrets: &[&str]) -> Self {
        let all = secrets.iter().chain(&[ECHO_MARKER, ECHO_MARKER_ENCODED]);
        Self(all.map(|text| text.to_ascii_lowercase()).collect())
    }

    /// The first forbidden text in `bytes`, with its context.
    fn find(&self, bytes: &[u8]) -> Option<String> {
        let text = String::from_utf8_lossy(bytes);
        let lower = text.to_ascii_lowercase();
        let at = self.0.iter().find_map(|text| lower.find(text))?;
        let before = text[..at].chars().count().saturating_sub(CONTEXT_CHARS);
        Some(text.chars().skip(before).take(2 * CONTEXT_CHARS).collect())
    }
}

/// A client that sends generated requests.
struct Fuzzer {
    client: Client,
    random: Random,
    targets: Targets,
    forbidden: Forbidden,
    findings: Findings,
}

impl Fuzzer {
    async fn send(mut self, share: usize) -> Result<Findings, Failure> {
        for _ in 0..share {
            let request = Request::random(&mut self.random, &self.targets, self.client.endpoint());
            self.findings.requests += 1;
            if !request.is_http {
                let response = send_raw(self.client.endpoint(), &request.bytes).await?;
                if let Some(response) = response {
                    self.inspect(&request, &response);
                }
                continue;
            }
            match self.client.send(&request.bytes).await {
                Ok(response) => {
                    self.inspect(&request, &response);
                    self.targets.learn(&mut self.random, &response);
                }
                Err(Failure::Closed | Failure::Io { .. }) => {
                    self.findings.unanswered += 1;
                    dump(&request.bytes);
                }
                Err(failure) => return Err(failure),
            }
        }
        Ok(self.findings)
    }

    fn inspect(&mut self, request: &Request, response: &Response) {
        let has_id = response.head_lowercase().contains("x-request-id: ");
        self.findings.logged += usize::from(has_id);
        let class = usize::from(response.status / 100);
        if let Some(count) = self.findings.by_class.get_mut(class) {
            *count += 1;
        }
        if let Some(leak) = self.forbidden.find(response.bytes()) {
            self.findings.leaks.push(format!("in a response: {leak}"));
            dump(&request.bytes);
        }
        if response.status >= 500 {
            let first = String::from_utf8_lossy(&request.bytes);
            let first = first.lines().next().unwrap_or_default();
            let (status, code) = (response.status, response.problem_code());
            let error = format!("{status} {code} for {first}");
            self.findings.server_errors.push(error);
        }
    }
}

/// Prints a request that found a fault, so that it can be sent again.
fn dump(request: &[u8]) {
    let _ = writeln!(std::io::stderr(), "request: {}", request.escape_ascii());
}

/// Sends what is not HTTP on a connection of its own; the response, if there is one.
async fn send_raw(endpoint: &Endpoint, bytes: &[u8]) -> Result<Option<Response>, Failure> {
    let mut stream = endpoint.connect().await?;
    // Both fail if the server refuses before everything was sent.
    let _ = stream.write_all(bytes).await;
    let _ = stream.shutdown().await;
    let mut unread = Vec::new();
    let response = read_response(&mut stream, &mut unread, false);
    match timeout(NOT_HTTP_TIMEOUT, response).await {
        Ok(Ok(response)) => Ok(Some(response)),
        Ok(Err(Failure::Closed | Failure::Io { .. })) => Ok(None),
        Ok(Err(failure)) => Err(failure),
        Err(_) => Err(Failure::Timeout(
            "the response to a request that is not HTTP",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forbidden_text_is_found_in_any_case_and_in_its_encoding() {
        let forbidden = Forbidden::new(&["CANARY-secret"]);
        for echo in [
            "a canary-SECRET b",
            "x-parrot: 1",
            "no host Parrot.example",
            "a page_token=cGFycm90",
            "a token of parrot",
        ] {
            assert!(forbidden.find(echo.as_bytes()).is_some(), "{echo}");
        }
        assert_eq!(forbidden.find(b"a par rot, a canary"), None);
    }
}
