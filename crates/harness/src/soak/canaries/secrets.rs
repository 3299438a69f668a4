//! Plants secrets in every place that could leak: paths, environment, records of older tooling,
//! and the provider's key, address and responses.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tempfile::TempDir;
use testkit::local_records::{SEGMENT_ID, SESSION_ID, record};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::Forbidden;
use crate::failure::Failure;
use crate::server::Settings;

/// Part of every planted text, in lower case.
const MARKER: &str = "canary";
/// Variables of the environment, besides those with paths.
const VARIABLES: [(&str, &str); 3] = [
    ("OPENAI_API_KEY", "CANARY-openai-key"),
    ("ANTHROPIC_API_KEY", "CANARY-anthropic-key"),
    ("YOI_SECRET", "CANARY-environment"),
];
/// The body of the provider's responses.
const PROVIDER_BODY: &str = r#"{"error":{"message":"CANARY-provider-says"}}"#;
/// Bytes of a request that the provider reads before it responds.
const PROVIDER_READ_BYTES: usize = 4 * 1024;

/// A home directory full of secrets, and a provider that sends another one. Dropping it ends the
/// provider.
pub(super) struct PlantedSecrets {
    home: TempDir,
    provider: JoinHandle<()>,
    provider_port: u16,
}

impl PlantedSecrets {
    /// Plants everything except the environment.
    pub(super) async fn new() -> Result<Self, Failure> {
        let home = tempfile::Builder::new()
            .prefix("CANARY-home")
            .tempdir()
            .map_err(Failure::io("creating a home"))?;
        plant(home.path()).map_err(Failure::io("planting secrets"))?;
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.map_err(Failure::io("listening as a provider"))?;
        let address = listener.local_addr();
        let provider_port = address
            .map_err(Failure::io("listening as a provider"))?
            .port();
        Ok(Self {
            home,
            provider: tokio::spawn(provide(listener)),
            provider_port,
        })
    }

    /// A server with all of them.
    pub(super) fn settings(&self) -> Result<Settings, Failure> {
        let home = self.home.path();
        let text = |path: &Path| path.display().to_string();
        let endpoint = format!("http://127.0.0.1:{}/CANARY-endpoint/v1", self.provider_port);
        let settings = Settings::default()
            .flag("--engine-as-configured")
            .with("--log", "trace")
            .with("--workspace", text(&home.join("CANARY-workspace")))
            .with("--model", "gpt-5-mini")
            .with("--model-endpoint", endpoint)
            .with("--model-key-file", text(&home.join("CANARY-key")))
            .limit("workers", 500)
            .variable("YOI_DATA_DIR", &text(&home.join("CANARY-data")))
            .home(home);
        Ok(VARIABLES.iter().fold(settings, |settings, (name, value)| {
            settings.variable(name, value)
        }))
    }

    /// What no response and no log line may contain.
    pub(super) fn forbidden(&self, token: &str) -> Forbidden {
        Forbidden::new(&[MARKER, SESSION_ID, SEGMENT_ID, token])
    }
}

impl Drop for PlantedSecrets {
    fn drop(&mut self) {
        self.provider.abort();
    }
}

/// Writes files below `home`.
fn plant(home: &Path) -> std::io::Result<()> {
    let workspace = home.join("CANARY-workspace");
    fs::create_dir_all(&workspace)?;
    let key = home.join("CANARY-key");
    fs::write(&key, "CANARY-provider-key\n")?;
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600))?;
    let data = home.join("CANARY-data");
    let records = [
        (
            "workers/CANARY-directory",
            record("readable name", &workspace),
        ),
        (
            "pods/CANARY-pod",
            record("~/CANARY-path/of/somebody", &workspace),
        ),
        (
            "workers/CANARY-other",
            record("CANARY-other-workspace", home),
        ),
    ];
    for (directory, record) in &records {
        write(&data.join(directory), record.to_string().as_bytes())?;
    }
    write(
        &data.join("workers/CANARY-broken"),
        b"{\"worker_name\":\"CANARY-broken",
    )
}

fn write(directory: &Path, bytes: &[u8]) -> std::io::Result<()> {
    fs::create_dir_all(directory)?;
    fs::write(directory.join("metadata.json"), bytes)
}

async fn provide(listener: TcpListener) {
    while let Ok((stream, _peer)) = listener.accept().await {
        tokio::spawn(refuse(stream));
    }
}

async fn refuse(mut stream: TcpStream) {
    let mut request = vec![0; PROVIDER_READ_BYTES];
    let response = format!(
        "HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\n\
         X-Provider: CANARY-header\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{PROVIDER_BODY}",
        PROVIDER_BODY.len()
    );
    // The server may have cancelled its request and closed the connection.
    if stream.read(&mut request).await.is_ok() {
        let _ = stream.write_all(response.as_bytes()).await;
    }
}
