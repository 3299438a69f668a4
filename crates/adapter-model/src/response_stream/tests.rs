//! How much is read of a body in one poll.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use futures_util::FutureExt as _;

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
