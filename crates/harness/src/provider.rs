//! A scripted model provider in a process of its own. It streams replies in the protocol of
//! OpenAI's chat completions, and each delta says when it was written.

use std::convert::Infallible;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};
use futures_util::stream::{self, Stream, StreamExt as _};
use http::header::CONTENT_TYPE;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::runtime::Builder;
use tokio::time::{Instant, sleep_until};

use crate::failure::Failure;
use crate::server::{Process, Settings};
use crate::side_server::{self, serve_streams};

pub(crate) const SUBCOMMAND: &str = "provider";
const COMPLETIONS_PATH: &str = "/v1/chat/completions";
/// What a delta begins with; the microseconds since the Unix epoch follow, and a space.
const STAMP: char = '@';

/// The reply that an input asks for.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Reply {
    pub(crate) deltas: u32,
    /// Microseconds from one delta to the next; with none they come at once.
    pub(crate) gap_us: u64,
}

impl Reply {
    pub(crate) const ONE_WORD: Self = Self {
        deltas: 1,
        gap_us: 0,
    };

    /// The input that asks for it.
    pub(crate) fn input(self) -> String {
        json!(self).to_string()
    }

    /// The events of the stream.
    fn events(self) -> impl Stream<Item = Result<String, Infallible>> {
        let began = Instant::now();
        let gap = Duration::from_micros(self.gap_us);
        let deltas = stream::iter(0..self.deltas).then(move |number| async move {
            sleep_until(began + gap * number).await;
            // Written by hand: what the provider computes is missing to the server beside it.
            let content = format!("{STAMP}{} ", now_us());
            let choice = format!(r#"{{"index":0,"delta":{{"content":"{content}"}}}}"#);
            let event = format!("data: {{\"choices\":[{choice}]}}\n\n");
            Ok(event)
        });
        deltas.chain(stream::iter([Ok(END.to_owned())]))
    }
}

const END: &str = concat!(
    r#"data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
    "\n\ndata: [DONE]\n\n"
);

/// How long ago each delta of a text was written.
pub(crate) fn ages(text: &str) -> impl Iterator<Item = Duration> {
    let now = now_us();
    let written = text.split_whitespace();
    let written = written.filter_map(|word| word.strip_prefix(STAMP)?.parse().ok());
    written.map(move |written| Duration::from_micros(now.saturating_sub(written)))
}

fn now_us() -> u64 {
    let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

#[derive(Deserialize)]
struct Request {
    messages: Vec<Message>,
}

#[derive(Deserialize)]
struct Message {
    content: String,
}

/// Serves until the harness ends the process. Its address is the first line of output.
pub(crate) fn serve() -> ExitCode {
    // One thread, which leaves the rest of the machine to the server.
    let router = Router::new().route(COMPLETIONS_PATH, post(complete));
    side_server::run(Builder::new_current_thread(), serve_streams(router))
}

async fn complete(Json(request): Json<Request>) -> Response {
    let asked = request.messages.last();
    let reply = asked.and_then(|message| serde_json::from_str::<Reply>(&message.content).ok());
    let Some(reply) = reply else {
        return http::StatusCode::BAD_REQUEST.into_response();
    };
    let body = Body::from_stream(reply.events());
    ([(CONTENT_TYPE, "text/event-stream")], body).into_response()
}

/// The running provider.
pub(crate) struct Provider {
    process: Process,
}

impl Provider {
    pub(crate) async fn start() -> Result<Self, Failure> {
        let process = Process::start(SUBCOMMAND, |_| {}).await?;
        Ok(Self { process })
    }

    /// Settings of a server whose model it is.
    pub(crate) fn as_model(&self, settings: Settings) -> Settings {
        settings
            .flag("--engine-as-configured")
            .with("--model", "scripted")
            .with("--model-endpoint", self.completions_url())
    }

    pub(crate) fn completions_url(&self) -> String {
        format!("http://{}{COMPLETIONS_PATH}", self.process.first_line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_reply_has_as_many_stamped_deltas_as_were_asked_for_and_an_end() {
        let asked = Reply {
            deltas: 3,
            gap_us: 1,
        };
        let input = asked.input();
        let reply: Reply = serde_json::from_str(&input).unwrap();
        let events: Vec<_> = reply.events().map(Result::unwrap).collect().await;
        assert_eq!(events.len(), 4);
        assert_eq!(events[3], END);
        let event: serde_json::Value =
            serde_json::from_str(events[0].strip_prefix("data: ").unwrap()).unwrap();
        let content = event["choices"][0]["delta"]["content"].as_str().unwrap();
        let ages: Vec<_> = ages(&content.repeat(2)).collect();
        assert_eq!(ages.len(), 2);
        assert!(ages[0] < Duration::from_mins(1), "{ages:?}");
    }
}
