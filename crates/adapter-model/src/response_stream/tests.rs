//! How much is read of a body in one poll, and how long one is read.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use futures_util::{FutureExt as _, StreamExt as _, stream};
use http_body_util::StreamBody;
use hyper::body::Frame;
use reqwest::Body as RequestBody;

use super::*;
use crate::protocol::OpenAi;

/// Polls once for the next piece of a response whose body is `body`, and returns how many bytes
/// were read of it.
async fn bytes_of_one_poll(body: Vec<u8>) -> usize {
    let bytes = body.len();
    let minute = Duration::from_secs(60);
    let response = http::Response::new(body).into();
    let deadline = deadline_after(minute);
    let mut stream = ResponseStream::new(response, &OpenAi::STANDARD, deadline, minute, minute);
    let is_pending = {
        let mut piece = pin!(stream.next_piece());
        poll_fn(|context| Poll::Ready(piece.as_mut().poll(context).is_pending())).await
    };
    assert!(is_pending, "the other tasks have their turn");
    bytes - stream.decoder.buffered_bytes()
}

#[tokio::test]
async fn a_call_that_is_dropped_leaves_its_pause_to_the_next_one() {
    let body = "data: {\"choices\":[]}\n\n".repeat(10_000);
    let minute = Duration::from_secs(60);
    let response = http::Response::new(body).into();
    let deadline = deadline_after(minute);
    let mut stream = ResponseStream::new(response, &OpenAi::STANDARD, deadline, minute, minute);
    let mut polls = Vec::new();
    for _ in 0..3 {
        assert!(stream.next_piece().now_or_never().is_none());
        polls.push(stream.decoder.buffered_bytes());
    }
    assert_eq!(polls[0], polls[1]);
    assert_eq!(polls[0], polls[2]);
}

#[tokio::test]
async fn a_poll_reads_so_much_and_no_more() {
    let event = format!("data: {{\"choices\":[{}{{}}]}}\n\n", "{},".repeat(300));
    let large = format!("data: {{\"choices\":[{}{{}}]}}\n\n", "{},".repeat(3_000));
    for body in [":\n", "\n", "data: {}\n\n", &event, &large] {
        let bytes = bytes_of_one_poll(body.repeat(1_000_000 / body.len()).into_bytes()).await;
        let most = BYTES_PER_TURN + LARGE_EVENT_BYTES;
        assert!(bytes <= most, "{bytes} of {}", &body[..body.len().min(20)]);
    }
}

/// The usage of a reply whose server keeps the connection open, and how long its end took. After the
/// reply's text comes one piece after another, each so many milliseconds after the one before. The
/// process is stopped so long.
async fn kept_open(
    stopped: Duration,
    pieces: impl IntoIterator<Item = (u64, String)>,
) -> (Usage, Duration) {
    let text = "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\n";
    let end = "data: {\"choices\":[{\"finish_reason\":\"stop\"}]}\n\n";
    let reply = [(0, format!("{text}{end}"))];
    let pieces: Vec<_> = reply.into_iter().chain(pieces).collect();
    let pieces = stream::iter(pieces);
    let pieces = pieces.then(async |(pause, piece)| {
        tokio::time::sleep(Duration::from_millis(pause)).await;
        Ok::<_, Infallible>(Frame::data(bytes::Bytes::from(piece)))
    });
    let body = StreamBody::new(Box::pin(pieces.chain(stream::pending())));
    let response = http::Response::new(RequestBody::wrap(body)).into();
    let minute = Duration::from_secs(60);
    let deadline = deadline_after(minute);
    let mut stream = ResponseStream::new(response, &OpenAi::STANDARD, deadline, minute, minute);
    let began = Instant::now();
    let read = async { while stream.next_piece().await.expect("a whole reply").is_some() {} };
    tokio::join!(read, tokio::time::advance(stopped));
    (stream.state().usage, began.elapsed())
}

#[tokio::test(start_paused = true)]
async fn a_complete_reply_is_waited_for_no_longer_unless_the_process_was_stopped() {
    let usage = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3}}\n\n".to_owned();
    let usage = [(2_100, usage)];
    let (read, _) = kept_open(Duration::from_secs(2), usage.clone()).await;
    assert_eq!(read.input_tokens, Some(3));
    let comments = vec![(400, ": wait\n\n".to_owned()); 100];
    for pieces in [&usage[..], &comments] {
        let (read, time) = kept_open(Duration::ZERO, pieces.to_vec()).await;
        assert_eq!(read, Usage::default());
        let about = AFTER_REPLY_TIMEOUT..AFTER_REPLY_TIMEOUT + STOPPED_MIN;
        assert!(about.contains(&time), "{time:?}");
    }
    let (_, time) = kept_open(Duration::from_secs(2), comments).await;
    assert!(time < Duration::from_secs(3), "{time:?}");
}
