//! TLS: what the database has to show, and that it is checked.
//!
//! The certificates that are trusted are those of the process, so each test starts this program again
//! with those that it is to trust.

use std::env;
use std::process::Command;

use adapter_store_postgres::OpenError;

use crate::fixture::{Workspace, variable};

/// The variable that has the address for the process under test.
const ADDRESS: &str = "ADDRESS_UNDER_TEST";

#[tokio::test]
async fn a_database_is_asked_only_if_its_certificate_and_name_are_trusted() {
    if let Ok(address) = env::var(ADDRESS) {
        let workspace = Workspace {
            address,
            ..Workspace::new()
        };
        let opened = workspace.try_open().await;
        if let Err(error) = &opened {
            assert!(matches!(error, OpenError::Refused(_)), "{error}");
            // Another code than that of a failed test.
            std::process::exit(REFUSED);
        }
        return;
    }
    let certificates = variable("YOI_TEST_POSTGRES_CERTIFICATES");
    let [own, other] = ["own", "other"].map(|name| format!("{certificates}/{name}.pem"));
    let by_name = |mode| {
        let address = variable("YOI_TEST_POSTGRES").replace("127.0.0.1", "localhost");
        format!("{address}?sslmode={mode}")
    };
    let by_number = format!("{}?sslmode=require", variable("YOI_TEST_POSTGRES"));
    for (address, trusted, is_opened) in [
        (by_name("require"), &own, true),
        (by_name("verify-full"), &own, true),
        // The certificate is of the name alone.
        (by_number, &own, false),
        (by_name("require"), &other, false),
    ] {
        let name = "encryption::a_database_is_asked_only_if_its_certificate_and_name_are_trusted";
        let status = Command::new(env::current_exe().expect("this program"))
            .args(["--exact", name])
            .env(ADDRESS, &address)
            .env("SSL_CERT_FILE", trusted)
            .status();
        let expected = if is_opened { 0 } else { REFUSED };
        assert_eq!(
            status.expect("a process").code(),
            Some(expected),
            "{address} {trusted}"
        );
    }
}

/// The exit code of a process that was refused.
const REFUSED: i32 = 9;
