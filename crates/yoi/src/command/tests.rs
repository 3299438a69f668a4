//! Commands against prepared answers: what is printed where, and how it ends.

mod following;

use clap::Parser as _;
use registry_core::WorkerRef;
use serde_json::{Value, json};

use super::*;
use crate::failure::RunEnd;
use crate::output::Leads;
use crate::output::tests::Paper;
use crate::scripted_server::{Does, RUN, ScriptedServer, cursor, no_room, worker};

/// What a command printed, and how it ended.
struct Ran {
    result: Result<(), Failure>,
    out: String,
    err: String,
    asked: Vec<String>,
}

impl Ran {
    fn run_end(self) -> RunEnd {
        let failure = self.result.unwrap_err();
        let Failure::RunEnded(end) = failure else {
            panic!("{failure:?}");
        };
        end
    }
}

/// Types `line` at a server that does what `script` says.
async fn typed(line: &str, script: impl IntoIterator<Item = Does>) -> Ran {
    let cli = Cli::try_parse_from(line.split(' ')).unwrap();
    let Command::Client(command) = cli.command else {
        panic!("{line} asks no server");
    };
    let format = if command.client().json {
        Format::Json
    } else {
        Format::Text
    };
    ran(format, script, async |mut session: Session<'_>| {
        session.carry_out(command).await
    })
    .await
}

/// Does `work` with a server that does what `script` says.
async fn ran(
    format: Format,
    script: impl IntoIterator<Item = Does>,
    work: impl AsyncFnOnce(Session<'_>) -> Result<(), Failure>,
) -> Ran {
    let server = ScriptedServer::start(script).await;
    let (paper, mut terminal) = Paper::new(Leads::Elsewhere);
    let session = Session {
        client: server.client(),
        terminal: &mut terminal,
        format,
    };
    let result = work(session).await;
    Ran {
        result,
        out: paper.out(),
        err: paper.err(),
        asked: server.asked(),
    }
}

fn w1() -> WorkerRef {
    WorkerRef::new("backend-internal".parse().unwrap(), "w1".parse().unwrap())
}

fn accepted() -> Does {
    Does::Answers(
        202,
        json!({"run_id": RUN, "sequence": 3, "cursor": cursor(1)}),
    )
}

fn page(ids: &[&str], next: Option<&str>) -> Does {
    let items: Vec<Value> = ids
        .iter()
        .map(|id| {
            json!({
                "runtime_id": "r", "worker_id": id, "display_ref": "x",
                "display_name": "Name", "implementation_kind": "embedded", "state": "idle",
                "capabilities": [], "diagnostics": [],
            })
        })
        .collect();
    let remark = json!({"code": "left_out", "severity": "warning", "message": "Some.", "count": 2});
    let mut page = json!({"items": items, "diagnostics": [remark]});
    if let Some(next) = next {
        page["next_page_token"] = next.into();
    }
    Does::Answers(200, page)
}

#[tokio::test]
async fn a_page_of_workers_says_that_there_are_more() {
    let ran = typed("yoi workers", [page(&["a1", "b2"], Some("MSByIA"))]).await;
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
    let ran = typed("yoi workers --all", pages()).await;
    ran.result.unwrap();
    assert_eq!(ran.out.lines().count(), 3);
    assert_eq!(ran.err, "warning: Some. ×2 [left_out]\n");
    assert_eq!(ran.asked[1], "GET /api/workers?limit=200&page_token=MSByIA");
    let ran = typed("yoi workers --all --json", pages()).await;
    ran.result.unwrap();
    let list: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(list["items"].as_array().unwrap().len(), 2);
    assert_eq!(list["diagnostics"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_page_that_there_is_no_room_for_costs_none_of_the_others() {
    let script = [
        page(&["a1"], Some("MSByIA")),
        no_room(0),
        page(&["b2"], None),
    ];
    let ran = typed("yoi workers --all", script).await;
    ran.result.unwrap();
    assert_eq!(ran.out.lines().count(), 3);
    assert_eq!(ran.asked[1], ran.asked[2]);
}

#[tokio::test]
async fn a_created_worker_is_its_id_alone_on_standard_output() {
    let ran = typed("yoi create --name Worker", [worker("idle", Value::Null)]).await;
    ran.result.unwrap();
    assert_eq!(ran.out, "w1\n");
    assert_eq!(ran.err, "note: created “Worker” in backend-internal\n");
    let ran = typed("yoi send w1 hi", [accepted()]).await;
    assert_eq!((ran.out.as_str(), ran.err.as_str()), ("run-1\n", ""));
}

#[test]
fn a_completion_script_knows_the_commands() {
    let (paper, mut terminal) = Paper::new(Leads::Elsewhere);
    completions(clap_complete::Shell::Bash, &mut terminal).unwrap();
    assert!(paper.out().contains("transcript"));
}

#[test]
fn flags_about_a_server_mean_nothing_where_none_is_asked() {
    let args = ClientArgs {
        json: true,
        ..ClientArgs::default()
    };
    let failure = refuse_client_flags(&args, "serve").unwrap_err();
    assert_eq!(failure.exit(), Exit::Usage);
    assert_eq!(
        failure.line(),
        "--json is for commands that ask a server; `yoi serve` does not"
    );
}
