//! Every way a provider can fail ends its run once, with its code, and the worker recovers.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::Instant;
use worker_runtime::{CreateWorker, ProfileSet, RunOutcome};

use crate::fixture::{Fixture, KEY, Run, config};
use testkit::address::ReservedAddress;
use testkit::provider::{ScriptedProvider, ScriptedResponse};

/// The time-out in tests of silent providers: short for the test, and long enough for a
/// reply on a busy machine.
const SHORT_TIMEOUT: Duration = Duration::from_millis(300);
const LONG_TIMEOUT: Duration = Duration::from_secs(5);

/// The first run against a script.
struct FirstRun {
    run: Run,
    /// Requests that the provider received for it.
    requests: usize,
    transcript: Vec<String>,
    took: Duration,
}

impl FirstRun {
    /// Runs once against these responses, then checks that the next run completes and that
    /// both runs ended once.
    async fn against(responses: impl IntoIterator<Item = ScriptedResponse>) -> Self {
        Self::with_timeout(LONG_TIMEOUT, responses).await
    }

    /// The same with a short time-out.
    async fn against_silent(response: ScriptedResponse) -> Self {
        Self::with_timeout(SHORT_TIMEOUT, [response]).await
    }

    async fn with_timeout(
        timeout: Duration,
        responses: impl IntoIterator<Item = ScriptedResponse>,
    ) -> Self {
        let provider = ScriptedProvider::start().await;
        let mut config = config("m", provider.address);
        config.timeouts.first_byte = timeout;
        config.timeouts.idle = timeout;
        let fixture = Fixture::new(&config);
        for response in responses {
            provider.enqueue(response);
        }

        let start = Instant::now();
        let run = fixture.complete_run("hi").await;
        let first = Self {
            run,
            requests: provider.requests().len(),
            transcript: fixture.transcript(),
            took: start.elapsed(),
        };
        provider.enqueue(ScriptedResponse::openai(&["fine"]));
        assert_recovered(&fixture).await;
        first
    }

    /// The code that the run failed with, its requests, and the reply in the transcript.
    fn failed(&self) -> (&str, usize, &str) {
        assert_eq!(self.run.outcome, Some(RunOutcome::Failed), "{:?}", self.run);
        let mut entries = self.transcript.iter();
        let reply = entries.find(|entry| entry.starts_with("assistant"));
        let reply = reply.map_or("", String::as_str);
        (self.run.code.unwrap(), self.requests, reply)
    }

    /// The reply, and its requests.
    fn completed(&self) -> (String, usize) {
        assert_eq!(
            self.run.outcome,
            Some(RunOutcome::Completed),
            "{:?}",
            self.run
        );
        (self.run.text(), self.requests)
    }
}

async fn assert_recovered(fixture: &Fixture) {
    let next = fixture.complete_run("and now?").await;
    assert_eq!(next.text(), "fine", "{next:?}");
    assert_eq!(fixture.run_ends().await, 2);
}

fn ok() -> ScriptedResponse {
    ScriptedResponse::openai(&["ok"])
}

fn status(status: u16) -> ScriptedResponse {
    ScriptedResponse::new(status, &[])
}

fn rejected(code: u16, reason: &str) -> ScriptedResponse {
    let error = json!({"error": {"code": reason}});
    status(code).send(error.to_string())
}

/// A reply that begins with `Hel`.
fn partial() -> ScriptedResponse {
    status(200).delta("Hel")
}

fn finish(reason: &str) -> Value {
    json!({"choices": [{"delta": {}, "finish_reason": reason}]})
}

#[tokio::test]
async fn a_final_status_is_not_retried() {
    for (response, code) in [
        (status(401).send("{}"), "unauthorized"),
        (status(403).send("{}"), "unauthorized"),
        (status(404).send("not found"), "endpoint_wrong"),
        (rejected(400, "content_filter"), "refused"),
        (rejected(429, "insufficient_quota"), "quota_exhausted"),
    ] {
        let first = FirstRun::against([response]).await;
        assert_eq!(first.failed(), (code, 1, ""));
    }
    // A silent error body delays the run by the idle time-out at most.
    let first = FirstRun::against_silent(status(401).stall()).await;
    assert_eq!(first.failed(), ("unauthorized", 1, ""));
}

