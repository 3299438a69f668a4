//! The fault table: each row ends its run once, with its code, and hurts nobody.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;
use worker_runtime::RunOutcome;

use crate::provider::{Answer, Provider, Step, delta, end, event, head, refusal, reply};
use crate::world::{KEY, Run, World, config};

/// How long a silent provider is waited for where it is silent: short for the test, and
/// long for a good answer on a busy machine.
const STALL: Duration = Duration::from_millis(300);

/// What became of a row.
struct Row {
    run: Run,
    /// Requests that the provider got before it answered well.
    requests: usize,
    transcript: Vec<String>,
    took: Duration,
}

impl Row {
    /// Plays the answers, one a request; then asks again, and is answered.
    async fn play(answers: Vec<Answer>) -> Self {
        let patience = Duration::from_secs(5);
        Self::play_within(patience, answers).await
    }

    /// The same, for answers that are waited for in vain.
    async fn stall(answers: Vec<Answer>) -> Self {
        Self::play_within(STALL, answers).await
    }

    async fn play_within(patience: Duration, answers: Vec<Answer>) -> Self {
        let provider = Provider::start().await;
        let mut config = config("m", provider.address);
        config.timeouts.first_byte = patience;
        config.timeouts.idle = patience;
        let world = World::new(&config);
        answers.into_iter().for_each(|answer| provider.will(answer));

        let start = Instant::now();
        let run = world.says("hi").await;
        let row = Self {
            run,
            requests: provider.requests().len(),
            transcript: world.transcript(),
            took: start.elapsed(),
        };
        provider.will(reply(&["fine"]));
        recovered(&world).await;
        row
    }

    /// The code that the run failed with, how often it was tried, and what was kept.
    fn failed(&self) -> (&str, usize, &str) {
        assert_eq!(self.run.outcome, RunOutcome::Failed, "{:?}", self.run);
        let mut entries = self.transcript.iter();
        let kept = entries.find(|entry| entry.starts_with("assistant"));
        let kept = kept.map_or("", String::as_str);
        (self.run.code.unwrap(), self.requests, kept)
    }

    /// The reply, and how often it was asked for.
    fn completed(&self) -> (String, usize) {
        assert_eq!(self.run.outcome, RunOutcome::Completed, "{:?}", self.run);
        (self.run.text(), self.requests)
    }
}

/// The worker takes the next input, and every run has ended once.
async fn recovered(world: &World) {
    let next = world.says("and now?").await;
    assert_eq!(next.text(), "fine", "{next:?}");
    assert_eq!(world.ends().await, [1, 1]);
}

/// A reply that begins with a word, and goes on like this.
fn begun(rest: impl IntoIterator<Item = Step>) -> Answer {
    let mut answer = vec![head(200, &[]), delta("Hel")];
    answer.extend(rest);
    answer
}

#[tokio::test]
async fn a_refused_key_is_not_tried_again() {
    for status in [401, 403] {
        let row = Row::play(vec![refusal(status, &[], "{}")]).await;
        assert_eq!(row.failed(), ("unauthorized", 1, ""), "{status}");
    }
    // Not even its reason is waited for.
    let row = Row::stall(vec![vec![head(401, &[]), Step::Stall]]).await;
    assert_eq!(row.failed(), ("unauthorized", 1, ""));
}

#[tokio::test]
async fn an_unknown_model_or_path_is_a_wrong_setting() {
    let row = Row::play(vec![refusal(404, &[], "not found")]).await;
    assert_eq!(row.failed(), ("misconfigured", 1, ""));
}

#[tokio::test]
async fn a_question_that_is_not_taken_is_refused() {
    let body = json!({"error": {"code": "content_filter"}}).to_string();
    let row = Row::play(vec![refusal(400, &[], &body)]).await;
    assert_eq!(row.failed(), ("refused", 1, ""));
}

#[tokio::test]
async fn a_rate_limit_is_waited_for_a_bounded_number_of_times() {
    let limited = || refusal(429, &[], "");
    let row = Row::play(vec![limited(), reply(&["ok"])]).await;
    assert_eq!(row.completed(), ("ok".to_owned(), 2));
    let row = Row::play(vec![limited(), limited(), limited()]).await;
    assert_eq!(row.failed(), ("rate_limited", 3, ""));
}

