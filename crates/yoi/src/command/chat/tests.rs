//! Conversations: what is printed, what is sent, and how they end.

mod outage;

use std::time::Duration;

use clap::Parser as _;
use serde_json::{Value, json};

use super::*;
use crate::args::{Cli, Command};
use crate::connect::Choice;
use crate::failure::{Exit, Unreachable};
use crate::output::Leads;
use crate::output::tests::Paper;
use crate::scripted_server::{
    Does, RUN, ScriptedServer, batch, cursor, delta, finished, no_room, problem, transcript, worker,
};

const TOKEN: &str = "a-token-of-at-least-22-characters";
const OTHER_TOKEN: &str = "another-token-of-22-characters-or-more";

/// No pauses to speak of, and time for every answer of a script.
const HASTY: Persistence = Persistence {
    overall: Duration::from_secs(20),
    first_pause: Duration::from_millis(1),
    longest_pause: Duration::from_millis(1),
};

/// What a conversation printed.
struct Had<T> {
    result: T,
    out: String,
    err: String,
}

fn found(server: &ScriptedServer, token: &str) -> Found {
    Found {
        server: server.url().clone(),
        token: Some(token.parse().unwrap()),
        choice: Choice::Named,
    }
}

/// A link to `server`, whose place nobody takes.
fn link_to(server: &ScriptedServer, persistence: Persistence) -> Link {
    let nobody = |_: &_| Err(Unreachable::NoneFound.into());
    Link::new(found(server, TOKEN), Box::new(nobody), persistence).unwrap()
}

/// Begins `yoi chat w1` over `link`, and does `work` with it.
async fn having<T>(
    link: Link,
    work: impl AsyncFnOnce(&mut Conversation<'_>) -> Result<T, Failure>,
) -> Had<Result<T, Failure>> {
    having_on(Leads::Elsewhere, link, work).await
}

/// The same, with both streams leading to the same kind of thing.
async fn having_on<T>(
    leads: Leads,
    link: Link,
    work: impl AsyncFnOnce(&mut Conversation<'_>) -> Result<T, Failure>,
) -> Had<Result<T, Failure>> {
    let cli = Cli::try_parse_from(["yoi", "chat", "w1"]).unwrap();
    let Command::Chat(args) = cli.command else {
        panic!("not a chat");
    };
    let (paper, mut terminal) = Paper::new(leads);
    let begun = Conversation::begin(link, &mut terminal, Format::Text, args).await;
    let result = match begun {
        Ok(mut conversation) => work(&mut conversation).await,
        Err(failure) => Err(failure),
    };
    Had {
        result,
        out: paper.out(),
        err: paper.err(),
    }
}

/// Says “hi” in a conversation with a worker that is there, and reports on it.
async fn saying_hi(server: &ScriptedServer, persistence: Persistence) -> Had<Result<(), Failure>> {
    having(link_to(server, persistence), async |conversation| {
        let heard = conversation.say("hi").await;
        conversation.report(heard.map(Some)).await
    })
    .await
}

async fn server(script: impl IntoIterator<Item = Does>) -> ScriptedServer {
    let idle = worker("idle", Value::Null);
    ScriptedServer::start(std::iter::once(idle).chain(script)).await
}

fn accepted() -> Does {
    let accepted = json!({"run_id": RUN, "sequence": 1, "cursor": cursor(2)});
    Does::Answers(202, accepted)
}

fn header<'a>(request: &'a str, name: &str) -> &'a str {
    let line = request.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or_else(|| panic!("no {name} in {request}"))
}

#[tokio::test]
async fn what_is_refused_is_said_and_the_conversation_goes_on() {
    for (status, code) in [
        (409, "worker_busy"),
        (413, "input_too_large"),
        (429, "capacity_exhausted"),
    ] {
        let server = server([problem(status, code)]).await;
        let had = saying_hi(&server, HASTY).await;
        had.result.unwrap();
        assert!(had.err.contains(&format!("[{code}]")), "{}", had.err);
        assert_eq!(server.asked().len(), 2, "{code} is not waited for");
    }
}

