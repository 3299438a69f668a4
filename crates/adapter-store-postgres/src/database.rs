//! Where the database is, and how a connection to it is made.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use deadpool_postgres::{ClientWrapper, Connect};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use rustls::ClientConfig;
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio::task::JoinHandle;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres::{Client, Config, Error, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;
use zeroize::Zeroizing;

use crate::passfile;

/// Longest wait for a connection to one of the hosts: a second one is reached before a lease of the default
/// time has to be renewed again.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Longest time without an answer of the other side before the system gives a connection up.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(15);
/// Pause after which an idle connection is tried.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(10);
/// Pause between two attempts.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(3);
/// Attempts without an answer after which a connection is given up.
const KEEPALIVE_RETRIES: u32 = 3;

/// What every session sets for itself. The time-outs end what a server that hangs, or has gone, has left
/// behind: another one would wait for its locks. `synchronous_commit` may wait for replicas too, but it
/// must wait for the disk.
const SESSION: &str = "
    SET statement_timeout = '10s';
    SET lock_timeout = '5s';
    SET idle_in_transaction_session_timeout = '10s';
    SET default_transaction_isolation = 'read committed';
    SELECT set_config('synchronous_commit', 'on', false)
    WHERE current_setting('synchronous_commit') = 'off';
";

/// Whether this text is the address of a database, not a file.
#[must_use]
pub fn is_address(text: &str) -> bool {
    text.starts_with("postgres://") || text.starts_with("postgresql://")
}

/// What gets a server into a database, beside the address.
#[derive(Default)]
pub struct Secrets {
    /// The password.
    pub password: Option<Zeroizing<String>>,
    /// The content of a password file in libpq's format, which is asked when there is no password
    /// (postgresql.org/docs/current/libpq-pgpass.html).
    pub passfile: Option<Zeroizing<String>>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").finish_non_exhaustive()
    }
}

/// Why a text is no address of a database. Shows nothing of it.
#[derive(Debug, thiserror::Error)]
pub enum InvalidAddress {
    /// It is none of PostgreSQL's connection URIs.
    #[error("expected postgres://USER@HOST[:PORT]/DATABASE")]
    Malformed,
    /// It doesn't say where the database is.
    #[error("it names no host")]
    NoHost,
    /// Its `sslmode` is one that could be less than it says.
    #[error(
        "sslmode is `disable`, `require` or `verify-full`; both of the latter check the certificate"
    )]
    SslMode,
    /// The system has no certificates to check the database's with.
    #[error("TLS can't be used")]
    Tls(#[source] rustls::Error),
}

/// A database, and how to get into it.
#[derive(Clone)]
pub struct Database {
    config: Config,
    tls: Option<MakeRustlsConnect>,
}

