//! Only the provider sees the key and the endpoint.
//!
//! A binary of its own, since it captures all logs and panics of its process.

#![expect(
    clippy::unwrap_used,
    reason = "in a test, an unwrap is the shortest way to say what must hold"
)]

#[path = "../support/fixture.rs"]
#[expect(dead_code, reason = "the engine's tests use more of it")]
mod fixture;
mod log_capture;

use std::panic;
use std::sync::Arc;

use adapter_model::{ApiKey, Endpoint, ModelConfig, ModelEngine, SILENCED_TARGETS};
use serde_json::json;
use worker_runtime::EventsQuery;

use fixture::Fixture;
use log_capture::LogCapture;
use testkit::canary::assert_absent;
use testkit::provider::{ScriptedProvider, ScriptedResponse};

const KEY: &str = "sk-canary-0123456789";
const PATH: &str = "tenant-canary";
/// Shares no four characters with the key, whose fragments are redacted by themselves.
const QUERY: &str = "value-of-query";

/// Texts that must not be found, in whatever case they are written.
fn canaries(address: &str) -> [String; 5] {
    // The port by itself, since some libraries print addresses in their own way.
    let (_, port) = address.rsplit_once(':').unwrap();
    [
        KEY[..KEY.len() / 2].to_owned(),
        PATH.to_owned(),
        QUERY.to_owned(),
        address.to_owned(),
        format!(":{port}"),
    ]
}

/// A response that repeats the secrets in its body and headers.
fn echo(status: u16, address: &str) -> ScriptedResponse {
    let message = format!("no {KEY} at http://{address}/{PATH}/v1/chat?code={QUERY} on {address}");
    let body = json!({"error": {"message": message, "code": message, "type": "x"}});
    let location = format!("http://{address}/{PATH}");
    let headers = [("location", location.as_str()), ("x-echo", KEY)];
    ScriptedResponse::new(status, &headers).send(body.to_string())
}

/// Queues responses that put the secrets wherever a provider could, for eleven runs.
fn enqueue_leaks(provider: &ScriptedProvider) {
    let address = provider.address.to_string();
    provider.enqueue(ScriptedResponse::openai(&["ok"]));
    for status in [301, 400, 401, 404] {
        provider.enqueue(echo(status, &address));
    }
    for retried in [429, 500] {
        for _attempt in 0..3 {
            provider.enqueue(echo(retried, &address));
        }
    }
    let start = ScriptedResponse::new(200, &[]);
    provider.enqueue(start.clone().delta("Hel"));
    provider.enqueue(start.send(format!("data: {KEY}\n\n")));
    provider.enqueue(ScriptedResponse::raw(format!("{KEY} {address}\r\n\r\n")));
    // A body that is cut off within the key.
    let cut_off = format!("no {}", &KEY[..KEY.len() - 4]);
    provider.enqueue(ScriptedResponse::new(401, &[]).send(cut_off));
}

#[tokio::test]
async fn key_and_endpoint_appear_nowhere() {
    let capture = LogCapture::install();
    let provider = ScriptedProvider::start().await;
    let address = provider.address.to_string();
    let canaries = canaries(&address);
    let endpoint: Endpoint = format!("http://{address}/{PATH}/v1?code={QUERY}")
        .parse()
        .unwrap();
    let key: ApiKey = KEY.parse().unwrap();
    let config = ModelConfig {
        endpoint: Some(endpoint.clone()),
        key: Some(key.clone()),
        ..fixture::config("openai::gpt-x", provider.address)
    };
    let fixture = Fixture::new(&config);

    enqueue_leaks(&provider);
    for _ in 0..11 {
        fixture.complete_run("hi").await;
    }
    drop(provider);
    let engine = ModelEngine::new(&config).unwrap();
    let error = engine.probe().await.unwrap_err();
    let cause = error.cause().unwrap();

    let query = EventsQuery::default();
    let events = fixture.runtime.events(fixture.worker, query).await.unwrap();
    let worker = fixture.snapshot();
    for (place, text) in [
        ("events", format!("{events:?}")),
        ("worker", format!("{worker:?}")),
        ("transcript", fixture.transcript().join("\n")),
        ("error", format!("{error} {error:?}")),
        ("cause", format!("{cause} {cause:?}")),
        ("key", format!("{key:?} {:#?}", config.key)),
        ("endpoint", format!("{endpoint:?} {:#?}", config.endpoint)),
        ("config", format!("{config:?} {config:#?} {}", config.model)),
        ("engine", format!("{engine:?} {engine:#?}")),
    ] {
        assert_absent(place, &text, &canaries);
    }
    panic_with(Arc::new((engine, config))).await;
    assert_absent("panic", &capture.panics(), &canaries);
    assert!(capture.panics().contains("ApiKey(redacted)"));
    assert_logs_clean(&capture.logs(), &canaries);
}

/// Checks the logs of all targets that are not silenced, and that both the redacted logs and
/// the list of silenced targets are needed.
fn assert_logs_clean(logs: &[(String, String)], canaries: &[String]) {
    let is_silenced = |target: &str| {
        SILENCED_TARGETS.iter().any(|silenced| {
            let below = target.strip_prefix(silenced);
            below.is_some_and(|below| below.is_empty() || below.starts_with("::"))
        })
    };
    let (silenced, visible): (Vec<_>, Vec<_>) =
        logs.iter().partition(|(target, _)| is_silenced(target));
    for (target, text) in &visible {
        assert_absent(&format!("a log of {target}"), text, canaries);
    }
    let is_redacted =
        |text: &str| text.contains("answered with an error") && text.contains("[redacted]");
    assert!(
        visible.iter().any(|(_, text)| is_redacted(text)),
        "{logs:?}"
    );
    let leaks = |text: &str| canaries.iter().any(|canary| text.contains(canary));
    assert!(silenced.iter().any(|(_, text)| leaks(text)));
}

/// Panics in a task with the `Debug` output of everything.
async fn panic_with(shown: Arc<(ModelEngine, ModelConfig)>) {
    let task = tokio::spawn(async move {
        panic!("{shown:?}");
    });
    assert!(task.await.unwrap_err().is_panic());
    drop(panic::take_hook());
}
