//! The file as look-ups find it, and what may stand in its place.

use std::os::unix::fs::{PermissionsExt, symlink};

use sha2::{Digest as _, Sha256};

use super::*;

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn description(address: SocketAddr, started_at: Timestamp) -> Description {
    Description {
        address,
        name: "Garden".parse().unwrap(),
        token: None,
        instance: InstanceId::generate().unwrap(),
        started_at,
        store: StorePlace::of_file(Path::new("/data/workers.sqlite3")),
        workspace_root: "/".into(),
    }
}

fn write(
    directory: &Path,
    address: SocketAddr,
    started_at: Timestamp,
) -> Result<ServerFile, WriteError> {
    ServerFile::write(directory, &description(address, started_at))
}

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

#[test]
fn a_second_terminal_finds_the_newest_server_and_its_token() {
    let directory = tempfile::tempdir().unwrap();
    let token = Token::generate().unwrap();
    let _old = write(directory.path(), address(1), second(1)).unwrap();
    let mut new = description(address(2), second(2));
    new.token = Some(token.clone());
    let _new = ServerFile::write(directory.path(), &new).unwrap();
    let found = running(directory.path()).servers;
    let urls: Vec<_> = found.iter().map(|server| server.url.as_str()).collect();
    assert_eq!(urls, ["http://127.0.0.1:2", "http://127.0.0.1:1"]);
    assert_eq!(found[0].token.as_ref().unwrap().reveal(), token.reveal());
    assert!(found[1].token.is_none());
    let place = StorePlace::File("/data/workers.sqlite3".to_owned());
    assert!(found[0].store == place);
    assert_eq!(found[0].instance, Some(new.instance));
    assert_eq!(found[0].name, Some(new.name));
}

#[test]
fn only_the_owner_may_read_the_file_even_if_it_was_there_before() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(file_name(address(1)));
    std::fs::write(
        &path,
        "older and longer content than what the server writes ".repeat(9),
    )
    .unwrap();
    mode(&path, 0o644);
    let file = write(directory.path(), address(1), second(1)).unwrap();
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(running(directory.path()).servers.len(), 1);
    drop(file);
    assert!(!path.exists());
}

#[test]
fn a_file_that_a_dead_server_left_behind_is_passed_over() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(file_name(address(1)));
    std::fs::write(&path, OLD_VERSION).unwrap();
    mode(&path, 0o600);
    assert!(running(directory.path()).servers.is_empty());
}

#[test]
fn a_link_in_the_place_of_the_file_is_replaced_and_not_followed() {
    let directory = tempfile::tempdir().unwrap();
    let victim = directory.path().join("victim");
    std::fs::write(&victim, "precious").unwrap();
    let path = directory.path().join(file_name(address(1)));
    symlink(&victim, &path).unwrap();
    symlink(
        &victim,
        directory.path().join("unfinished-server-127.0.0.1-1.json"),
    )
    .unwrap();
    let _file = write(directory.path(), address(1), second(1)).unwrap();
    assert_eq!(std::fs::read_to_string(&victim).unwrap(), "precious");
    assert!(path.symlink_metadata().unwrap().is_file());
    assert_eq!(running(directory.path()).servers.len(), 1);
}

#[test]
fn a_file_that_another_server_holds_is_left_to_it_without_waiting() {
    let directory = tempfile::tempdir().unwrap();
    let _held = write(directory.path(), address(1), second(1)).unwrap();
    let again = write(directory.path(), address(1), second(2));
    assert!(matches!(again, Err(WriteError::Held)));
    let found = running(directory.path()).servers;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].started_at, second(1));
}

#[test]
fn neither_many_files_left_behind_nor_a_fifo_hide_a_running_server() {
    let directory = tempfile::tempdir().unwrap();
    for port in 1000..1400 {
        let path = directory.path().join(file_name(address(port)));
        std::fs::write(&path, "{}").unwrap();
        mode(&path, 0o600);
    }
    let fifo = directory.path().join(file_name(address(2)));
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &fifo,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )
    .unwrap();
    let _file = write(directory.path(), address(1), second(1)).unwrap();
    let found = running(directory.path());
    assert_eq!(found.servers.len(), 1);
    let fifo = PassedOver::Files(1, directory.path().to_owned());
    assert_eq!(found.passed_over, [fifo]);
}

/// What a version before this one wrote: with the workspace's path, and without its hash.
const OLD_VERSION: &str = r#"{"url":"http://127.0.0.1:1","token":null,
    "started_at":"2026-01-01T00:00:00Z","store":"memory","workspace":"/"}"#;

/// A running server's file with this content.
fn held(directory: &Path, port: u16, content: &str) -> File {
    let path = directory.join(file_name(address(port)));
    std::fs::write(&path, content).unwrap();
    mode(&path, 0o600);
    let file = File::open(&path).unwrap();
    file.try_lock().unwrap();
    file
}

