//! What a run says of itself, through every layer: reasoning, retries, phases, usage, diagnostics,
//! errors with details, and inputs without a reply.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use testkit::json::{each, text};
use testkit::server::TestServer;
use tokio::sync::Notify;
use worker_runtime::{
    EngineError, EngineErrorKind, ErrorDetail, ModelInfo, Output, Report, RunDiagnostic, Turn,
    TurnEngine, Usage,
};
use yoi_workspace_server::config::EngineSetting;

/// Fails when the input says so; else reasons, waits, and replies with what it was given.
struct ReasoningEngine {
    replies: Arc<Notify>,
}

#[async_trait]
impl TurnEngine for ReasoningEngine {
    fn models(&self) -> Vec<ModelInfo> {
        let model = |name: &str| ModelInfo {
            name: name.to_owned(),
            offline: false,
        };
        vec![model("large"), model("small")]
    }

    async fn run(&self, turn: Turn, output: Output) -> Result<(), EngineError> {
        output.report(Report::Retrying {
            kind: EngineErrorKind::Overloaded,
            delay: Duration::from_millis(1_500),
        });
        output.report(Usage {
            input_tokens: Some(7),
            output_tokens: None,
        });
        if &*turn.input == "fail" {
            let error = EngineError::new(EngineErrorKind::RateLimited)
                .with_detail(Some(ErrorDetail::KeyRefused))
                .with_retry_after(Some(Duration::from_millis(2_001)));
            return Err(error);
        }
        output.push_reasoning("let me ").await?;
        output.push_reasoning("think").await?;
        self.replies.notified().await;
        let seen = turn.transcript.iter().map(|entry| &*entry.content);
        let seen = seen.collect::<Vec<_>>().join("|");
        let model = turn.model.unwrap_or_default();
        output.push(&format!("{model}: {seen}")).await?;
        output.report(RunDiagnostic::ReplyCutShort);
        output.report(RunDiagnostic::ContextTruncated { entries: 3 });
        Ok(())
    }
}

async fn reasoning_server() -> (TestServer, Arc<Notify>) {
    let replies = Arc::new(Notify::new());
    let engine = ReasoningEngine {
        replies: Arc::clone(&replies),
    };
    let engine = EngineSetting::Own(Arc::new(engine));
    let server = TestServer::start_with(|config| config.engine = engine).await;
    (server, replies)
}

fn codes(diagnostics: &Value) -> Vec<&str> {
    each(diagnostics, "code").into_iter().map(text).collect()
}

#[tokio::test]
async fn a_run_shows_what_its_engine_does_and_what_readers_should_know() {
    let (server, replies) = reasoning_server().await;
    let worker = server.create_worker().await;
    let accepted = worker.send("hello").await;
    let cursor = text(&accepted["cursor"]);
    let mut seen = worker.events_after(cursor).await;
    while seen["events"].as_array().unwrap().len() < 3 {
        seen = worker.events_after(cursor).await;
    }
    let retrying = &seen["events"][0];
    assert_eq!(retrying["kind"], "run_retrying");
    let why = (&retrying["error_code"], &retrying["delay_ms"]);
    assert_eq!(why, (&json!("overloaded"), &json!(1_500)));
    assert_eq!(seen["events"][1]["kind"], "reasoning_delta");
    assert_eq!(seen["events"][2]["text"], "think");
    let in_flight = worker.transcript("").await["in_flight"].clone();
    assert_eq!(in_flight["phase"], "reasoning");
    assert_eq!(in_flight["reasoning"], "let me think");

    replies.notify_one();
    let events = worker.run_events_after(cursor).await;
    let end = events.last().unwrap();
    let wanted = ["context_truncated", "reply_cut_short"];
    assert_eq!(codes(&end["diagnostics"]), wanted);
    assert_eq!(end["diagnostics"][0]["count"], 3);
    assert_eq!(end["usage"], json!({ "input_tokens": 7 }));
    let reply = worker.transcript("").await["entries"][1].clone();
    assert_eq!(reply["reasoning"], "let me think");
    assert_eq!(codes(&reply["diagnostics"]), wanted);
    let detail = worker.detail().await;
    let totals = json!({ "input_tokens": 7, "incomplete_runs": 1 });
    assert_eq!(detail["conversation"]["usage"], totals);
    assert_eq!(codes(&detail["diagnostics"]), wanted);
    assert_eq!(detail["model"], "large");
}

#[tokio::test]
async fn a_failure_says_what_to_do_and_its_input_is_not_sent_again() {
    let (server, replies) = reasoning_server().await;
    let worker = server.create_worker().await;
    let events = worker.run("fail").await;
    let end = events.last().unwrap();
    for holder in [end, &worker.detail().await["conversation"]["last_run"]] {
        assert_eq!(holder["error_code"], "rate_limited");
        assert_eq!(holder["error_detail"], "key_refused");
        assert_eq!(holder["retry_after_s"], 3);
    }
    replies.notify_one();
    let events = worker.run("and now?").await;
    assert_eq!(events.last().unwrap()["outcome"], "completed");
    let entries = worker.transcript("").await["entries"].clone();
    let unanswered: Vec<_> = entries.as_array().unwrap().iter().collect();
    let unanswered = unanswered.iter().map(|entry| entry["unanswered"] == true);
    assert_eq!(unanswered.collect::<Vec<_>>(), [true, false, false]);
    assert_eq!(entries[2]["content"], "large: ");
}