impl Database {
    /// The database at this address, a connection URI of libpq
    /// (postgresql.org/docs/current/libpq-connect.html). Off loopback it is asked over TLS, with its
    /// certificate and name checked, unless the address says `sslmode=disable`. Connects to nothing.
    ///
    /// # Errors
    /// [`InvalidAddress`].
    pub fn new(address: &str, secrets: &Secrets) -> Result<Self, InvalidAddress> {
        if !is_address(address) {
            return Err(InvalidAddress::Malformed);
        }
        let (address, ssl_mode) = take_ssl_mode(address)?;
        let mut config: Config = address.parse().map_err(|_| InvalidAddress::Malformed)?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(InvalidAddress::NoHost);
        }
        if config.get_password().is_none() {
            let from_file = || passfile::password(secrets.passfile.as_ref()?, &config);
            let password = secrets.password.clone().or_else(from_file);
            if let Some(password) = password {
                config.password(password.as_bytes());
            }
        }
        let ssl_mode = ssl_mode.unwrap_or(if is_local(&config) {
            SslMode::Disable
        } else {
            SslMode::Require
        });
        config
            .ssl_mode(ssl_mode)
            .application_name("yoi")
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_user_timeout(SILENCE_TIMEOUT)
            .keepalives_idle(KEEPALIVE_IDLE)
            .keepalives_interval(KEEPALIVE_INTERVAL)
            .keepalives_retries(KEEPALIVE_RETRIES)
            // Of several hosts the one that can be written to.
            .target_session_attrs(TargetSessionAttrs::ReadWrite);
        let is_encrypted = ssl_mode != SslMode::Disable;
        let tls = is_encrypted.then(checked_tls).transpose();
        let tls = tls.map_err(InvalidAddress::Tls)?;
        Ok(Self { config, tls })
    }

    /// Whether the addresses say that both are one database. It can have others, which nobody knows.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let (own, other) = (&self.config, &other.config);
        let name = |config: &Config| config.get_dbname().or(config.get_user()).map(str::to_owned);
        own.get_hosts() == other.get_hosts()
            && own.get_hostaddrs() == other.get_hostaddrs()
            && own.get_ports() == other.get_ports()
            && name(own) == name(other)
    }

    /// The same database, for the pool.
    pub(crate) fn config(&self) -> Config {
        self.config.clone()
    }

    /// A new connection.
    pub(crate) async fn session(&self) -> Result<ClientWrapper, Error> {
        let (client, connection) = self.connected().await?;
        Ok(ClientWrapper::new(client, connection))
    }

    async fn connected(&self) -> Result<(Client, JoinHandle<()>), Error> {
        let (client, connection) = match &self.tls {
            None => {
                let (client, connection) = self.config.connect(NoTls).await?;
                (client, tokio::spawn(connection.map(ended)))
            }
            Some(tls) => {
                let (client, connection) = self.config.connect(tls.clone()).await?;
                (client, tokio::spawn(connection.map(ended)))
            }
        };
        client.batch_execute(SESSION).await?;
        Ok((client, connection))
    }
}

/// Whoever uses the connection gets an error of its own.
fn ended(result: Result<(), Error>) {
    if let Err(error) = result {
        tracing::debug!(cause = ?error, "connection to the database has ended");
    }
}

impl Connect for Database {
    fn connect(&self, _config: &Config) -> BoxFuture<'_, Result<(Client, JoinHandle<()>), Error>> {
        self.connected().boxed()
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").finish_non_exhaustive()
    }
}

/// The address without its `sslmode`, whose values mean more here than the library knows.
fn take_ssl_mode(address: &str) -> Result<(String, Option<SslMode>), InvalidAddress> {
    let Some((base, query)) = address.split_once('?') else {
        return Ok((address.to_owned(), None));
    };
    let mut mode = None;
    let mut kept = Vec::new();
    for part in query.split('&') {
        match part.strip_prefix("sslmode=") {
            None => kept.push(part),
            Some("disable") => mode = Some(SslMode::Disable),
            Some("require" | "verify-full") => mode = Some(SslMode::Require),
            Some(_) => return Err(InvalidAddress::SslMode),
        }
    }
    Ok((format!("{base}?{}", kept.join("&")), mode))
}

/// Whether nothing leaves this machine.
fn is_local(config: &Config) -> bool {
    let addresses = config.get_hostaddrs();
    if !addresses.is_empty() {
        return addresses.iter().all(IpAddr::is_loopback);
    }
    config.get_hosts().iter().all(|host| match host {
        Host::Tcp(name) => {
            name == "localhost" || name.parse().is_ok_and(|it: IpAddr| it.is_loopback())
        }
        Host::Unix(_) => true,
    })
}

