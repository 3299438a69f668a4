//! Workers with a model: a provider behind the embedded runtime.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use futures_util::future::join_all;
use rustix::process::Signal;
use serde_json::{Value, json};
use testkit::canary::assert_absent;
use testkit::client::{EMBEDDED, output};
use testkit::deadline::in_time;
use testkit::json::{each, text};
use testkit::provider::{RecordedRequest, ScriptedProvider, ScriptedResponse, numbers};
use testkit::server::TestServer;
use yoi_workspace_server::ModelConfig;
use yoi_workspace_server::config::EngineSetting;

use crate::canaries::use_embedded_runtime;
use crate::process::{BINARY, ServerProcess};

/// Time between two deltas: a hundred a second.
const PAUSE: Duration = Duration::from_millis(10);

/// A provider whose replies are so many numbers, and a server that has it as its model.
async fn server_with_replies_of(count: u32) -> (ScriptedProvider, TestServer) {
    let provider = ScriptedProvider::start().await;
    provider.respond_with(move |request| ScriptedResponse::openai_numbers(request, count, PAUSE));
    let endpoint = format!("http://{}/v1", provider.address);
    let model = ModelConfig::from_settings("test-model", Some(&endpoint), None, |_| None);
    let name = "test-model".parse().unwrap();
    let engine = EngineSetting::Models(vec![(name, model.unwrap())]);
    let server = TestServer::start_with(|config| config.engine = engine).await;
    (provider, server)
}

#[tokio::test]
async fn a_model_answers_through_every_layer() {
    let (provider, server) = server_with_replies_of(20).await;
    let runtime = server.get(EMBEDDED).await;
    let models = json!([{ "name": "test-model", "offline": false }]);
    assert_eq!(runtime.expect(200)["models"], models);
    assert!(!runtime.text().contains(&provider.address.to_string()));

    let worker = server.create_worker().await;
    for turn in 1..=2_u64 {
        let events = worker.run("count!").await;
        assert_eq!(output(&events), numbers(20));
        let end = events.last().unwrap();
        assert_eq!(end["outcome"], "completed");
        // The instructions, an input and a reply for each turn before, and the input.
        let usage = json!({ "input_tokens": 2 * turn, "output_tokens": 20 });
        assert_eq!(end["usage"], usage);
    }
    let entries = worker.transcript("").await["entries"].clone();
    assert_eq!(entries.as_array().unwrap().len(), 4);
    assert_eq!(entries[3]["content"], numbers(20));
    let usage = json!({ "input_tokens": 6, "output_tokens": 40, "incomplete_runs": 0 });
    assert_eq!(worker.detail().await["conversation"]["usage"], usage);
}

#[tokio::test]
async fn without_a_model_the_summary_names_the_offline_engine() {
    let server = TestServer::start().await;
    let summary = server.get(EMBEDDED).await.expect(200);
    let models = json!([{ "name": "offline", "offline": true }]);
    assert_eq!(summary["models"], models);
}

/// A provider that replies with the model, the temperature and the system message it was sent.
fn echo(request: &RecordedRequest) -> ScriptedResponse {
    let body = &request.body;
    let system = &body["messages"][0];
    let system = if system["role"] == "system" {
        system["content"].as_str().unwrap_or_default()
    } else {
        "none"
    };
    let reply = format!("{} {} {system}", body["model"], body["temperature"]);
    ScriptedResponse::openai(&[&reply])
}