#[tokio::test]
async fn a_rate_limit_says_how_long_to_wait() {
    let limited = |after| refusal(429, &[("retry-after", after)], "");
    let row = Row::play(vec![limited("1"), reply(&["ok"])]).await;
    assert_eq!(row.completed(), ("ok".to_owned(), 2));
    assert!(row.took >= Duration::from_secs(1), "{:?}", row.took);
    let row = Row::play(vec![
        limited("Sun, 06 Nov 1994 08:49:37 GMT"),
        reply(&["ok"]),
    ])
    .await;
    assert_eq!(row.completed(), ("ok".to_owned(), 2));
    // Longer than anybody wants to wait.
    let row = Row::play(vec![limited("3600")]).await;
    assert_eq!(row.failed(), ("rate_limited", 1, ""));
}

#[tokio::test]
async fn a_used_up_quota_is_no_rate_limit_to_wait_for() {
    let body = json!({"error": {"code": "insufficient_quota"}}).to_string();
    let row = Row::play(vec![refusal(429, &[], &body)]).await;
    assert_eq!(row.failed(), ("rate_limited", 1, ""));
}

#[tokio::test]
async fn a_server_error_is_tried_again() {
    let broken = || refusal(500, &[], "oops");
    let row = Row::play(vec![broken(), reply(&["ok"])]).await;
    assert_eq!(row.completed(), ("ok".to_owned(), 2));
    let row = Row::play(vec![broken(), broken(), broken()]).await;
    assert_eq!(row.failed(), ("unreachable", 3, ""));
}

#[tokio::test]
async fn nobody_listens() {
    let address = Provider::nowhere().await;
    let world = World::new(&config("m", address));
    let run = world.says("hi").await;
    assert_eq!(run.outcome, RunOutcome::Failed);
    assert_eq!(run.code, Some("unreachable"));
    let provider = Provider::start_at(address).await;
    provider.will(reply(&["fine"]));
    recovered(&world).await;
    assert_eq!(provider.requests().len(), 1);
}

#[tokio::test]
async fn a_connection_that_is_cut_before_a_word_is_tried_again() {
    let silent = vec![];
    let without_a_word = vec![head(200, &[("content-length", "100")])];
    let row = Row::play(vec![silent, without_a_word, reply(&["ok"])]).await;
    assert_eq!(row.completed(), ("ok".to_owned(), 3));
}

#[tokio::test]
async fn a_connection_that_is_cut_in_mid_reply_is_not_tried_again() {
    // Both ways of telling where a body ends.
    let row = Row::play(vec![begun([])]).await;
    assert_eq!(row.failed(), ("unreachable", 1, "assistant: Hel…"));
    let counted = head(200, &[("content-length", "100000")]);
    let row = Row::play(vec![vec![counted, delta("Hel")]]).await;
    assert_eq!(row.failed(), ("unreachable", 1, "assistant: Hel…"));
}

#[tokio::test]
async fn a_provider_that_falls_silent_times_out() {
    let row = Row::stall(vec![begun([Step::Stall])]).await;
    assert_eq!(row.failed(), ("timed_out", 1, "assistant: Hel…"));
    for silent in [vec![Step::Stall], vec![head(200, &[]), Step::Stall]] {
        let row = Row::stall(vec![silent]).await;
        assert_eq!(row.failed(), ("timed_out", 1, ""));
        assert!(row.took >= STALL, "{:?}", row.took);
    }
}

#[tokio::test]
async fn what_is_no_reply_is_not_understood() {
    let raw = |bytes: &[u8]| Step::Send(bytes.to_vec());
    for rest in [
        raw(b"data: {\"choices\": [{\"del\n\n"),
        raw(b"data: \xff\xfe\n\n"),
    ] {
        let row = Row::play(vec![begun([rest])]).await;
        assert_eq!(row.failed(), ("invalid_response", 1, "assistant: Hel…"));
    }
    let html = vec![head(200, &[]), raw(b"<html>Welcome</html>")];
    let not_http = vec![raw(b"220 mail.example.com ESMTP\r\n")];
    for answer in [html, not_http] {
        let row = Row::play(vec![answer]).await;
        assert_eq!(row.failed(), ("invalid_response", 1, ""));
    }
    let chunked = head(200, &[("transfer-encoding", "chunked")]);
    let row = Row::play(vec![vec![chunked, raw(b"not a length\r\n")]]).await;
    assert_eq!(row.failed(), ("invalid_response", 1, ""));
}

