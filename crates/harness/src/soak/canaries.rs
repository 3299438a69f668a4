//! Fuzzed requests at a server that runs at `--log trace` and is full of planted secrets: none
//! of them, and nothing that a client sent, is ever heard of again.

mod mutation;
mod plant;

use std::io::Write as _;

use tokio::io::AsyncWriteExt as _;
use tokio::task::JoinSet;
use tokio::time::{Duration, timeout};

use super::Plan;
use crate::client::{Answer, Client, Door, read_answer};
use crate::failure::Failure;
use crate::process_reading;
use crate::random::Random;
use crate::server::Server;
use crate::verdict::Verdict;
use mutation::{Request, Targets};
use plant::Planted;

/// Clients that ask at the same time.
const CLIENTS: usize = 8;
/// What a client sends where it must not be repeated. It is searched in small letters, because
/// names of headers and hosts come out in them, and so does what `SENT_ENCODED` says.
const SENT: &str = "PARROT";
/// The same in small letters and base64, as in a page token.
const SENT_ENCODED: &str = "cGFycm90";
/// What a client says to workers: for their readers, and for no log.
const SPOKEN: &str = "SPOKEN";
/// Longest wait for an answer to a request that is no HTTP: the server waits for its rest.
const BROKEN_WAIT: Duration = Duration::from_secs(20);
/// Characters around a leak that are shown.
const AROUND: usize = 80;

/// What was heard, and what was wrong with it.
#[derive(Default)]
struct Heard {
    requests: usize,
    /// Answers that have a request's id, and so a line in the log.
    answered: usize,
    by_class: [usize; 6],
    server_errors: Vec<String>,
    leaks: Vec<String>,
    unanswered: usize,
}

pub(super) async fn play(plan: Plan) -> Result<Verdict, Failure> {
    let requests = plan.either(100_000, 8_000);
    let planted = Planted::new().await?;
    let server = Server::start(planted.settings()?).await?;
    let needles = planted.needles(&server.door().token);
    let targets = Targets::find(&mut server.client()).await?;
    let mut tasks = JoinSet::new();
    let mut seeds = Random::of(plan.seed);
    for at in 0..CLIENTS {
        let share = requests / CLIENTS + usize::from(at < requests % CLIENTS);
        let random = Random::of(seeds.next());
        let fuzzer = Fuzzer {
            client: server.client(),
            random,
            targets: targets.clone(),
            needles: needles.clone(),
            heard: Heard::default(),
        };
        tasks.spawn(fuzzer.ask(share));
    }
    let mut heard = Heard::default();
    while let Some(more) = tasks.join_next().await {
        heard.join(more??);
    }
    // It has panicked nowhere that matters if it still answers.
    let well = server.client().get("/healthz").await?.status == 200;
    let line = server.line.replace(&server.door().token, "");
    let ended = server.terminate().await?;

    let mut verdict = Verdict::new();
    verdict.tried(format!(
        "{} fuzzed requests among planted secrets, log at trace",
        heard.requests
    ));
    verdict.must(heard.requests == requests, "not every request was sent");
    let classes: Vec<_> = (1..6)
        .filter(|class| heard.by_class[*class] > 0)
        .map(|class| format!("{class}xx {}", heard.by_class[class]))
        .collect();
    verdict.seen(classes.join(", "));
    for class in [2, 4] {
        verdict.must(
            heard.by_class[class] > requests / 20,
            "the mix is one-sided",
        );
    }
    verdict.none("leaks in answers", heard.leaks.len());
    verdict.none("5xx", heard.server_errors.len());
    verdict.none("requests without an answer", heard.unanswered);
    for what in heard.leaks.iter().chain(&heard.server_errors) {
        verdict.must(false, what.clone());
    }
    verdict.must(well, "the server is not well afterwards");
    verdict.must(ended.status.success(), "the server did not end well");
    read_log(&mut verdict, &ended.log, &needles, heard.answered);
    verdict.must(
        leak(line.as_bytes(), &needles).is_none(),
        "a leak in the first line",
    );
    Ok(verdict)
}

/// What may be in no answer and in no log: the planted secrets, and the marks of what was sent.
#[derive(Clone)]
struct Needles(Vec<String>);

impl Needles {
    /// These secrets, in whatever letters they come out, and the marks.
    fn of(planted: &[&str]) -> Self {
        let all = planted.iter().chain(&[SENT, SENT_ENCODED]);
        Self(all.map(|needle| needle.to_ascii_lowercase()).collect())
    }
}

/// The first planted secret, or echo of what a client sent, in `text`, with what is around it.
fn leak(text: &[u8], needles: &Needles) -> Option<String> {
    let text = String::from_utf8_lossy(text);
    let lower = text.to_ascii_lowercase();
    let at = needles.0.iter().find_map(|needle| lower.find(needle))?;
    let around = text
        .chars()
        .skip(text[..at].chars().count().saturating_sub(AROUND));
    Some(around.take(2 * AROUND).collect())
}