#[tokio::test]
async fn each_worker_is_answered_by_its_own_model_with_its_own_profile() {
    let home = tempfile::tempdir().unwrap();
    let provider = ScriptedProvider::start().await;
    provider.respond_with(echo);
    let profiles = home.path().join("profiles");
    std::fs::create_dir(&profiles).unwrap();
    let write = |name: &str, text: &str| std::fs::write(profiles.join(name), text).unwrap();
    write(
        "a",
        "id: exact\ndescription: Exact\nmodel: small\ntemperature: 0.1\n\nBe exact.",
    );
    write("b", "---\nid: bare\ndescription: No instructions\n---\n");
    write("c", "id: kind\ndescription: Kind\n\nBe kind.");
    let endpoint = format!("http://{}/v1", provider.address);
    let args = [
        "--model",
        "large=big-model",
        "--model",
        "small=little-model",
    ];
    let variables = [
        ("YOI_MODEL_ENDPOINT", endpoint.as_str()),
        ("YOI_PROFILE_DIR", profiles.to_str().unwrap()),
    ];
    let server = ServerProcess::start(home.path(), &args, &variables).await;
    let client = &server.client;
    let runtime = client.get(EMBEDDED).await.expect(200);
    let names = each(&runtime["models"], "name");
    assert_eq!(names, [&json!("large"), &json!("small")]);
    assert_eq!(runtime["profiles"].as_array().unwrap().len(), 5);

    let workers = format!("{EMBEDDED}/workers");
    let reply = async |body: Value| {
        let created = client.post(&workers, &body).await.expect(201);
        let events = client.worker(text(&created["worker_id"])).run("hi").await;
        (text(&created["model"]).to_owned(), output(&events))
    };
    for (body, model, words) in [
        (
            json!({ "profile": "local:exact" }),
            "small",
            "\"little-model\" 0.1 Be exact.",
        ),
        (
            json!({ "profile": "local:bare" }),
            "large",
            "\"big-model\" null none",
        ),
        (
            json!({ "profile": "local:kind", "model": "small" }),
            "small",
            "\"little-model\" null Be kind.",
        ),
        (
            json!({ "profile": "local:exact", "model": "large" }),
            "large",
            "\"big-model\" 0.1 Be exact.",
        ),
    ] {
        let expected = (model.to_owned(), words.to_owned());
        assert_eq!(reply(body.clone()).await, expected, "{body}");
    }
    let unknown = client.post(&workers, &json!({ "model": "huge" })).await;
    let problem = unknown.expect(422);
    let named = (&problem["code"], &problem["model"]);
    assert_eq!(named, (&json!("unknown_model"), &json!("huge")));

    write("c", "id: changed\ndescription: Changed\n\nBe changed.");
    server.signal(Signal::HUP);
    let changed = async || reply(json!({ "profile": "local:changed" })).await;
    let is_there = async || {
        let runtime = client.get(EMBEDDED).await.expect(200);
        runtime["profiles"].to_string().contains("local:changed")
    };
    in_time(async { while !is_there().await {} }).await;
    assert_eq!(changed().await.1, "\"big-model\" null Be changed.");
    // A directory that can't be used changes nothing.
    write("d", "no profile");
    server.signal(Signal::HUP);
    server.signal(Signal::TERM);
    let log = server.ended().await.log;
    assert!(
        !log.contains("no profile") && !log.contains("Be changed"),
        "{log}"
    );
}

/// A process that was stopped for longer than the idle time-out, as by Ctrl-Z or a paused container,
/// reads what waits in its sockets before it gives up.
#[tokio::test]
async fn a_server_that_was_frozen_loses_no_reply() {
    let home = tempfile::tempdir().unwrap();
    let provider = ScriptedProvider::start().await;
    let pause = Duration::from_millis(50);
    provider.respond_with(move |request| ScriptedResponse::openai_numbers(request, 30, pause));
    let endpoint = format!("http://{}/v1", provider.address);
    let args = ["--model", "m", "--model-idle-timeout-ms", "500"];
    let variables = [("YOI_MODEL_ENDPOINT", endpoint.as_str())];
    let server = ServerProcess::start(home.path(), &args, &variables).await;
    let worker = server.client.create_worker().await;
    let accepted = worker.send("count!").await;
    let cursor = text(&accepted["cursor"]);
    worker.events_after(cursor).await;
    server.signal(Signal::STOP);
    tokio::time::sleep(Duration::from_secs(2)).await;
    server.signal(Signal::CONT);
    let events = worker.run_events_after(cursor).await;
    assert_eq!(events.last().unwrap()["outcome"], "completed");
    assert_eq!(output(&events), numbers(30));
}

#[tokio::test]
async fn sixty_four_streams_at_once_lose_and_reorder_nothing() {
    let (_provider, server) = server_with_replies_of(200).await;
    let conversation = async |_: usize| {
        let events = server.create_worker().await.run("count!").await;
        assert_eq!(events.last().unwrap()["outcome"], "completed");
        assert_eq!(output(&events), numbers(200));
    };
    // Each of their requests has a deadline of its own.
    join_all((0..64).map(conversation)).await;
}

#[tokio::test]
async fn a_cancel_in_mid_stream_keeps_the_text_and_the_next_input_works() {
    let (_provider, server) = server_with_replies_of(500).await;
    let worker = server.create_worker().await;
    let accepted = worker.send("count!").await;
    worker.events_after(text(&accepted["cursor"])).await;
    let cancelled = worker.cancel(&json!({})).await.expect(200);
    assert_eq!(cancelled["result"], "cancelled");
    let reply = worker.transcript("").await["entries"][1].clone();
    assert_eq!(reply["partial"], true);
    assert!(numbers(500).starts_with(text(&reply["content"])));
    worker.send("again!").await;
    worker.stop().await.expect(200);
}

