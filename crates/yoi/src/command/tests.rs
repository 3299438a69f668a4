//! Commands against prepared responses: what is printed where, and the result.

mod following;

use clap::Parser as _;
use serde_json::{Value, json};

use super::*;
use crate::output::StreamKind;
use crate::output::tests::Captured;
use crate::scripted_server::{
    Scripted, ScriptedServer, accepted, response_budget_exhausted, worker, worker_summary,
};

/// The result of a command, what it printed, and the requests it sent.
struct Finished {
    result: Result<(), Error>,
    out: String,
    err: String,
    requests: Vec<String>,
}

impl Finished {
    #[track_caller]
    fn success(self) -> Self {
        if let Err(error) = &self.result {
            panic!("{error:?}");
        }
        self
    }
}

/// Runs the client command `line` against a scripted server.
async fn run_line(line: &str, script: impl IntoIterator<Item = Scripted>) -> Finished {
    let cli = Cli::try_parse_from(["yoi"].into_iter().chain(line.split(' '))).unwrap();
    let Command::Client(command) = cli.command else {
        panic!("{line} is no client command");
    };
    let format = Format::new(command.client());
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
    Finished {
        result: work(session).await,
        out: captured.out(),
        err: captured.err(),
        requests: server.request_lines(),
    }
}

fn page(ids: &[&str], next: Option<&str>) -> Scripted {
    let items: Vec<Value> = ids.iter().map(|id| worker_summary(id, "idle")).collect();
    let diagnostic =
        json!({"code": "left_out", "severity": "warning", "message": "Some.", "count": 2});
    let page = json!({"items": items, "diagnostics": [diagnostic], "next_page_token": next});
    Scripted::Json(200, page)
}

#[tokio::test]
async fn a_note_says_that_there_are_more_workers() {
    let script = [page(&["a1", "b2"], Some("MSByIA"))];
    let workers = run_line("workers", script).await.success();
    let lines = workers.out.lines();
    let ids: Vec<_> = lines.map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(ids, ["WORKER", "a1", "b2"]);
    assert_eq!(
        workers.err,
        "warning: Some. ×2 [left_out]\nnote: there are more; add --all, or --page-token MSByIA\n"
    );
}

#[tokio::test]
async fn all_pages_are_one_list_even_when_the_response_budget_refuses_one() {
    let script = || {
        let (first, empty) = (page(&["a1"], Some("MSByIA")), page(&[], Some("MSByIA")));
        let refused = response_budget_exhausted(0);
        [first, empty, refused, page(&["b2"], None)]
    };
    let all = run_line("workers --all", script()).await.success();
    assert_eq!(all.out.lines().count(), 3);
    assert_eq!(all.err, "warning: Some. ×2 [left_out]\n");
    let next = "GET /api/workers?limit=200&page_token=MSByIA";
    assert_eq!(all.requests[1..], [next; 3]);
    let all = run_line("workers --all --json", script()).await.success();
    let list: Value = serde_json::from_str(&all.out).unwrap();
    assert_eq!(list["items"].as_array().unwrap().len(), 2);
    assert_eq!(list["diagnostics"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_created_worker_is_its_id_alone_on_standard_output() {
    let create = run_line("create --name Worker", [worker("idle")]).await;
    let create = create.success();
    assert_eq!(create.out, "w1\n");
    assert_eq!(create.err, "note: created “Worker” in backend-internal\n");
    let send = run_line("send w1 hi", [accepted(3, 1)]).await.success();
    assert_eq!((send.out.as_str(), send.err.as_str()), ("run-1\n", ""));
}

#[test]
fn a_completion_script_knows_the_commands() {
    let (captured, mut terminal) = Captured::new(StreamKind::Redirected);
    completions(clap_complete::Shell::Bash, &mut terminal).unwrap();
    assert!(captured.out().contains("transcript"));
}

#[test]
fn client_flags_are_wrong_usage_where_no_server_is_used() {
    let cli = Cli::try_parse_from(["yoi", "--json", "serve"]).unwrap();
    let error = refuse_client_flags(&cli.client, "serve").unwrap_err();
    assert_eq!(error.exit(), Exit::Usage);
    let expected = "--json is for client commands; `yoi serve` is none";
    assert_eq!(error.message(), expected);
}
