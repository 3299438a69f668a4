//! Commands against prepared responses: what is printed where, and the result.

mod exporting;
mod following;
mod listing;
mod reasoning;

use std::rc::Rc;

use clap::Parser as _;
use serde_json::{Value, json};

use super::*;
use crate::output::StreamKind;
use crate::output::tests::Captured;
use crate::scripted_server::{
    RUN, Scripted, ScriptedServer, accepted, assert_contains, batch, cursor, deleted, finished,
    problem, reply_entry, response_budget_exhausted, thought, transcript_json, w1, worker,
    worker_summary,
};

/// The result of a command, what it printed, and the requests it sent.
struct Finished {
    result: Result<(), Error>,
    out: String,
    err: String,
    requests: Vec<String>,
    whole_requests: Vec<String>,
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
    run_in_session(format, script, async |mut session| match command {
        // The lookup has tests of its own.
        ClientCommand::OneWorker(command) => dispatch_to_worker(&mut session, &w1(), command).await,
        command @ (ClientCommand::Runtimes(_)
        | ClientCommand::Workers(_)
        | ClientCommand::Create(_)
        | ClientCommand::Open(_)) => dispatch(&mut session, command).await,
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
        find_again: Rc::new(|known| Ok(known.clone())),
        reconnect: reconnect::tests::BRIEF,
        last_worker: LastWorker::none(),
        terminal: &mut terminal,
        format,
    };
    Finished {
        result: work(session).await,
        out: captured.out(),
        err: captured.err(),
        requests: server.request_lines(),
        whole_requests: server.requests(),
    }
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

#[tokio::test]
async fn a_created_worker_has_the_model_and_profile_that_were_asked_for() {
    let mut created = worker_summary("w1", "idle");
    created["model"] = "m".into();
    let script = [Scripted::Json(200, created)];
    let create = run_line("create --model m", script).await.success();
    let note = "note: created “Worker” in backend-internal, model m\n";
    assert_eq!(create.err, note);
    assert!(create.whole_requests[0].ends_with(r#"{"model":"m"}"#));
}

#[tokio::test]
async fn the_page_is_opened_with_a_code_and_its_address_printed_where_there_is_no_browser() {
    let code = json!({"code": "c0de-of-22-characters-", "expires_at": "2026-01-05T09:31:00Z"});
    let open = async |line: &str, browser: open::Browser| {
        let cli = Cli::try_parse_from(["yoi"].into_iter().chain(line.split(' '))).unwrap();
        let Command::Client(ClientCommand::Open(args)) = cli.command else {
            panic!("{line}");
        };
        let format = Format::new(&args.client);
        let script = [Scripted::Json(201, code.clone())];
        let opened = run_in_session(format, script, async |mut session| {
            open::open(&mut session, &args, browser).await
        });
        let opened = opened.await.success();
        assert_eq!(opened.requests, ["POST /api/session-codes"]);
        let address = opened.whole_requests[0].lines();
        let address = address.clone().find_map(|line| line.strip_prefix("host: "));
        let address = format!("http://{}/", address.unwrap());
        (opened.out.replace(&address, "/"), opened.err)
    };
    const W: &str = "01a223b8-d9f2-76f9-baef-bbd62806a7ba";
    let (out, err) = open("open", |_| open::Opening::NoScreen).await;
    assert_eq!((&*out, &*err), ("/#code=c0de-of-22-characters-\n", ""));
    let (out, _) = open(&format!("open {W} --print"), |_| panic!("it is opened")).await;
    let with_worker = format!("/#code=c0de-of-22-characters-/backend-internal/{W}\n");
    assert_eq!(out, with_worker);
    let (out, err) = open("open", |address| {
        assert_contains(address, "/#code=c0de");
        open::Opening::Opened
    })
    .await;
    assert_eq!(out, "");
    assert_contains(&err, "opened http://127.0.0.1");
    let (out, _) = open("open --json", |_| panic!("it is opened")).await;
    assert_eq!(out, "{\"url\":\"/#code=c0de-of-22-characters-\"}\n");
}

#[tokio::test]
async fn a_worker_is_renamed_to_the_words_after_its_id() {
    let mut renamed = worker_summary("w1", "stopped");
    renamed["display_name"] = "Second".into();
    let script = || [Scripted::Json(200, renamed.clone())];
    let rename = run_line("rename w1 Second", script()).await.success();
    assert_eq!(rename.out, "w1 is now “Second”\n");
    let request = &rename.whole_requests[0];
    assert!(request.starts_with("PATCH /api/runtimes/backend-internal/workers/w1 HTTP"));
    assert!(request.ends_with(r#"{"display_name":"Second"}"#));
    let json = run_line("rename w1 Second --json", script()).await;
    assert_eq!(json.success().out, format!("{renamed}\n"));
    let blank = Cli::try_parse_from(["yoi", "rename", "w1", " "]);
    assert_eq!(blank.err().unwrap().exit_code(), 2);
}

#[tokio::test]
async fn a_delete_without_anybody_to_ask_needs_a_flag() {
    let unconfirmed = run_line("delete w1", [deleted()]).await;
    let error = unconfirmed.result.unwrap_err();
    assert_eq!(error.exit(), Exit::Usage);
    assert_contains(&error.message(), "add --yes");
    assert_eq!(unconfirmed.requests, Vec::<String>::new());

    let delete = run_line("delete w1 --yes", [deleted()]).await.success();
    assert_eq!(delete.out, "w1 is deleted\n");
    let request = "DELETE /api/runtimes/backend-internal/workers/w1";
    assert_eq!(delete.requests, [request]);
    let json = run_line("delete w1 -y --json", [deleted()]).await;
    let json: Value = serde_json::from_str(&json.success().out).unwrap();
    assert_eq!(
        json,
        json!({"runtime_id": "backend-internal", "worker_id": "w1", "deleted": true})
    );
    let unknown = run_line("delete w1 --yes", [problem(404, "unknown_worker")]).await;
    assert_contains(&unknown.result.unwrap_err().message(), "[unknown_worker]");
    // A success that is none of this API.
    let foreign = run_line("delete w1 --yes", [Scripted::Text(200, "<html>")]).await;
    assert!(matches!(foreign.result, Err(Error::InvalidResponse { .. })));
}

#[tokio::test]
async fn a_transcript_marks_what_is_special_about_an_entry() {
    let mut reply = reply_entry("Yes", true);
    reply["reasoning"] = "Hmm".into();
    reply["diagnostics"] = json!([{
        "code": "reply_cut_short", "severity": "warning", "message": "Cut.", "count": 1,
    }]);
    let mut input = reply_entry("Why?", false);
    input["role"] = "user".into();
    input["sequence"] = 3.into();
    input["unanswered"] = true.into();
    let mut page = transcript_json(7, &json!([input, reply]), Some("On"));
    page["in_flight"]["phase"] = "reasoning".into();
    let at = "2026-01-01T00:00:00Z";
    let heading = format!("4  assistant  {at}  partial  reply_cut_short");
    for (flag, blocks) in [
        ("", format!("{heading}  reasoning 3 bytes\nYes\n\n")),
        (" --reasoning hide", format!("{heading}\nYes\n\n")),
        (
            " --reasoning show",
            format!("{heading}  reasoning\nHmm\n\n{heading}\nYes\n\n"),
        ),
    ] {
        let script = [Scripted::Json(200, page.clone())];
        let printed = run_line(&format!("transcript w1{flag}"), script).await;
        assert_eq!(
            printed.success().out,
            format!(
                "3  user  {at}  unanswered\nWhy?\n\n\
                 {blocks}assistant  run run-1  in progress, reasoning\nOn\n\n"
            )
        );
    }
}

#[tokio::test]
async fn an_event_is_one_line_with_all_that_is_known() {
    let mut failed = finished("failed");
    failed["error_code"] = "rate_limited".into();
    failed["retry_after_s"] = 30.into();
    let mut completed = finished("completed");
    completed["usage"] = json!({"output_tokens": 4});
    completed["diagnostics"] = json!([{
        "code": "reply_cut_short", "severity": "warning", "message": "Cut.", "count": 1,
    }]);
    let mut timed_out = finished("failed");
    timed_out["error_code"] = "timed_out".into();
    timed_out["error_detail"] = "idle_timeout".into();
    let retrying = json!({
        "kind": "run_retrying", "run_id": RUN, "error_code": "overloaded", "delay_ms": 500,
    });
    for (event, line) in [
        (thought("a\nb"), r#"reasoning_delta run run-1  "a\nb""#),
        (
            retrying,
            "run_retrying    run run-1  [overloaded]  in 500 ms",
        ),
        (
            failed,
            "run_finished    run run-1  failed [rate_limited]  retry after 30 s",
        ),
        (
            timed_out,
            "run_finished    run run-1  failed [timed_out/idle_timeout]",
        ),
        (
            completed,
            "run_finished    run run-1  completed  tokens ?+4  reply_cut_short",
        ),
    ] {
        let events = run_line("events w1", [batch(2, [event])]).await.success();
        assert_eq!(events.out, format!("2026-01-01T00:00:00Z  {line}\n"));
    }
}

#[tokio::test]
async fn sums_of_tokens_say_how_many_runs_they_lack() {
    for (known, lacking, tokens) in [
        (
            json!({"input_tokens": 3, "output_tokens": 4}),
            0,
            "3 input, 4 output\n",
        ),
        (
            json!({"input_tokens": 3, "output_tokens": 4}),
            1,
            "3 input, 4 output; 1 run not counted\n",
        ),
        (
            json!({"output_tokens": 4}),
            2,
            "4 output; 2 runs not counted\n",
        ),
        (json!({}), 2, "not known\n"),
    ] {
        let mut worker = worker_summary("w1", "idle");
        worker["model"] = "m".into();
        worker["conversation"] = json!({
            "transcript": {"entries": 0}, "latest_cursor": cursor(9),
            "usage": known,
        });
        worker["conversation"]["usage"]["incomplete_runs"] = lacking.into();
        let show = run_line("show w1", [Scripted::Json(200, worker)]).await;
        let out = show.success().out;
        assert_contains(&out, &format!("tokens         {tokens}"));
        assert_contains(&out, "model          m\n");
    }
}

#[test]
fn client_flags_are_wrong_usage_where_no_server_is_used() {
    let cli = Cli::try_parse_from(["yoi", "--json", "serve"]).unwrap();
    let error = refuse(cli.client.any_flag(), "serve").unwrap_err();
    assert_eq!(error.exit(), Exit::Usage);
    let expected = "--json is for client commands; `yoi serve` is none";
    assert_eq!(error.message(), expected);
}