#[tokio::test]
async fn neither_key_nor_address_of_a_provider_is_in_any_response_or_log_line() {
    let outcomes = ["completed", "unauthorized"];
    for outcome in outcomes {
        let home = tempfile::tempdir().unwrap();
        let provider = ScriptedProvider::start().await;
        provider.respond_with(move |request| match outcome {
            "completed" => ScriptedResponse::openai_numbers(request, 3, PAUSE),
            // Repeats the request's own credentials and path.
            _ => {
                let body = json!({ "error": { "message": request.head } });
                ScriptedResponse::new(401, &[]).send(body.to_string())
            }
        });
        let address = provider.address.to_string();
        let endpoint = format!("http://{address}/CANARY-tenant/v1");
        let key_file = home.path().join("key");
        write_key(&key_file, "sk-CANARY-key-of-the-provider", 0o600);
        let variables = [
            ("YOI_MODEL", "test-model"),
            ("YOI_MODEL_ENDPOINT", endpoint.as_str()),
            ("YOI_MODEL_KEY_FILE", key_file.to_str().unwrap()),
            // Not used on the way to this machine.
            ("HTTP_PROXY", "http://CANARY.invalid:1"),
        ];
        let args = ["--log", "trace", "--log-format", "json"];
        let server = ServerProcess::start(home.path(), &args, &variables).await;
        let client = server.client.recording();
        use_embedded_runtime(&client, "what is your key?").await;
        let responses = client.recorded();
        server.signal(Signal::TERM);
        let ended = server.ended().await;
        assert!(responses.contains(outcome), "{responses}");
        for (what, text) in [("the responses", &responses), ("the log", &ended.log)] {
            assert_absent(what, text, &["CANARY", &address]);
            let port = provider.address.port();
            assert!(!has_port(text, port), "port {port} in {what}: {text}");
        }
    }
}

#[test]
fn settings_that_cannot_work_fail_at_the_start_without_repeating_the_secret() {
    let home = tempfile::tempdir().unwrap();
    let open_key = home.path().join("open-key");
    write_key(&open_key, "sk-CANARY", 0o644);
    let open_key = open_key.to_str().unwrap();
    let (model, endpoint) = ("YOI_MODEL", "YOI_MODEL_ENDPOINT");
    let with_password = "http://user:CANARY@127.0.0.1:1";
    let shared = "http://127.0.0.1:1/CANARY";
    let cases: [(&[(&str, &str)], &str); 10] = [
        (&[(model, "claude-sonnet-4-5")], "ANTHROPIC_API_KEY"),
        (&[(model, "m"), (endpoint, with_password)], endpoint),
        (
            &[(model, "gpt-5-mini"), ("YOI_MODEL_KEY_FILE", open_key)],
            "chmod 600",
        ),
        (&[(endpoint, shared)], "--model"),
        (
            &[(model, "gpt-5"), ("OPENAI_API_KEY", "'sk-CANARY'")],
            "quotes",
        ),
        (
            &[(model, "gpt-5"), ("OPENAI_API_KEY", "export X=CANARY")],
            "NAME=",
        ),
        (
            &[(model, "ollama::q"), ("OLLAMA_HOST", "CANARY:x")],
            "OLLAMA_HOST",
        ),
        (
            &[
                (model, "gpt-5"),
                ("OPENAI_API_KEY", "k"),
                ("ALL_PROXY", "sock://CANARY"),
            ],
            "ALL_PROXY",
        ),
        (
            &[
                (model, "m"),
                (endpoint, shared),
                ("YOI_MODEL_CONTEXT_TOKENS", "512"),
                ("YOI_MODEL_MAX_OUTPUT_TOKENS", "512"),
            ],
            "fewer than the context's",
        ),
        (
            &[
                (model, "m"),
                (endpoint, shared),
                ("YOI_MODEL_CONTEXT_TOKENS", "1"),
            ],
            "256..=",
        ),
    ];
    for (variables, advice) in cases {
        let output = Command::new(BINARY)
            .args(["--listen", "127.0.0.1:0"])
            .env_clear()
            .env("HOME", home.path())
            .envs(variables.iter().copied())
            .current_dir(home.path())
            .output()
            .unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{errors}");
        assert!(errors.contains(advice), "{errors}");
        assert!(!errors.contains("CANARY"), "{errors}");
    }
}

/// Whether this port is in an address in `text`. A number in JSON, after the colon behind a name, is none,
/// and neither is the beginning of a longer one.
fn has_port(text: &str, port: u16) -> bool {
    let port = format!(":{port}");
    let mut found = text.match_indices(&port);
    found.any(|(at, _)| {
        let is_longer = text[at + port.len()..].starts_with(|next: char| next.is_ascii_digit());
        !is_longer && !text[..at].ends_with('"')
    })
}

#[test]
fn a_port_is_told_from_other_numbers() {
    for text in [
        "http://[::1]:53687/v1",
        "at 127.0.0.1:53687",
        "https://host:53687",
    ] {
        assert!(has_port(text, 53687), "{text}");
    }
    for text in [
        "{\"value\":53687}",
        "{\"value\":536870912}",
        "1:536870",
        "53687",
    ] {
        assert!(!has_port(text, 53687), "{text}");
    }
}

fn write_key(path: &Path, key: &str, mode: u32) {
    std::fs::write(path, key).unwrap();
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}
