//! Command lines that parse, and those that are refused.

use clap::CommandFactory as _;
use clap::error::ErrorKind;
use serde_json::{Value, json};

use super::*;
use crate::scripted_server::assert_contains;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(line.split_whitespace())
}

fn refusal(line: &str) -> clap::Error {
    parse(line).err().expect(line)
}

fn client(line: &str) -> (ClientCommand, ClientArgs) {
    let cli = parse(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    let Command::Client(command) = cli.command else {
        panic!("{line} is no client command");
    };
    let args = command.client().clone().or(cli.client);
    (command, args)
}

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn client_flags_stand_before_or_after_the_command_and_the_later_wins() {
    let (_, args) = client("yoi --json --server http://h:1 runtimes");
    assert!(args.json);
    assert_eq!(args.server, Some("http://h:1".parse().unwrap()));
    let (_, args) = client("yoi --server http://h:1 runtimes --server http://h:2 --json");
    assert!(args.json);
    assert_eq!(args.server, Some("http://h:2".parse().unwrap()));
}

#[test]
fn a_display_ref_is_wrong_usage_in_every_command() {
    for command in ["show", "send", "transcript", "events", "cancel", "stop"] {
        let error = refusal(&format!("yoi {command} w1@local-compat"));
        assert_eq!(error.kind(), ErrorKind::ValueValidation);
        assert_contains(&error.to_string(), "write `--runtime local-compat w1`");
        assert_eq!(error.exit_code(), 2);
    }
}

#[test]
fn values_out_of_bounds_and_conflicting_flags_are_wrong_usage() {
    for line in [
        "yoi",
        "yoi workers --limit 0",
        "yoi workers --limit 201",
        "yoi workers --kind local-compat",
        "yoi workers --state asleep",
        "yoi workers --all --page-token MSBhIA",
        "yoi workers --page-token !",
        "yoi transcript w --before 1 --after 1",
        "yoi events w --after nonsense",
        "yoi events w --follow --limit 1",
        "yoi runtimes --server https://127.0.0.1:8787",
        "yoi create --idempotency-key \u{e9}",
        "yoi chat w1@local-compat",
        "yoi chat w1 hi --name Other",
        "yoi chat -c --profile builtin:default",
        "yoi serve --server http://h:1",
        "yoi store",
        "yoi store path extra",
        "yoi store backup",
        "yoi store recover --store file",
    ] {
        assert_eq!(refusal(line).exit_code(), 2, "{line}");
    }
}

#[test]
fn serve_has_its_own_flag_with_the_name_of_a_client_flag() {
    let cli = parse("yoi serve --token-file t").unwrap();
    let Command::Serve(args) = cli.command else {
        panic!("serve");
    };
    assert_eq!(args.token_file, Some("t".into()));
    assert_eq!(cli.client, ClientArgs::default());
}

#[test]
fn the_flags_of_a_store_are_those_of_serve() {
    let cli = parse("yoi --json store backup copy --workspace w --store s").unwrap();
    let Command::Store(command) = cli.command else {
        panic!("store");
    };
    let StoreCommand::Backup(args) = &command else {
        panic!("backup");
    };
    assert_eq!(args.file.to_str(), Some("copy"));
    let place = &args.flags.place;
    assert_eq!(place.access.workspace.to_str(), Some("w"));
    assert_eq!(place.store, Some("s".into()));
    assert!(cli.client.json && !args.flags.json);
}

#[test]
fn both_sides_of_a_copy_have_a_workspace_of_their_own_if_they_are_to() {
    let names = |line: &str| {
        let cli = parse(line).unwrap();
        let Command::Store(StoreCommand::Copy(args)) = cli.command else {
            panic!("copy");
        };
        let name = |place: yoi_workspace_server::args::StoreArgs| {
            let name = place.access.store_workspace;
            (place.store.unwrap(), name.map(|it| it.as_str().to_owned()))
        };
        (name(args.source()), name(args.target()))
    };
    let side = |store: &str, name: Option<&str>| (store.into(), name.map(str::to_owned));
    let line = "yoi store copy a b";
    assert_eq!(names(line), (side("a", None), side("b", None)));
    let line = "yoi store copy a b --store-workspace w --to-workspace t";
    assert_eq!(names(line), (side("a", Some("w")), side("b", Some("t"))));
    let line = "yoi store copy a b --store-workspace w --from-workspace f";
    assert_eq!(names(line), (side("a", Some("f")), side("b", Some("w"))));
    assert!(parse("yoi store copy a b --store c").is_err());
}

#[test]
fn a_message_may_be_a_dash_or_begin_with_one() {
    let text = |line: &str| {
        let (ClientCommand::OneWorker(OneWorkerCommand::Send(args)), _) = client(line) else {
            panic!("{line}");
        };
        args.text
    };
    assert_eq!(text("yoi send w -").as_deref(), Some("-"));
    let after_dashes = text("yoi send w --follow -- --help");
    assert_eq!(after_dashes.as_deref(), Some("--help"));
    assert_eq!(text("yoi send w --follow"), None);
}

/// The commands that the file runs as a service or in a container, and what the file must say
/// besides. No gate has a systemd or a container engine to ask; `tests/cli/container.rs` runs what the
/// image runs.
#[test]
fn the_service_and_the_container_run_commands_that_parse() {
    const UNIT: &str = include_str!("../../../../packaging/yoi.service");
    let unit = UNIT.replace("\\\n", " ");
    let entries: Vec<_> = unit
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with(['#', '[']))
        .map(|line| line.split_once('=').expect(line))
        .collect();
    let value = |name: &str| {
        let mut values = entries.iter().filter(|(entry, _)| *entry == name);
        values.next().expect(name).1
    };
    let start = value("ExecStart");
    let cli = parse(start).unwrap_or_else(|error| panic!("{start}: {error}"));
    let Command::Serve(serve) = cli.command else {
        panic!("{start} is no server");
    };
    assert!(serve.token_file.is_some_and(|file| file.starts_with("%d")));
    assert_eq!(value("LoadCredential"), "token:/etc/yoi/token");
    assert_eq!(value("ExecReload"), "/bin/kill -HUP $MAINPID");
    for (name, expected) in [
        ("Type", "notify"),
        ("DynamicUser", "yes"),
        ("NoNewPrivileges", "yes"),
        ("ProtectSystem", "strict"),
        ("CapabilityBoundingSet", ""),
        ("LimitCORE", "0"),
    ] {
        assert_eq!(value(name), expected, "{name}");
    }

    const IMAGE: &str = include_str!("../../../../packaging/image.json");
    let image: Value = serde_json::from_str(IMAGE).unwrap();
    let words = |value: &Value| serde_json::from_value::<Vec<String>>(value.clone()).unwrap();
    let served = [words(&image["Entrypoint"]), words(&image["Cmd"])].concat();
    let checked = words(&image["Healthcheck"]["Test"]);
    assert_eq!(checked[0], "CMD");
    for command in [&served[..], &checked[1..]] {
        let parsed = Cli::try_parse_from(command);
        parsed.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    }
    assert_eq!(image["User"], "65534:65534");
    let serve = Cli::command().find_subcommand("serve").unwrap().clone();
    let known = |name: &str| {
        serve
            .get_arguments()
            .any(|arg| arg.get_env() == Some(name.as_ref()))
    };
    for setting in words(&image["Env"]) {
        let (name, _) = setting.split_once('=').unwrap();
        assert!(name == "HOME" || known(name), "{setting}");
    }
}

#[test]
fn the_image_of_the_dockerfile_and_that_of_the_flake_are_configured_the_same() {
    const DOCKERFILE: &str = include_str!("../../../../Dockerfile");
    const IMAGE: &str = include_str!("../../../../packaging/image.json");
    let instruction = |name: &str| {
        let mut lines = DOCKERFILE.lines();
        let found = lines.find_map(|line| line.strip_prefix(name));
        found.expect(name).trim()
    };
    let list = |name: &str| serde_json::from_str::<Vec<String>>(instruction(name)).unwrap();
    let environment: Vec<_> = instruction("ENV").split(' ').collect();
    let volumes = list("VOLUME").into_iter().map(|path| (path, json!({})));
    let check = [vec!["CMD".to_owned()], list("HEALTHCHECK CMD")].concat();
    let dockerfile = json!({
        "User": instruction("USER"),
        "Env": environment,
        "Volumes": Value::Object(volumes.collect()),
        "Healthcheck": {"Test": check},
        "Entrypoint": list("ENTRYPOINT"),
        "Cmd": list("CMD"),
    });
    let image: Value = serde_json::from_str(IMAGE).unwrap();
    assert_eq!(dockerfile, image);
}
