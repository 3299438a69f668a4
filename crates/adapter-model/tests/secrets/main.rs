//! Key and endpoint are seen by the provider and by nobody else.
//!
//! A binary of its own: it listens to all logs of its process, and to its panics.

#![expect(
    clippy::unwrap_used,
    reason = "in a test, an unwrap is the shortest way to say what must hold"
)]

mod listener;
#[path = "../support/provider.rs"]
#[expect(dead_code, reason = "the engine's tests play more")]
mod provider;
#[path = "../support/world.rs"]
#[expect(dead_code, reason = "the engine's tests look closer")]
mod world;

use std::panic;
use std::sync::Arc;

use adapter_model::{ApiKey, Endpoint, ModelConfig, ModelEngine, QUIET_TARGETS};
use serde_json::json;
use worker_runtime::EventsQuery;

use listener::Listener;
use provider::{Answer, Provider, Step, delta, head, refusal, reply};
use world::World;

const KEY: &str = "sk-canary-0123456789";
const PATH: &str = "tenant-canary";

/// What must not be found, in whatever case it is written.
fn canaries(address: &str) -> [String; 4] {
    // The port by itself, for those who print addresses in their own ways.
    let (_, port) = address.rsplit_once(':').unwrap();
    [
        KEY[..KEY.len() / 2].to_owned(),
        PATH.to_owned(),
        address.to_owned(),
        format!(":{port}"),
    ]
}

fn assert_clean(what: &str, text: &str, canaries: &[String]) {
    let text = text.to_lowercase();
    for canary in canaries {
        assert!(
            !text.contains(canary.as_str()),
            "{canary} in {what}: {text}"
        );
    }
}

/// An answer that throws the secrets back in every way.
fn echo(status: u16, address: &str) -> Answer {
    let said = format!("no {KEY} at http://{address}/{PATH}/v1/chat/completions on {address}");
    let body = json!({"error": {"message": said, "code": said, "type": "x"}}).to_string();
    let location = format!("http://{address}/{PATH}");
    let headers = [("location", location.as_str()), ("x-echo", KEY)];
    refusal(status, &headers, &body)
}

#[tokio::test]
async fn key_and_endpoint_appear_nowhere() {
    let listener = Listener::install();
    let provider = Provider::start().await;
    let address = provider.address.to_string();
    let canaries = canaries(&address);
    let endpoint: Endpoint = format!("http://{address}/{PATH}/v1").parse().unwrap();
    let key: ApiKey = KEY.parse().unwrap();
    let config = ModelConfig {
        endpoint: Some(endpoint.clone()),
        key: Some(key.clone()),
        ..world::config("openai::gpt-x", provider.address)
    };
    let world = World::new(&config);

    // Whatever the provider does, nothing of it shows.
    provider.will(reply(&["ok"]));
    for status in [301, 400, 401, 404, 429, 500] {
        provider.will(echo(status, &address));
        if matches!(status, 429 | 500) {
            provider.will(echo(status, &address));
            provider.will(echo(status, &address));
        }
    }
    provider.will(vec![head(200, &[]), delta("Hel")]);
    let raw = |text: &str| Step::Send(text.as_bytes().to_vec());
    provider.will(vec![head(200, &[]), raw(&format!("data: {KEY}\n\n"))]);
    provider.will(vec![raw(&format!("{KEY} {address}\r\n\r\n"))]);
    // A body that is cut off within the key.
    let half = format!("no {}", &KEY[..KEY.len() - 4]);
    provider.will(refusal(401, &[], &half));
    for _ in 0..11 {
        world.says("hi").await;
    }
    drop(provider);
    let engine = ModelEngine::new(&config).unwrap();
    let error = engine.probe().await.unwrap_err();

    let events = world.runtime.events(world.worker, EventsQuery::default());
    let shown = [
        ("events", format!("{:?}", events.await.unwrap())),
        ("worker", format!("{:?}", world.runtime.get(world.worker))),
        ("transcript", world.transcript().join("\n")),
        ("error", format!("{error} {error:?}")),
        (
            "cause",
            format!("{} {:?}", error.cause().unwrap(), error.cause()),
        ),
        ("key", format!("{key:?} {:#?}", config.key)),
        ("endpoint", format!("{endpoint:?} {:#?}", config.endpoint)),
        ("config", format!("{config:?} {config:#?} {}", config.model)),
        ("engine", format!("{engine:?} {engine:#?}")),
    ];
    for (what, text) in &shown {
        assert_clean(what, text, &canaries);
    }
    panic_with(Arc::new((engine, config))).await;
    assert_clean("panic", &listener.panics(), &canaries);
    assert!(listener.panics().contains("ApiKey(redacted)"));

    let logs = listener.logs();
    let is_quiet = |target: &str| {
        let mut quiet = QUIET_TARGETS.iter();
        quiet.any(|quiet| target == *quiet || target.starts_with(&format!("{quiet}::")))
    };
    for (target, text) in logs.iter().filter(|(target, _)| !is_quiet(target)) {
        assert_clean(&format!("a log of {target}"), text, &canaries);
    }
    // Our own logs were heard, with the secrets struck out; and the list isn't idle.
    let ours =
        |text: &str| text.contains("answered with an error") && text.contains("[struck out]");
    assert!(logs.iter().any(|(_, text)| ours(text)), "{logs:?}");
    let leaks = |text: &str| canaries.iter().any(|canary| text.contains(canary.as_str()));
    assert!(
        logs.iter()
            .any(|(target, text)| is_quiet(target) && leaks(text))
    );
}

/// Panics in a task with everything that can be shown.
async fn panic_with(shown: Arc<(ModelEngine, ModelConfig)>) {
    let task = tokio::spawn(async move {
        panic!("{shown:?}");
    });
    assert!(task.await.unwrap_err().is_panic());
    drop(panic::take_hook());
}
