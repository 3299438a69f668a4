//! Servers for the browser: with a scripted model, and ones that are started again at the same address.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use testkit::json::text;
use testkit::provider::{RecordedRequest, ScriptedProvider, ScriptedResponse};
use testkit::server::{TestServer, offline};
use yoi_workspace_server::config::{AuthSetting, EngineSetting, StoreSetting};
use yoi_workspace_server::{ModelConfig, ServerConfig};

/// A server that asks nobody for a token, with a pause between two words of a reply.
pub(crate) async fn open_server(pace: Duration) -> TestServer {
    TestServer::start_with(|config| {
        config.auth = AuthSetting::None;
        config.engine = offline(pace);
    })
    .await
}

/// A server without a token whose model is a script.
pub(crate) async fn scripted_server() -> (ScriptedProvider, TestServer) {
    let provider = ScriptedProvider::start().await;
    let server = TestServer::start_with(|config| {
        config.auth = AuthSetting::None;
        config.engine = model_of(&provider);
    });
    let server = server.await;
    (provider, server)
}

fn model_of(provider: &ScriptedProvider) -> EngineSetting {
    let endpoint = format!("http://{}/v1", provider.address);
    let model = ModelConfig::from_settings("test-model", Some(&endpoint), None, |_| None);
    EngineSetting::Models(vec![("test-model".parse().unwrap(), model.unwrap())])
}

/// A reply that begins so, and goes on as the test says.
pub(crate) fn begin_reply(text: &str) -> ScriptedResponse {
    ScriptedResponse::event_stream().delta(text)
}

/// A reply that repeats the message.
pub(crate) fn echo(request: &RecordedRequest) -> ScriptedResponse {
    let messages = request.body["messages"].as_array().unwrap();
    ScriptedResponse::openai(&[text(&messages.last().unwrap()["content"])])
}

/// Where a server keeps its workers and listens, over restarts.
pub(crate) struct Site {
    /// The model: it repeats what it is told.
    pub(crate) provider: ScriptedProvider,
    directory: TempDir,
    auth: AuthSetting,
    address: SocketAddr,
}

impl Site {
    /// A site, and its first server.
    pub(crate) async fn open(auth: AuthSetting) -> (Self, TestServer) {
        let provider = ScriptedProvider::start().await;
        provider.respond_with(echo);
        let mut site = Self {
            provider,
            directory: tempfile::tempdir().unwrap(),
            auth,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
        };
        let server = site.start().await;
        site.address = server.address();
        (site, server)
    }

    /// Starts a server here that knows nothing of the one before.
    pub(crate) async fn start_anew(&mut self) -> TestServer {
        self.directory = tempfile::tempdir().unwrap();
        self.start().await
    }

    /// Starts a server here; the one before has been shut down.
    pub(crate) async fn start(&self) -> TestServer {
        let configure = |config: &mut ServerConfig| {
            config.listen = vec![self.address.into()];
            config.auth = self.auth.clone();
            config.engine = model_of(&self.provider);
            config.store = store_in(self.directory.path());
        };
        TestServer::start_with(configure).await
    }
}

fn store_in(directory: &Path) -> StoreSetting {
    StoreSetting::File {
        path: directory.join("workers.sqlite"),
        on_network_file_system: false,
    }
}
