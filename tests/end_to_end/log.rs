//! The log of a server process, line by line.

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::process::ServerProcess;

/// Creates a worker at a server with this log format that logs every response: the id of that
/// request, and the whole log.
async fn log_of_a_creation(format: &str) -> (String, String) {
    let home = tempfile::tempdir().unwrap();
    let flags = ["--log-format", format, "--log", "info,yoi::access=debug"];
    let server = ServerProcess::start(home.path(), &flags, &[]).await;
    let workers = "/api/runtimes/backend-internal/workers";
    let response = server.client.post(workers, &json!({})).await;
    response.expect(201);
    let id = response.header("x-request-id").unwrap().to_owned();
    server.signal(Signal::TERM);
    (id, server.ended().await.log)
}

#[tokio::test]
async fn every_line_is_json_and_those_of_a_request_have_the_id_of_its_response() {
    let (id, log) = log_of_a_creation("json").await;
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
        .collect();
    let with_target = |target: &str| lines.iter().find(|line| line["target"] == target);
    let audit = with_target("yoi::audit").expect("an audit line");
    assert_eq!(audit["span"]["request_id"], id.as_str(), "{audit}");
    assert_eq!(audit["span"].get("client"), None, "{audit}");
    assert_eq!(audit["fields"]["operation"], "create_worker", "{audit}");
    let access = with_target("yoi::access").expect("an access line");
    assert_eq!(access["span"]["request_id"], id.as_str(), "{access}");
    let mut lines = lines.iter();
    let outside = lines.find(|line| line["fields"]["message"] == "ended");
    assert_eq!(outside.expect("the last line").get("span"), None);
}

#[tokio::test]
async fn lines_for_people_name_the_request_before_the_target() {
    let (id, log) = log_of_a_creation("pretty").await;
    let audit = log.lines().find(|line| line.contains("yoi::audit"));
    let (time, rest) = audit
        .and_then(|line| line.split_once(' '))
        .expect("an audit line");
    assert!(time.ends_with('Z'), "{time}");
    let expected = format!(" INFO request{{request_id={id}}}: yoi::audit: ");
    assert!(rest.starts_with(&expected), "{rest}");
}