#[tokio::test]
async fn a_temporary_status_is_retried_a_bounded_number_of_times() {
    for (temporary, code) in [(429, "rate_limited"), (500, "overloaded")] {
        let first = FirstRun::against([status(temporary), ok()]).await;
        assert_eq!(first.completed(), ("ok".to_owned(), 2));
        let first = FirstRun::against([(); 3].map(|()| status(temporary))).await;
        assert_eq!(first.failed(), (code, 3, ""));
    }
}

#[tokio::test]
async fn retry_after_is_honoured_up_to_its_limit() {
    let limited = |after| ScriptedResponse::new(429, &[("retry-after", after)]);
    let first = FirstRun::against([limited("1"), ok()]).await;
    assert_eq!(first.completed(), ("ok".to_owned(), 2));
    assert!(first.took >= Duration::from_secs(1), "{:?}", first.took);
    // Longer than a person waits, but no sign that there is nothing left to wait for.
    let first = FirstRun::against([limited("3600")]).await;
    assert_eq!(first.failed(), ("rate_limited", 1, ""));
    let first = FirstRun::against([limited("3601")]).await;
    assert_eq!(first.failed(), ("quota_exhausted", 1, ""));
}

#[tokio::test]
async fn a_refused_connection_is_unreachable() {
    let address = ReservedAddress::new();
    let fixture = Fixture::new(&config("m", address.get()));
    let run = fixture.complete_run("hi").await;
    assert_eq!(
        (run.outcome, run.code),
        (Some(RunOutcome::Failed), Some("unreachable"))
    );
    let provider = ScriptedProvider::start_at(address.get()).await;
    provider.enqueue(ScriptedResponse::openai(&["fine"]));
    assert_recovered(&fixture).await;
    assert_eq!(provider.requests().len(), 1);
}

#[tokio::test]
async fn a_connection_lost_before_any_text_is_retried() {
    let without_text = ScriptedResponse::new(200, &[("content-length", "100")]);
    let script = [ScriptedResponse::disconnect(), without_text, ok()];
    let first = FirstRun::against(script).await;
    assert_eq!(first.completed(), ("ok".to_owned(), 3));
}

#[tokio::test]
async fn a_connection_lost_in_the_middle_of_a_reply_is_not_retried() {
    // Both ways of telling where a body ends.
    let counted = ScriptedResponse::new(200, &[("content-length", "100000")]).delta("Hel");
    for response in [partial(), counted] {
        let first = FirstRun::against([response]).await;
        assert_eq!(first.failed(), ("reply_cut_off", 1, "assistant: Hel…"));
    }
}

#[tokio::test]
async fn a_silent_provider_times_out() {
    let first = FirstRun::against_silent(partial().stall()).await;
    assert_eq!(first.failed(), ("timed_out", 1, "assistant: Hel…"));
    for silent in [ScriptedResponse::no_answer(), status(200).stall()] {
        let first = FirstRun::against_silent(silent).await;
        assert_eq!(first.failed(), ("timed_out", 1, ""));
        assert!(first.took >= SHORT_TIMEOUT, "{:?}", first.took);
    }
}

#[tokio::test]
async fn a_response_of_another_protocol_is_invalid() {
    let chunked = ScriptedResponse::new(200, &[("transfer-encoding", "chunked")]);
    let long_event = "x".repeat(10 * 1024 * 1024);
    for (response, reply) in [
        (
            partial().send("data: {\"choices\": [{\"del\n\n"),
            "assistant: Hel…",
        ),
        (partial().send(b"data: \xff\xfe\n\n"), "assistant: Hel…"),
        (partial().delta(&long_event), "assistant: Hel…"),
        (status(200).send("Welcome\n"), ""),
        (ScriptedResponse::raw("220 mail.example.com ESMTP\r\n"), ""),
        (chunked.send("not a length\r\n"), ""),
        (status(200).send("{\"hello\": \"world\"}"), ""),
    ] {
        let first = FirstRun::against([response]).await;
        assert_eq!(first.failed(), ("invalid_response", 1, reply));
    }
}

