//! The wired server in this process, on a free port and in directories of its own.

use std::ops::Deref;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use yoi_workspace_server::config::EngineSetting;
use yoi_workspace_server::{Server, ServerConfig, ShutdownReport};

use crate::client::Client;
use crate::deadline::in_time;
use crate::local_records;

/// A workspace root and a data directory for local records. Dropping it removes both.
#[derive(Debug)]
pub struct Workspace {
    root: TempDir,
    data: TempDir,
}

impl Workspace {
    /// Two empty directories.
    #[expect(clippy::new_without_default, reason = "it touches the file system")]
    pub fn new() -> Self {
        let [root, data] = [(); 2].map(|()| tempfile::tempdir().expect("a directory"));
        Self { root, data }
    }

    /// The workspace's root.
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// The directory of local records.
    pub fn data_dir(&self) -> &Path {
        self.data.path()
    }

    /// The default configuration for these directories, with a fast offline engine.
    pub fn config(&self) -> ServerConfig {
        let mut config = ServerConfig::new(self.root().to_owned());
        config.local_data_dir = Some(self.data_dir().to_owned());
        config.engine = offline(Duration::from_millis(1));
        config
    }

    /// Writes a local record of this workspace.
    pub fn write_record(&self, directory: &str, name: &str) {
        let record = local_records::record(name, self.root());
        local_records::write(&self.data_dir().join(directory), &record);
    }
}

/// A running server, used through its [`Client`]. Dropping it shuts it down without waiting.
#[derive(Debug)]
pub struct TestServer {
    /// Its directories.
    pub workspace: Workspace,
    client: Client,
    shutdown: oneshot::Sender<()>,
    serving: JoinHandle<ShutdownReport>,
}

impl TestServer {
    /// Starts a server with the default configuration.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// Starts a server whose configuration was changed by `configure`.
    pub async fn start_with(configure: impl FnOnce(&mut ServerConfig)) -> Self {
        let workspace = Workspace::new();
        let mut config = workspace.config();
        configure(&mut config);
        let server = Server::bind(config).await.expect("the server starts");
        let token = server.token().map(|token| token.reveal().to_owned());
        let base = format!("http://{}", server.address().expect("a TCP address"));
        let (shutdown, requested) = oneshot::channel();
        let serving = tokio::spawn(server.serve(async {
            let _ = requested.await;
        }));
        Self {
            workspace,
            client: Client::new(base, token.unwrap_or_default()),
            shutdown,
            serving,
        }
    }

    /// Shuts the server down and waits until it has ended.
    pub async fn shut_down(self) -> ShutdownReport {
        let _ = self.shutdown.send(());
        in_time(self.serving).await.expect("the server's task")
    }
}

impl Deref for TestServer {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

/// The offline engine with this pause between two words.
pub fn offline(pace: Duration) -> EngineSetting {
    EngineSetting::Offline { pace }
}

/// An input that keeps the offline engine busy: it quotes 200 words, one at a time.
pub fn long_input() -> String {
    "word ".repeat(200)
}