#[tokio::test]
async fn a_whole_reply_needs_no_hanging_up() {
    let whole = event(&json!({"choices": [{"delta": {"content": "lo"}, "finish_reason": "stop"}]}));
    let row = Row::stall(vec![begun([whole, Step::Stall])]).await;
    assert_eq!(row.completed(), ("Hello".to_owned(), 1));
    // Nor does one that keeps the connection alive.
    let stop = event(&json!({"choices": [{"delta": {}, "finish_reason": "stop"}]}));
    let row = Row::stall(vec![begun([stop, Step::Murmur])]).await;
    assert_eq!(row.completed(), ("Hel".to_owned(), 1));
}

#[tokio::test]
async fn an_error_in_mid_reply_ends_it() {
    let error = event(&json!({"error": {"type": "overloaded_error", "message": "busy"}}));
    let row = Row::play(vec![begun([error])]).await;
    assert_eq!(row.failed(), ("unreachable", 1, "assistant: Hel…"));
}

#[tokio::test]
async fn a_reply_beyond_the_limit_is_kept_as_far_as_it_fits() {
    let kilobytes = "x".repeat(64 * 1024);
    let long = (0..160).map(|_| delta(&kilobytes)).chain(end(7, 3));
    let row = Row::play(vec![begun(long)]).await;
    let (code, requests, kept) = row.failed();
    assert_eq!((code, requests), ("output_limit", 1));
    assert_eq!(kept.len(), "assistant: …".len() + 1024 * 1024);
}

#[tokio::test]
async fn a_frame_without_end_is_not_kept() {
    let long = delta(&"x".repeat(10 * 1024 * 1024));
    let row = Row::play(vec![begun([long])]).await;
    assert_eq!(row.failed(), ("invalid_response", 1, "assistant: Hel…"));
}

#[tokio::test]
async fn an_empty_reply_is_none() {
    let row = Row::play(vec![reply(&[])]).await;
    assert_eq!(row.failed(), ("invalid_response", 1, ""));
}

#[tokio::test]
async fn a_reply_that_is_withheld_is_refused() {
    let filtered = event(&json!({"choices": [{"finish_reason": "content_filter"}]}));
    let row = Row::play(vec![begun([filtered])]).await;
    assert_eq!(row.failed(), ("refused", 1, "assistant: Hel…"));
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_no_key_goes_there() {
    let elsewhere = Provider::start().await;
    let there = format!("http://{}/v1/chat/completions", elsewhere.address);
    for status in [301, 302, 303, 307, 308] {
        let row = Row::play(vec![refusal(status, &[("location", &there)], KEY)]).await;
        assert_eq!(row.failed(), ("misconfigured", 1, ""), "{status}");
    }
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn odd_heads_are_read_like_others() {
    let raw = |text: &str| Step::Send(text.as_bytes().to_vec());
    let body = || {
        let mut steps = vec![delta("Hel"), delta("lo")];
        steps.extend(end(7, 3));
        steps
    };
    for head in [
        "HTTP/1.0 200 OK\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nconnection: close\r\n\r\n",
    ] {
        let mut answer = vec![raw(head)];
        answer.extend(body());
        let row = Row::play(vec![answer]).await;
        assert_eq!(row.completed(), ("Hello".to_owned(), 1), "{head}");
    }
    let nothing = vec![raw("HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")];
    let empty = vec![head(200, &[("content-length", "0")])];
    let error = refusal(200, &[], "{\"error\": {\"message\": \"no\"}}");
    for answer in [nothing, empty, error] {
        let row = Row::play(vec![answer]).await;
        assert_eq!(row.failed(), ("invalid_response", 1, ""));
    }
}
