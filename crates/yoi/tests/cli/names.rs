//! What a worker may be called wherever one is asked for.

use std::os::unix::fs::PermissionsExt as _;

use crate::fixture::{ENDLESS_PACE, IN_MEMORY, NO_PACE, TestHome, server};

fn create(home: &TestHome, name: &str) -> String {
    home.yoi(&format!("create --name {name}"))
        .out
        .trim()
        .to_owned()
}

/// The end of `id` that no other one has.
fn tail(id: &str) -> &str {
    &id[id.len() - 12..]
}

#[test]
fn every_command_takes_a_name_a_part_of_an_id_and_the_one_used_last() {
    let (home, _server) = server(NO_PACE);
    let (first, second) = (create(&home, "Erster"), create(&home, "Zweiter"));
    let id_of = |name: &str| home.json(&format!("show {name}"))["worker_id"].clone();
    // Up to where the two differ.
    let common = first.bytes().zip(second.bytes());
    let common = common.take_while(|(a, b)| a == b).count();
    let prefix = &second[..=common];
    for name in [
        "Zweiter",
        prefix,
        tail(&second),
        &second.to_uppercase(),
        "-",
        "@last",
    ] {
        assert_eq!(id_of(name), second.as_str(), "{name}");
    }
    assert_eq!(id_of("Erster"), first.as_str());
    assert_eq!(id_of("-"), first.as_str());

    for line in [
        "send NAME hi --follow",
        "transcript NAME",
        "events NAME",
        "cancel NAME",
        "export NAME",
        "stop NAME",
        "rename NAME Zweiter",
    ] {
        home.yoi("show Erster");
        home.yoi(&line.replace("NAME", "Zweiter"));
        home.yoi("show -").prints(&[&second]);
    }
    home.yoi("show Erster");
    home.yoi("rm Zweiter --yes").prints(&[&second]);
    // What is gone was not used, and the other one was never meant.
    home.yoi("show -").prints(&[&first]);
}

#[test]
fn what_several_workers_are_called_lists_them_and_what_none_is_called_names_no_id() {
    let (home, _server) = server(NO_PACE);
    let twins = [create(&home, "Twin"), create(&home, "Twin")];
    home.yoi(&format!("stop {}", twins[0]));
    let refused = home.fails(1, "delete Twin --yes");
    refused.reports(&["error: “Twin” fits 2 workers", "hint: type more"]);
    let row = |id: &str, state: &str| format!("{id}  {state:<7}  backend-internal  Twin\n");
    refused.reports(&[&row(&twins[0], "stopped"), &row(&twins[1], "idle")]);
    assert_eq!(refused.out, "");
    home.fails(1, "show No-One")
        .reports(&["no worker has the name “No-One”"]);
    home.fails(1, "show nobody").reports(&["[unknown_worker]"]);
    home.fails(2, &format!("show {}@backend-internal", twins[1]))
        .reports(&["--runtime"]);
}

#[test]
fn the_worker_used_last_is_remembered_for_each_workspace_over_restarts() {
    let (home, server) = server(ENDLESS_PACE);
    home.fails(1, "show -")
        .reports(&["no worker was used", "`yoi create`"]);
    let worker = create(&home, "Erster");
    // While another terminal follows its run.
    let mut follower = home.spawn("send - hi --follow");
    follower.wait_for_output();
    home.yoi("cancel -").prints(&["cancelled run"]);
    follower.exits_with(1);

    // Another server of another workspace, which does not know that worker.
    let other = TestHome::new();
    let elsewhere = other.start_server_with(NO_PACE, IN_MEMORY);
    let token = home.file("token", 0o600, &elsewhere.token);
    let flags = format!(
        "--server {} --token-file {}",
        elsewhere.url,
        token.display()
    );
    home.fails(1, &format!("show - {flags}"))
        .reports(&["no worker was used"]);
    home.yoi(&format!("create {flags}"));
    server.stop();
    let _server = home.start_server(NO_PACE);
    home.yoi("show -").prints(&[&worker]);

    let file = home.path(".local/state/yoi/last-workers");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let kept = std::fs::read_to_string(file).unwrap();
    assert!(!kept.contains(&elsewhere.token), "{kept}");
}