/// TLS with the certificates that the system trusts, or the file in `SSL_CERT_FILE`.
fn checked_tls() -> Result<MakeRustlsConnect, rustls::Error> {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let builder = ClientConfig::builder_with_provider(provider.into());
    let builder = builder.with_safe_default_protocol_versions()?;
    let config = builder.with_platform_verifier()?.with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database(address: &str) -> Database {
        Database::new(address, &Secrets::default()).unwrap()
    }

    #[test]
    fn addresses_say_whether_they_are_of_one_database() {
        let here = database("postgres://u:secret@db.example/d");
        for (address, is_same) in [
            ("postgres://other@db.example:5432/d?sslmode=disable", true),
            ("postgres://u@db.example/other", false),
            ("postgres://u@db.example:5433/d", false),
            ("postgres://u@other.example/d", false),
        ] {
            assert_eq!(here.is_same(&database(address)), is_same, "{address}");
        }
        // Without a name it has the user's.
        assert!(database("postgres://d@db.example").is_same(&here));
    }

    #[test]
    fn what_leaves_the_machine_is_encrypted_unless_the_address_says_otherwise() {
        let cases = [
            ("postgres://u@127.0.0.1/d", false),
            ("postgres://u@[::1]:5433/d", false),
            ("postgresql://u@localhost/d", false),
            ("postgres://u@%2Frun%2Fpostgresql/d", false),
            ("postgres://u@localhost/d?sslmode=require", true),
            (
                "postgres://u@localhost/d?application_name=x&sslmode=verify-full",
                true,
            ),
            ("postgres://u@db.example/d", true),
            ("postgres://u@localhost,db.example/d", true),
            ("postgres://u@localhost/d?hostaddr=192.0.2.1", true),
            ("postgres://u@db.example/d?hostaddr=127.0.0.1", false),
            ("postgres://u@db.example/d?sslmode=disable", false),
            (
                "postgres://u@192.0.2.1/d?sslmode=disable&connect_timeout=3",
                false,
            ),
        ];
        for (address, is_encrypted) in cases {
            assert_eq!(database(address).tls.is_some(), is_encrypted, "{address}");
        }
    }

    #[test]
    fn an_address_that_cannot_work_is_refused() {
        let refusal = |address: &str| Database::new(address, &Secrets::default()).unwrap_err();
        for mode in ["prefer", "allow", "verify-ca", ""] {
            let error = refusal(&format!("postgres://u@h/d?sslmode={mode}"));
            assert!(matches!(error, InvalidAddress::SslMode), "{mode}");
        }
        for address in [
            "",
            "u@h/d",
            "host=h",
            "mysql://u@h/d",
            "postgres://u@h:x/d",
            "postgres://u@h/d?x=y",
        ] {
            assert!(
                matches!(refusal(address), InvalidAddress::Malformed),
                "{address}"
            );
        }
        assert!(matches!(refusal("postgres:///d"), InvalidAddress::NoHost));
    }

    #[test]
    fn the_password_comes_from_the_address_then_the_file_then_the_list() {
        let secrets = |password: Option<&str>| Secrets {
            password: password.map(|it| it.to_owned().into()),
            passfile: Some("*:*:*:*:list".to_owned().into()),
        };
        let password = |address: &str, secrets: &Secrets| {
            let database = Database::new(address, secrets).unwrap();
            database.config.get_password().map(<[u8]>::to_vec)
        };
        let (with, without) = ("postgres://u:own@localhost/d", "postgres://u@localhost/d");
        assert_eq!(password(with, &secrets(Some("file"))).unwrap(), b"own");
        assert_eq!(password(without, &secrets(Some("file"))).unwrap(), b"file");
        assert_eq!(password(without, &secrets(None)).unwrap(), b"list");
        assert_eq!(password(without, &Secrets::default()), None);
    }

    #[test]
    fn debug_shows_no_secret_and_no_host() {
        let secrets = Secrets {
            password: Some("hunter2".to_owned().into()),
            passfile: Some("hunter3".to_owned().into()),
        };
        let database = Database::new("postgres://ada@db.example/d", &secrets).unwrap();
        let shown = format!("{database:?} {secrets:?}");
        for secret in ["hunter", "ada", "example"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