#[tokio::test]
async fn an_empty_reply_is_asked_for_once_more() {
    let empty = || ScriptedResponse::openai(&[]);
    let first = FirstRun::against([empty(), ok()]).await;
    assert_eq!(first.completed(), ("ok".to_owned(), 2));
    let no_content = "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
    for nothing in [
        empty(),
        status(200).send(": comment\n\n"),
        status(200),
        ScriptedResponse::new(200, &[("content-length", "0")]),
        ScriptedResponse::raw(no_content),
    ] {
        let first = FirstRun::against([nothing.clone(), nothing]).await;
        assert_eq!(first.failed(), ("empty_reply", 2, ""));
    }
}

#[tokio::test]
async fn a_page_for_a_browser_is_no_answer_of_a_provider() {
    let page = ScriptedResponse::new(200, &[("content-type", "text/html; charset=utf-8")]);
    for response in [page, status(200)] {
        let first = FirstRun::against([response.send("\n<html>Welcome</html>")]).await;
        assert_eq!(first.failed(), ("endpoint_wrong", 1, ""));
    }
}

/// What a server refuses of the request is left out, at once and from then on.
#[tokio::test]
async fn a_refused_option_or_system_message_is_left_out_from_then_on() {
    for words in [
        "Unrecognized argument: stream_options",
        "System role not supported",
    ] {
        let provider = ScriptedProvider::start().await;
        let fixture = Fixture::new(&config("m", provider.address));
        let refused = status(400).send(json!({"error": {"message": words}}).to_string());
        provider.enqueue(refused);
        provider.enqueue(ok());
        provider.enqueue(ok());
        for _ in 0..2 {
            assert_eq!(fixture.complete_run("hi").await.text(), "ok");
        }
        let sent = provider.requests();
        assert_eq!(sent.len(), 3, "{words}");
        let options = |index: usize| sent[index].body.get("stream_options").is_some();
        let system = |index: usize| sent[index].body["messages"][0]["role"] == "system";
        if words.contains("stream_options") {
            assert_eq!((options(0), options(1), options(2)), (true, false, false));
            assert!(system(2));
        } else {
            assert_eq!((system(0), system(1), system(2)), (true, false, false));
            let first = sent[1].body["messages"][0]["content"].as_str().unwrap();
            assert!(first.ends_with("\n\nhi") && first.len() > 10, "{first}");
        }
    }
}

#[tokio::test]
async fn a_refused_temperature_is_left_out_and_a_refused_field_is_replaced() {
    let provider = ScriptedProvider::start().await;
    let mut config = config("m", provider.address);
    config.max_output_tokens = Some(7);
    let profile =
        "---\nid: local:precise\ndescription: Precise\ntemperature: 0.3\n---\nBe precise.";
    let profiles = ProfileSet::new(profile.parse().unwrap(), []).unwrap();
    let fixture = Fixture::with_profiles(&config, profiles);
    for words in [
        "Unsupported value: 'temperature' does not support 0.3 with this model. Only the default (1) \
         value is supported.",
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use \
         'max_completion_tokens' instead.",
    ] {
        provider.enqueue(status(400).send(json!({"error": {"message": words}}).to_string()));
    }
    provider.enqueue(ok());
    provider.enqueue(ok());
    for _ in 0..2 {
        assert_eq!(fixture.complete_run("hi").await.text(), "ok");
    }
    let sent = provider.requests();
    let fields = |index: usize| {
        let fields = ["temperature", "max_tokens", "max_completion_tokens"];
        fields.map(|name| sent[index].body.get(name).is_some())
    };
    assert_eq!(sent.len(), 4);
    // Words about it, of a request that has none, are about something else.
    let words = "'temperature' does not support it";
    let refused = || status(400).send(json!({"error": {"message": words}}).to_string());
    (0..2).for_each(|_| provider.enqueue(refused()));
    let plain = Fixture::new(&config);
    let run = plain.complete_run(words).await;
    assert_eq!(
        (run.code, provider.requests().len()),
        (Some("request_rejected"), 5)
    );
    assert_eq!(fields(0), [true, true, false]);
    assert_eq!(fields(1), [false, true, false]);
    assert_eq!(
        (fields(2), fields(3)),
        ([false, false, true], [false, false, true])
    );
}

