//! Commands against prepared responses: what is printed where, and the result.

mod following;

use clap::Parser as _;
use registry_core::WorkerRef;
use serde_json::{Value, json};

use super::*;
use crate::error::RunEnd;
use crate::output::StreamKind;
use crate::output::tests::Captured;
use crate::scripted_server::{
    Scripted, ScriptedServer, accepted, accepted_json, cursor, response_budget_exhausted, worker,
    worker_summary,
};

/// What a command printed, its result, and the requests it sent.
struct Finished {
    result: Result<(), Error>,
    out: String,
    err: String,
    requests: Vec<String>,
}

impl Finished {
    fn run_end(self) -> RunEnd {
        let error = self.result.unwrap_err();
        let Error::RunEnded(end) = error else {
            panic!("{error:?}");
        };
        end
    }
}

/// Runs the command `line` against a scripted server.
async fn run_line(line: &str, script: impl IntoIterator<Item = Scripted>) -> Finished {
    let cli = Cli::try_parse_from(line.split(' ')).unwrap();
    let Command::Client(command) = cli.command else {
        panic!("{line} is no client command");
    };
    let format = if command.client().json {
        Format::Json
    } else {
        Format::Text
    };
    run_in_session(format, script, async |mut session| {
        dispatch(&mut session, command).await
    })
    .await
}

/// Runs `work` in a session with a scripted server.
async fn run_in_session(
    format: Format,
    script: impl IntoIterator<Item = Scripted>,
    work: impl AsyncFnOnce(Session<'_>) -> Result<(), Error>,
) -> Finished {
    let server = ScriptedServer::start(script).await;
    let (captured, mut terminal) = Captured::new(StreamKind::Redirected);
    let session = Session {
        client: server.client(),
        terminal: &mut terminal,
        format,
    };
    let result = work(session).await;
    Finished {
        result,
        out: captured.out(),
        err: captured.err(),
        requests: server.request_lines(),
    }
}

fn w1() -> WorkerRef {
    WorkerRef::new("backend-internal".parse().unwrap(), "w1".parse().unwrap())
}

fn page(ids: &[&str], next: Option<&str>) -> Scripted {
    let items: Vec<Value> = ids.iter().map(|id| worker_summary(id, "idle")).collect();
    let diagnostic =
        json!({"code": "left_out", "severity": "warning", "message": "Some.", "count": 2});
    let mut page = json!({"items": items, "diagnostics": [diagnostic]});
    if let Some(next) = next {
        page["next_page_token"] = next.into();
    }
    Scripted::Json(200, page)
}

#[tokio::test]
async fn a_note_says_that_there_are_more_workers() {
    let ran = run_line("yoi workers", [page(&["a1", "b2"], Some("MSByIA"))]).await;
    ran.result.unwrap();
    let first: Vec<_> = ran
        .out
        .lines()
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    assert_eq!(first, ["WORKER", "a1", "b2"]);
    assert_eq!(
        ran.err,
        "warning: Some. ×2 [left_out]\nnote: there are more; add --all, or --page-token MSByIA\n"
    );
}

#[tokio::test]
async fn all_pages_are_one_list() {
    let pages = || {
        [
            page(&["a1"], Some("MSByIA")),
            page(&[], Some("MSByIA")),
            page(&["b2"], None),
        ]
    };
    let ran = run_line("yoi workers --all", pages()).await;
    ran.result.unwrap();
    assert_eq!(ran.out.lines().count(), 3);
    assert_eq!(ran.err, "warning: Some. ×2 [left_out]\n");
    assert_eq!(
        ran.requests[1],
        "GET /api/workers?limit=200&page_token=MSByIA"
    );
    let ran = run_line("yoi workers --all --json", pages()).await;
    ran.result.unwrap();
    let list: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(list["items"].as_array().unwrap().len(), 2);
    assert_eq!(list["diagnostics"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_page_refused_by_the_response_budget_is_read_again() {
    let script = [
        page(&["a1"], Some("MSByIA")),
        response_budget_exhausted(0),
        page(&["b2"], None),
    ];
    let ran = run_line("yoi workers --all", script).await;
    ran.result.unwrap();
    assert_eq!(ran.out.lines().count(), 3);
    assert_eq!(ran.requests[1], ran.requests[2]);
}

#[tokio::test]
async fn a_created_worker_is_its_id_alone_on_standard_output() {
    let ran = run_line("yoi create --name Worker", [worker("idle")]).await;
    ran.result.unwrap();
    assert_eq!(ran.out, "w1\n");
    assert_eq!(ran.err, "note: created “Worker” in backend-internal\n");
    let ran = run_line("yoi send w1 hi", [accepted(3, 1)]).await;
    assert_eq!((ran.out.as_str(), ran.err.as_str()), ("run-1\n", ""));
}

#[test]
fn a_completion_script_knows_the_commands() {
    let (captured, mut terminal) = Captured::new(StreamKind::Redirected);
    completions(clap_complete::Shell::Bash, &mut terminal).unwrap();
    assert!(captured.out().contains("transcript"));
}

#[test]
fn client_flags_are_wrong_usage_where_no_server_is_used() {
    let args = ClientArgs {
        json: true,
        ..ClientArgs::default()
    };
    let error = refuse_client_flags(&args, "serve").unwrap_err();
    assert_eq!(error.exit(), Exit::Usage);
    assert_eq!(
        error.message(),
        "--json is for client commands; `yoi serve` is none"
    );
}
