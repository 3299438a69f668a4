//! The file as look-ups find it, and what may stand in its place.

use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn write(
    directory: &Path,
    address: SocketAddr,
    token: Option<&Token>,
    started_at: Timestamp,
) -> io::Result<ServerFile> {
    let store = StorePlace::of_file(Path::new("/data/workers.sqlite3"));
    ServerFile::write(directory, address, token, started_at, store, Path::new("/"))
}

#[test]
fn a_second_terminal_finds_the_newest_server_and_its_token() {
    let directory = tempfile::tempdir().unwrap();
    let token = Token::generate().unwrap();
    let _old = write(directory.path(), address(1), None, second(1)).unwrap();
    let _new = write(directory.path(), address(2), Some(&token), second(2)).unwrap();
    let found = running(directory.path());
    let urls: Vec<_> = found.iter().map(|server| server.url.as_str()).collect();
    assert_eq!(urls, ["http://127.0.0.1:2", "http://127.0.0.1:1"]);
    assert_eq!(found[0].token.as_ref().unwrap().reveal(), token.reveal());
    assert!(found[1].token.is_none());
    let place = StorePlace::File("/data/workers.sqlite3".to_owned());
    assert!(found[0].store == place);
    assert_eq!(found[0].workspace.as_deref(), Some("/"));
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
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
    let file = write(directory.path(), address(1), None, second(1)).unwrap();
    assert_eq!(
        path.metadata().unwrap().permissions().mode() & 0o777,
        FILE_MODE
    );
    assert_eq!(running(directory.path()).len(), 1);
    drop(file);
    assert!(!path.exists());
}

#[test]
fn a_file_that_a_dead_server_left_behind_is_passed_over() {
    let directory = tempfile::tempdir().unwrap();
    let left = r#"{"url":"http://127.0.0.1:1","token":null,"started_at":"2026-01-01T00:00:00Z"}"#;
    std::fs::write(directory.path().join(file_name(address(1))), left).unwrap();
    assert!(running(directory.path()).is_empty());
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
    let _file = write(directory.path(), address(1), None, second(1)).unwrap();
    assert_eq!(std::fs::read_to_string(&victim).unwrap(), "precious");
    assert!(path.symlink_metadata().unwrap().is_file());
    assert_eq!(running(directory.path()).len(), 1);
}

#[test]
fn a_file_that_another_server_holds_is_left_to_it_without_waiting() {
    let directory = tempfile::tempdir().unwrap();
    let _held = write(directory.path(), address(1), None, second(1)).unwrap();
    assert!(write(directory.path(), address(1), None, second(2)).is_err());
    let found = running(directory.path());
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].started_at, second(1));
}

#[test]
fn neither_many_files_left_behind_nor_a_fifo_hide_a_running_server() {
    let directory = tempfile::tempdir().unwrap();
    for port in 1000..1400 {
        std::fs::write(directory.path().join(file_name(address(port))), "{}").unwrap();
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
    let _file = write(directory.path(), address(1), None, second(1)).unwrap();
    assert_eq!(running(directory.path()).len(), 1);
}

#[test]
fn the_directory_follows_the_specification_and_ignores_relative_paths() {
    let with = |set: &'static [(&str, &str)]| {
        directory(|name| {
            set.iter()
                .find(|(key, _)| *key == name)
                .map(|(_, v)| v.into())
        })
    };
    assert_eq!(
        with(&[("XDG_RUNTIME_DIR", "/r"), ("HOME", "/h")]),
        Some(PathBuf::from("/r/yoi"))
    );
    assert_eq!(
        with(&[("XDG_RUNTIME_DIR", "r"), ("XDG_STATE_HOME", "/s")]),
        Some(PathBuf::from("/s/yoi"))
    );
    assert_eq!(
        with(&[("HOME", "/h")]),
        Some(PathBuf::from("/h/.local/state/yoi"))
    );
    assert_eq!(with(&[]), None);
}
