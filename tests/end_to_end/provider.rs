//! A model provider on loopback that speaks OpenAI's streaming protocol, as far as the server
//! asks for it: every reply is the numbers from 0, one a delta, at a steady pace.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

/// What the provider does with every request.
#[derive(Clone, Copy)]
pub(crate) enum Answers {
    /// Numbers, so many of them, one after each pause.
    Numbers { deltas: u32, pause: Duration },
    /// A refusal that repeats the request's own credentials and path.
    Unauthorized,
}

/// A listening provider. Dropping it stops it.
pub(crate) struct Provider {
    pub(crate) address: SocketAddr,
    listening: JoinHandle<()>,
}

impl Provider {
    pub(crate) async fn start(answers: Answers) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let listening = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A client that hangs up in the middle is nothing to report.
                tokio::spawn(async move { serve(stream, answers).await.ok() });
            }
        });
        Self { address, listening }
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// The text of a whole reply.
pub(crate) fn numbers(deltas: u32) -> String {
    (0..deltas).map(|n| format!("{n} ")).collect()
}

async fn serve(stream: TcpStream, answers: Answers) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length");
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    let asked: Value = serde_json::from_slice(&body).expect("a JSON body");
    let stream = stream.get_mut();
    match answers {
        Answers::Numbers { deltas, pause } => stream_numbers(stream, &asked, deltas, pause).await,
        Answers::Unauthorized => {
            let body = json!({ "error": { "message": head } }).to_string();
            let head = "HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\n";
            let answer = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
            stream.write_all(answer.as_bytes()).await
        }
    }
}

async fn stream_numbers(
    stream: &mut TcpStream,
    asked: &Value,
    deltas: u32,
    pause: Duration,
) -> std::io::Result<()> {
    assert_eq!(asked["stream"], true, "{asked}");
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).await?;
    let began = Instant::now();
    for n in 0..deltas {
        // Against the clock, so that a late timer does not slow the pace.
        sleep_until(began + pause * n).await;
        let chunk = json!({ "choices": [{ "index": 0, "delta": { "content": format!("{n} ") } }] });
        stream
            .write_all(format!("data: {chunk}\n\n").as_bytes())
            .await?;
    }
    let last = json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }] });
    let messages = asked["messages"].as_array().map_or(0, Vec::len);
    let usage = json!({
        "choices": [],
        "usage": { "prompt_tokens": messages, "completion_tokens": deltas },
    });
    let end = format!("data: {last}\n\ndata: {usage}\n\ndata: [DONE]\n\n");
    stream.write_all(end.as_bytes()).await
}
