//! Workers that think: a model provider behind the embedded runtime.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};
use yoi_workspace_server::ModelConfig;
use yoi_workspace_server::config::EngineSetting;

use crate::canaries::{Ear, converse};
use crate::fixture::{EMBEDDED, PATIENCE, TestServer};
use crate::process::ServerProcess;
use crate::provider::{Answers, Provider, numbers};

/// A delta this often is a hundred a second.
const FAST: Duration = Duration::from_millis(10);

fn model_at(provider: &Provider) -> ModelConfig {
    let endpoint = format!("http://{}/v1", provider.address);
    ModelConfig::from_settings("test-model", Some(&endpoint), None, |_| None).unwrap()
}

async fn server_with(provider: &Provider) -> TestServer {
    TestServer::start_with(|config| {
        config.engine = EngineSetting::Model(Box::new(model_at(provider)));
    })
    .await
}

/// What the deltas among `events` say.
fn said(events: &[Value]) -> String {
    events
        .iter()
        .filter_map(|event| event["text"].as_str())
        .collect()
}

#[tokio::test]
async fn a_model_answers_through_every_layer() {
    let provider = Provider::start(Answers::Numbers {
        deltas: 20,
        pause: FAST,
    })
    .await;
    let server = server_with(&provider).await;
    let runtime = server.get(EMBEDDED).await;
    let summary = runtime.expect(200);
    assert_eq!(
        summary["model"],
        json!({ "name": "test-model", "offline": false })
    );
    assert!(!runtime.text.contains(&provider.address.to_string()));

    let worker = server.create_worker().await;
    for turn in 1..=2_u64 {
        let events = worker.answers("count!").await;
        assert_eq!(said(&events), numbers(20));
        let end = events.last().unwrap();
        assert_eq!(end["outcome"], "completed");
        // The instructions, then one input and one reply for each turn before, then the input.
        assert_eq!(
            end["usage"],
            json!({ "input_tokens": 2 * turn, "output_tokens": 20 })
        );
    }
    let entries = worker.transcript("").await["entries"].clone();
    assert_eq!(entries.as_array().unwrap().len(), 4);
    assert_eq!(entries[3]["content"], numbers(20));
    let usage = worker.detail().await["conversation"]["usage"].clone();
    assert_eq!(usage, json!({ "input_tokens": 6, "output_tokens": 40 }));
}

#[tokio::test]
async fn without_a_model_the_offline_engine_says_so() {
    let server = TestServer::start().await;
    let summary = server.get(EMBEDDED).await.expect(200);
    assert_eq!(
        summary["model"],
        json!({ "name": "offline", "offline": true })
    );
}

#[tokio::test]
async fn sixty_four_streams_at_once_lose_and_reorder_nothing() {
    let deltas = 200;
    let provider = Provider::start(Answers::Numbers {
        deltas,
        pause: FAST,
    })
    .await;
    let server = server_with(&provider).await;
    let conversation = async |_: usize| {
        let worker = server.create_worker().await;
        let accepted = worker.hears("count!").await;
        let cursor = accepted["cursor"].as_str().unwrap();
        let events = worker.events_until_finished(cursor).await;
        assert_eq!(events.last().unwrap()["outcome"], "completed");
        assert_eq!(said(&events), numbers(deltas));
    };
    let all = futures_util::future::join_all((0..64).map(conversation));
    tokio::time::timeout(PATIENCE, all)
        .await
        .expect("all replies in time");
}

#[tokio::test]
async fn a_cancel_in_mid_stream_keeps_the_text_and_the_next_input_works() {
    let provider = Provider::start(Answers::Numbers {
        deltas: 500,
        pause: FAST,
    })
    .await;
    let server = server_with(&provider).await;
    let worker = server.create_worker().await;
    let accepted = worker.hears("count!").await;
    let path = format!(
        "{}/events?after={}&wait_ms=30000",
        worker.path,
        accepted["cursor"].as_str().unwrap()
    );
    server.get(&path).await.expect(200);
    assert_eq!(
        worker.cancel(&json!({})).await.expect(200)["result"],
        "cancelled"
    );
    let reply = worker.transcript("").await["entries"][1].clone();
    assert_eq!(reply["partial"], true);
    assert!(numbers(500).starts_with(reply["content"].as_str().unwrap()));
    worker.hears("again!").await;
    worker.stop().await.expect(200);
}

#[tokio::test]
async fn neither_key_nor_address_of_a_provider_is_ever_heard_of() {
    let key = "sk-CANARY-key-of-the-provider";
    for answers in [
        Answers::Numbers {
            deltas: 3,
            pause: FAST,
        },
        Answers::Unauthorized,
    ] {
        let home = tempfile::tempdir().unwrap();
        let provider = Provider::start(answers).await;
        let endpoint = format!("http://{}/CANARY-tenant/v1", provider.address);
        let key_file = home.path().join("key");
        write_key(&key_file, key, 0o600);
        let variables = [
            ("YOI_MODEL", "test-model"),
            ("YOI_MODEL_ENDPOINT", endpoint.as_str()),
            ("YOI_MODEL_KEY_FILE", key_file.to_str().unwrap()),
        ];
        let args = ["--log", "trace", "--log-format", "json"];
        let server = ServerProcess::start(home.path(), &args, &variables).await;
        let mut ear = Ear::at(&server);
        converse(&mut ear, "what is your key?").await;
        let heard = ear.into_heard();
        server.signal(Signal::TERM);
        let ended = server.ended().await;
        let expected = match answers {
            Answers::Numbers { .. } => "completed",
            Answers::Unauthorized => "unauthorized",
        };
        assert!(heard.contains(expected), "{heard}");
        let port = provider.address.port().to_string();
        for text in [&heard, &ended.log] {
            for secret in ["CANARY", &provider.address.to_string(), &format!(":{port}")] {
                let leak = text
                    .find(secret)
                    .map(|at| &text[at.saturating_sub(200)..at]);
                assert_eq!(leak, None, "before {secret}");
            }
        }
    }
}

#[test]
fn settings_that_cannot_work_fail_at_the_start_without_saying_the_secret() {
    let home = tempfile::tempdir().unwrap();
    let open_key = home.path().join("open-key");
    write_key(&open_key, "sk-CANARY", 0o644);
    let cases: [(&[(&str, &str)], &str); 4] = [
        (&[("YOI_MODEL", "claude-sonnet-4-5")], "ANTHROPIC_API_KEY"),
        (
            &[
                ("YOI_MODEL", "m"),
                ("YOI_MODEL_ENDPOINT", "http://user:CANARY@127.0.0.1:1"),
            ],
            "YOI_MODEL_ENDPOINT",
        ),
        (
            &[
                ("YOI_MODEL", "gpt-5-mini"),
                ("YOI_MODEL_KEY_FILE", open_key.to_str().unwrap()),
            ],
            "chmod 600",
        ),
        (
            &[("YOI_MODEL_ENDPOINT", "http://127.0.0.1:1/CANARY")],
            "--model",
        ),
    ];
    for (variables, advice) in cases {
        let output = Command::new(env!("CARGO_BIN_EXE_yoi-workspace-server"))
            .args(["--listen", "127.0.0.1:0"])
            .env_clear()
            .env("HOME", home.path())
            .envs(variables.iter().copied())
            .current_dir(home.path())
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(advice), "{said}");
        assert!(!said.contains("CANARY"), "{said}");
    }
}

fn write_key(path: &Path, key: &str, mode: u32) {
    std::fs::write(path, key).unwrap();
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}