fn read_log(verdict: &mut Verdict, log: &[u8], needles: &Needles, answered: usize) {
    let (mut lines, mut access, mut panics, mut leaks) = (0, 0, 0, 0);
    for line in log.split(|byte| *byte == b'\n') {
        let text = String::from_utf8_lossy(line);
        lines += 1;
        access += usize::from(text.contains("\"yoi::access\""));
        panics += usize::from(text.contains("\"message\":\"panic\""));
        let leaked = leak(line, needles).or_else(|| {
            text.contains(SPOKEN)
                .then(|| "what a client said".to_owned())
        });
        if let Some(leaked) = leaked {
            leaks += 1;
            verdict.must(false, format!("in the log: {leaked}"));
        }
    }
    let bytes = u64::try_from(log.len()).unwrap_or(u64::MAX);
    verdict.seen(format!(
        "a log of {lines} lines, {}, {access} of them answers",
        process_reading::shown(bytes)
    ));
    // A log with gaps would prove nothing of what is in the gaps.
    verdict.must(
        access >= answered,
        format!("the log has {access} of {answered} answers"),
    );
    verdict.none("leaks in the log", leaks);
    verdict.none("panics in the log", panics);
}

impl Heard {
    fn join(&mut self, other: Self) {
        self.requests += other.requests;
        self.answered += other.answered;
        for (sum, more) in self.by_class.iter_mut().zip(other.by_class) {
            *sum += more;
        }
        self.server_errors.extend(other.server_errors);
        self.leaks.extend(other.leaks);
        self.unanswered += other.unanswered;
    }
}

/// One client that sends mutated requests.
struct Fuzzer {
    client: Client,
    random: Random,
    targets: Targets,
    needles: Needles,
    heard: Heard,
}

impl Fuzzer {
    async fn ask(mut self, share: usize) -> Result<Heard, Failure> {
        for _ in 0..share {
            let request = Request::random(&mut self.random, &self.targets, self.client.door());
            self.heard.requests += 1;
            if request.is_broken {
                let answer = ask_brokenly(self.client.door(), &request.bytes).await?;
                answer.iter().for_each(|answer| self.hear(&request, answer));
                continue;
            }
            match self.client.exchange(&request.bytes).await {
                Ok(answer) => {
                    self.hear(&request, &answer);
                    self.targets.learn(&mut self.random, &answer);
                }
                Err(Failure::Closed | Failure::Io { .. }) => {
                    self.heard.unanswered += 1;
                    dump(&request.bytes);
                }
                Err(failure) => return Err(failure),
            }
        }
        Ok(self.heard)
    }

    fn hear(&mut self, request: &Request, answer: &Answer) {
        let head = answer.head_lowercase();
        self.heard.answered += usize::from(head.contains("x-request-id: "));
        if let Some(class) = self
            .heard
            .by_class
            .get_mut(usize::from(answer.status / 100))
        {
            *class += 1;
        }
        if let Some(leaked) = leak(answer.bytes(), &self.needles) {
            self.heard.leaks.push(format!("in an answer: {leaked}"));
            dump(&request.bytes);
        }
        if answer.status >= 500 {
            let first = String::from_utf8_lossy(&request.bytes);
            let first = first.lines().next().unwrap_or_default().to_owned();
            self.heard.server_errors.push(format!(
                "{} {} for {first}",
                answer.status,
                answer.problem_code()
            ));
        }
    }
}

/// Shows a request that came out badly, so that it can be sent again.
fn dump(request: &[u8]) {
    let shown = request.escape_ascii().to_string();
    let _ = writeln!(std::io::stderr(), "request: {shown}");
}

/// Sends what is no HTTP on a connection of its own; the answer, if there is one.
async fn ask_brokenly(door: &Door, bytes: &[u8]) -> Result<Option<Answer>, Failure> {
    let mut stream = door.connect().await?;
    // It may be refused before all of it is out.
    let _ = stream.write_all(bytes).await;
    let _ = stream.shutdown().await;
    let answer = timeout(
        BROKEN_WAIT,
        read_answer(&mut stream, &mut Vec::new(), false),
    )
    .await;
    match answer {
        Ok(Ok(answer)) => Ok(Some(answer)),
        Ok(Err(Failure::Closed | Failure::Io { .. })) => Ok(None),
        Ok(Err(failure)) => Err(failure),
        Err(_) => Err(Failure::TooLate("the end of a broken request")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_found_in_any_letters_and_in_its_encoding() {
        let needles = Needles::of(&["CANARY-secret"]);
        for echo in [
            "a canary-SECRET b",
            "x-parrot: 1",
            "no host Parrot.example",
            "a page_token=cGFycm90",
            "a token of parrot",
        ] {
            assert!(leak(echo.as_bytes(), &needles).is_some(), "{echo}");
        }
        assert_eq!(leak(b"a par rot, a canary", &needles), None);
    }
}
