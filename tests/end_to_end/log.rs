//! The log of a server process, line by line.

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::fixture::Answer;
use crate::process::ServerProcess;

/// Asks a server with this log format for a worker: the id of that answer, and the whole log.
async fn creation(log_format: &str) -> (String, String) {
    let home = tempfile::tempdir().unwrap();
    let args = ["--log-format", log_format];
    let server = ServerProcess::start(home.path(), &args, &[]).await;
    let url = format!("{}/api/runtimes/backend-internal/workers", server.base);
    let request = reqwest::Client::new().post(url).bearer_auth(&server.token);
    let answer = Answer::to(request.json(&json!({}))).await;
    answer.expect(201);
    let id = answer.header("x-request-id").expect("an id").to_owned();
    server.signal(Signal::TERM);
    (id, server.ended().await.log)
}

#[tokio::test]
async fn every_line_is_json_and_those_of_a_request_have_the_id_of_its_answer() {
    let (id, log) = creation("json").await;
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
        .collect();
    let of = |target: &str| lines.iter().find(|line| line["target"] == target);
    let audit = of("yoi::audit").expect("an audit line");
    assert_eq!(audit["span"]["request_id"], id.as_str(), "{audit}");
    assert_eq!(audit["fields"]["operation"], "create_worker", "{audit}");
    let access = of("yoi::access").expect("an access line");
    assert_eq!(access["span"]["request_id"], id.as_str(), "{access}");
    let outside = lines
        .iter()
        .find(|line| line["fields"]["message"] == "ended");
    let outside = outside.expect("the last line");
    assert_eq!(outside.get("span"), None, "{outside}");
}

#[tokio::test]
async fn lines_for_people_name_the_request_before_the_target() {
    let (id, log) = creation("pretty").await;
    let audit = log.lines().find(|line| line.contains("yoi::audit"));
    let (time, rest) = audit
        .and_then(|line| line.split_once(' '))
        .expect("an audit line");
    assert!(time.ends_with('Z'), "{time}");
    let expected = format!(" INFO request{{request_id={id}}}: yoi::audit: ");
    assert!(rest.starts_with(&expected), "{rest}");
}