#[tokio::test]
async fn runs_that_learn_at_once_what_is_refused_are_all_asked_again() {
    let provider = ScriptedProvider::start().await;
    let fixture = Fixture::new(&config("m", provider.address));
    let signals = [(); 2].map(|()| Arc::new(Notify::new()));
    let body = json!({"error": {"message": "unknown field stream_options"}}).to_string();
    for signal in &signals {
        provider.enqueue(status(400).wait_for(signal).send(body.clone()));
    }
    provider.respond_with(|_| ok());
    let other = Fixture {
        worker: fixture
            .runtime
            .create(CreateWorker::default())
            .await
            .unwrap()
            .worker
            .id,
        runtime: fixture.runtime.clone(),
    };
    let (first, second) = (fixture.start_run("hi"), other.start_run("hi"));
    while provider.requests().len() < 2 {
        tokio::task::yield_now().await;
    }
    for (signal, (fixture, accepted)) in signals.iter().zip([(&fixture, first), (&other, second)]) {
        signal.notify_one();
        assert_eq!(fixture.run_end(&accepted).await.text(), "ok");
    }
    assert_eq!(provider.requests().len(), 4);
}

#[tokio::test]
async fn a_complete_reply_does_not_need_the_connection_to_close() {
    let silent = partial().event(&finish("stop")).stall();
    let keep_alive = partial().event(&finish("stop"));
    let keep_alive = keep_alive.repeat(": still here\n\n", Duration::from_millis(20));
    for response in [silent, keep_alive] {
        let first = FirstRun::against_silent(response).await;
        assert_eq!(first.completed(), ("Hel".to_owned(), 1));
    }
}

#[tokio::test]
async fn an_error_or_a_filter_in_the_middle_of_a_reply_ends_it() {
    let error = json!({"error": {"type": "overloaded_error", "message": "busy"}});
    let first = FirstRun::against([partial().event(&error)]).await;
    assert_eq!(first.failed(), ("overloaded", 1, "assistant: Hel…"));
    let filtered = partial().event(&finish("content_filter"));
    let first = FirstRun::against([filtered]).await;
    assert_eq!(first.completed(), ("Hel".to_owned(), 1));
    let withheld = status(200).event(&finish("content_filter"));
    let first = FirstRun::against([withheld]).await;
    assert_eq!(first.failed(), ("refused", 1, ""));
}

#[tokio::test]
async fn a_reply_beyond_the_output_limit_is_kept_up_to_the_limit() {
    let kilobytes = "x".repeat(64 * 1024);
    let long = (0..160).fold(partial(), |response, _| response.delta(&kilobytes));
    let first = FirstRun::against([long.end("stop")]).await;
    let (code, requests, reply) = first.failed();
    assert_eq!((code, requests), ("output_limit", 1));
    assert_eq!(reply.len(), "assistant: …".len() + 1024 * 1024);
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_its_target_gets_no_key() {
    let target = ScriptedProvider::start().await;
    let location = format!("http://{}/v1/chat/completions", target.address);
    for status in [301, 302, 303, 307, 308] {
        let redirect = ScriptedResponse::new(status, &[("location", &location)]).send(KEY);
        let first = FirstRun::against([redirect]).await;
        assert_eq!(first.failed(), ("endpoint_wrong", 1, ""), "{status}");
    }
    assert!(target.requests().is_empty());
}

#[tokio::test]
async fn unusual_response_headers_are_accepted() {
    for head in [
        "HTTP/1.0 200 OK\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nconnection: close\r\n\r\n",
    ] {
        let response = ScriptedResponse::raw(head)
            .delta("Hel")
            .delta("lo")
            .end("stop");
        let first = FirstRun::against([response]).await;
        assert_eq!(first.completed(), ("Hello".to_owned(), 1), "{head}");
    }
}