#[test]
fn a_server_is_found_by_its_workspace_which_its_file_does_not_tell() {
    let [base, a, b] = [(), (), ()].map(|()| tempfile::tempdir().unwrap());
    let directory = base.path();
    let server = |port, root: &Path| {
        let mut server = description(address(port), second(port.into()));
        server.workspace_root = root.to_owned();
        ServerFile::write(directory, &server).unwrap()
    };
    let link = base.path().join("link");
    symlink(a.path(), &link).unwrap();
    let _old = held(directory, 4, OLD_VERSION);
    let _files = [server(1, a.path()), server(2, b.path()), server(3, &link)];
    let found = running(directory);
    assert_eq!(found.servers.len(), 4);
    let urls = |root: &Path| {
        let root = root.canonicalize().unwrap();
        let servers = found.of_workspace(&root);
        let ports = servers.map(|server| server.url.rsplit_once(':').unwrap().1.to_owned());
        ports.collect::<Vec<_>>()
    };
    assert_eq!(urls(a.path()), ["3", "1"]);
    assert_eq!(urls(b.path()), ["2"]);
    assert!(urls(Path::new("/")).is_empty());

    // No text of the file is a part of the path, and no plain hash of it.
    let text = std::fs::read_to_string(directory.join(file_name(address(1)))).unwrap();
    let root = a.path().canonicalize().unwrap();
    let name = root.file_name().unwrap().to_str().unwrap();
    let plain = Sha256::digest(root.as_os_str().as_encoded_bytes());
    let plain: String = plain.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(!text.contains(name) && !text.contains(&plain), "{text}");
}

#[test]
fn what_others_may_have_put_there_is_passed_over() {
    let base = tempfile::tempdir().unwrap();
    let directory = base.path();
    let _own = write(directory, address(1), second(1)).unwrap();
    let loose = held(directory, 2, OLD_VERSION);
    mode(&directory.join(file_name(address(2))), 0o644);
    let elsewhere = tempfile::tempdir().unwrap();
    let _linked = held(elsewhere.path(), 3, OLD_VERSION);
    let name = file_name(address(3));
    symlink(elsewhere.path().join(&name), directory.join(&name)).unwrap();
    let found = running(directory);
    assert_eq!(found.servers.len(), 1);
    let files = PassedOver::Files(2, directory.to_owned());
    assert_eq!(found.passed_over, [files]);

    mode(directory, 0o770);
    let found = running(directory);
    assert!(found.servers.is_empty());
    let whole = |path: &Path| PassedOver::Directory(path.to_owned());
    assert_eq!(found.passed_over, [whole(directory)]);
    // The next server of this user closes its directory.
    let _another = write(directory, address(4), second(4)).unwrap();
    assert_eq!(running(directory).servers.len(), 2);
    drop(loose);

    let link = elsewhere.path().join("link");
    symlink(directory, &link).unwrap();
    assert_eq!(running(&link).passed_over, [whole(&link)]);
    let refused = write(&link, address(5), second(5));
    assert!(matches!(refused, Err(WriteError::NoPlace(_))));
    let none = running(&elsewhere.path().join("none"));
    assert_eq!(none.passed_over, []);
}

#[test]
fn servers_of_several_directories_are_found_together_and_each_once() {
    let [base, first, second_one] = [(), (), ()].map(|()| tempfile::tempdir().unwrap());
    let old = write(first.path(), address(1), second(1)).unwrap();
    let new = write(second_one.path(), address(2), second(2)).unwrap();
    let link = base.path().join("link");
    symlink(first.path().parent().unwrap(), &link).unwrap();
    let linked = link.join(first.path().file_name().unwrap());
    mode(base.path(), 0o755);
    let directories = [
        first.path().to_owned(),
        linked,
        base.path().to_owned(),
        base.path().join("none"),
        second_one.path().to_owned(),
    ];
    let found = running_in(&directories);
    // Each directory has a key of its own.
    let here: Vec<_> = found.of_workspace(Path::new("/")).collect();
    for servers in [found.servers.iter().collect(), here] {
        let urls: Vec<_> = servers.iter().map(|server| server.url.as_str()).collect();
        assert_eq!(urls, ["http://127.0.0.1:2", "http://127.0.0.1:1"]);
    }
    let whole = PassedOver::Directory(base.path().to_owned());
    assert_eq!(found.passed_over, [whole]);
    drop((old, new));
}

#[test]
fn the_directories_follow_the_specification_and_relative_paths_are_ignored() {
    fn with(set: &[(&str, &str)]) -> impl Fn(&str) -> Option<PathBuf> {
        move |name| {
            let found = set.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| value.into())
        }
    }
    let both = [("XDG_RUNTIME_DIR", "/r"), ("HOME", "/h")];
    let expected = ["/r/yoi", "/h/.local/state/yoi"].map(PathBuf::from);
    assert_eq!(directories(with(&both)), expected);
    assert_eq!(directories_to_search(with(&both)), expected);
    let relative = [("XDG_RUNTIME_DIR", "r"), ("XDG_STATE_HOME", "/s")];
    assert_eq!(directories(with(&relative)), [PathBuf::from("/s/yoi")]);
    let same = [("XDG_RUNTIME_DIR", "/s"), ("XDG_STATE_HOME", "/s")];
    assert_eq!(directories(with(&same)), [PathBuf::from("/s/yoi")]);
    assert_eq!(directories_to_search(with(&same)).len(), 1);
    assert_eq!(directories(with(&[])), [] as [PathBuf; 0]);

    let of_session = format!("/run/user/{}/yoi", geteuid().as_raw());
    let without_session = [("HOME", "/h")];
    assert_eq!(
        directories_to_search(with(&without_session)),
        [expected[1].clone(), of_session.into()]
    );
}