#[tokio::test]
async fn a_reply_that_there_is_no_room_for_is_read_later_and_is_whole() {
    let server = server([
        accepted(),
        batch(3, [delta("One, ")]),
        no_room(1),
        batch(4, [delta("two, ")]),
        problem(410, "cursor_expired"),
        no_room(0),
        transcript(
            7,
            &json!([]),
            json!({"run_id": RUN, "text": "One, two, three, "}),
        ),
        no_room(0),
        batch(8, [delta("four"), finished("completed")]),
    ])
    .await;
    let had = saying_hi(&server, HASTY).await;
    had.result.unwrap();
    assert_eq!(had.out, "One, two, three, four\n");
    let asked = server.asked();
    assert_eq!(asked[3], asked[4], "from where it was left");
    assert_eq!(asked[6], asked[7]);
    assert_eq!(asked[8], asked[9]);
    // The server is there: nobody looks for it.
    assert!(!had.err.contains("looking"), "{}", had.err);
}

#[tokio::test]
async fn the_reply_under_way_waits_for_room_and_a_message_does_not() {
    let flying = json!({"run_id": RUN, "text": "One, "});
    let server = server([
        no_room(0),
        transcript(7, &json!([]), flying),
        batch(8, [delta("two"), finished("completed")]),
        no_room(0),
    ])
    .await;
    let had = having(link_to(&server, HASTY), async |conversation| {
        conversation.hear_the_rest().await?;
        conversation.say("hi").await
    })
    .await;
    assert_eq!(had.out, "One, two\n");
    assert!(had.result.unwrap_err().lacks_room());
    assert_eq!(server.asked().len(), 5);
}

#[tokio::test]
async fn a_worker_that_takes_nothing_ends_the_conversation() {
    let stopped = server([problem(409, "worker_stopped")]).await;
    let had = saying_hi(&stopped, HASTY).await;
    let Err(failure @ Failure::TakesNothing { .. }) = had.result else {
        panic!("{:?}", had.result);
    };
    assert_eq!(failure.exit(), Exit::Failed);
    for state in ["stopped", "recorded"] {
        let server = ScriptedServer::start([worker(state, Value::Null)]).await;
        let had = saying_hi(&server, HASTY).await;
        assert!(matches!(had.result, Err(Failure::TakesNothing { .. })));
    }
}

#[tokio::test]
async fn a_run_that_fails_is_said_with_what_to_do_and_the_conversation_goes_on() {
    let mut end = finished("failed");
    end["error_code"] = "rate_limited".into();
    let server = server([accepted(), batch(3, [end])]).await;
    let had = saying_hi(&server, HASTY).await;
    had.result.unwrap();
    assert_eq!(
        had.err,
        "error: run run-1 failed [rate_limited]\n\
         hint: the model's provider asks for fewer requests; try again in a moment\n"
    );
}

#[tokio::test]
async fn what_one_message_used_is_said_to_a_person_and_to_no_program() {
    for (leads, err) in [
        (Leads::ToPlainTerminal, "3 tokens read, 4 written\n"),
        (Leads::Elsewhere, ""),
    ] {
        let mut end = finished("completed");
        end["usage"] = json!({"input_tokens": 3, "output_tokens": 4});
        let server = server([accepted(), batch(3, [delta("Hello"), end])]).await;
        let had = having_on(leads, link_to(&server, HASTY), async |conversation| {
            once(conversation, "hi").await
        })
        .await;
        had.result.unwrap();
        assert_eq!((had.out.as_str(), had.err.as_str()), ("Hello\n", err));
    }
}

#[tokio::test]
async fn the_reply_under_way_is_shown_from_its_beginning() {
    let flying = json!({"run_id": RUN, "text": "One, "});
    let mut end = finished("completed");
    end["usage"] = json!({"input_tokens": 3, "output_tokens": 4});
    let server = server([
        transcript(7, &json!([]), flying),
        batch(8, [delta("two, ")]),
        problem(410, "cursor_expired"),
        transcript(
            9,
            &json!([]),
            json!({"run_id": RUN, "text": "One, two, three, "}),
        ),
        batch(10, [delta("four"), end]),
    ])
    .await;
    let had = having(link_to(&server, HASTY), async |conversation| {
        conversation.hear_the_rest().await
    })
    .await;
    assert_eq!(had.out, "One, two, three, four\n");
    let heard = had.result.unwrap().unwrap();
    assert_eq!(heard.usage.unwrap().output_tokens, 4);
    assert!(
        server.asked()[2].contains(&cursor(7)),
        "{:?}",
        server.asked()
    );
}
