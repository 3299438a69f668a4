//! A network between the store and the database that can be cut, go silent, or lose an answer.

use std::io;
use std::sync::Arc;

use adapter_store_postgres::PostgresStore;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use crate::fixture::{Workspace, variable};

/// What becomes of what is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Network {
    /// It arrives.
    Up,
    /// Connections are cut, and new ones too.
    Down,
    /// It arrives once the network is up again.
    Silent,
    /// A COMMIT doesn't arrive before the network changes. All else arrives.
    HoldsCommits,
    /// A COMMIT is lost, and its connection with it.
    LosesCommits,
    /// A COMMIT arrives, and its answer is lost, and the connection with it.
    LosesAnswersOfCommits,
    /// The same, and the network is down from then on.
    DownAfterCommit,
}

/// The form in which a COMMIT is sent.
const COMMIT: &[u8] = b"COMMIT\0";

/// A store behind a network.
pub(crate) async fn behind_a_network(workspace: &Workspace) -> (Proxy, PostgresStore) {
    let proxy = Proxy::start().await;
    let store = workspace.by_port(proxy.port).open().await;
    (proxy, store)
}

/// A proxy in front of the database.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    network: Arc<watch::Sender<Network>>,
    /// Told of what is sent into a silent network.
    held: Arc<Notify>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    pub(crate) async fn start() -> Self {
        let port = variable("YOI_TEST_POSTGRES_PORT").parse().expect("a port");
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let own = listener.local_addr().expect("an address").port();
        let network = Arc::new(watch::Sender::new(Network::Up));
        let held = Arc::new(Notify::new());
        let (shared, holding) = (Arc::clone(&network), Arc::clone(&held));
        let accepting = tokio::spawn(async move {
            loop {
                let Ok((client, _)) = listener.accept().await else {
                    continue;
                };
                let (network, held) = (Arc::clone(&shared), Arc::clone(&holding));
                tokio::spawn(carry(client, port, network, held));
            }
        });
        Self {
            port: own,
            network,
            held,
            accepting,
        }
    }

    pub(crate) fn set(&self, network: Network) {
        self.network.send_replace(network);
    }

    /// Waits until something is sent into the silent network.
    pub(crate) async fn holds(&self) {
        self.held.notified().await;
    }

    /// Cuts all connections; new ones are carried again.
    pub(crate) async fn cut(&self) {
        self.set(Network::Down);
        // Each connection has a receiver.
        self.network.closed().await;
        self.set(Network::Up);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Carries one connection until an end closes it or it is cut.
async fn carry(
    client: TcpStream,
    port: u16,
    set: Arc<watch::Sender<Network>>,
    held: Arc<Notify>,
) -> io::Result<()> {
    let server = TcpStream::connect(("127.0.0.1", port)).await?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let (mut cut, network) = (set.subscribe(), set.subscribe());
    tokio::select! {
        _ = cut.wait_for(|it| *it == Network::Down) => Ok(()),
        ended = upwards(from_client, to_server, network.clone(), &held) => {
            if *set.borrow() == Network::DownAfterCommit {
                set.send_replace(Network::Down);
            }
            ended
        }
        ended = downwards(from_server, to_client, network) => ended,
    }
}

async fn upwards(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut network: watch::Receiver<Network>,
    held: &Notify,
) -> io::Result<()> {
    let mut buffer = [0; 16 * 1024];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        let sent = &buffer[..read];
        if *network.borrow() == Network::Silent {
            held.notify_one();
        }
        let has_commit = sent.windows(COMMIT.len()).any(|it| it == COMMIT);
        let mut state = wait_until_carried(&mut network).await;
        if has_commit && state == Network::HoldsCommits {
            let changed = network.wait_for(|it| *it != Network::HoldsCommits);
            drop(changed.await);
            state = wait_until_carried(&mut network).await;
        }
        if has_commit && state == Network::LosesCommits {
            return Ok(());
        }
        to.write_all(sent).await?;
        if has_commit
            && matches!(
                state,
                Network::LosesAnswersOfCommits | Network::DownAfterCommit
            )
        {
            // The other direction is cut too; the database gets what was sent.
            to.shutdown().await?;
            return Ok(());
        }
    }
}

async fn downwards(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut network: watch::Receiver<Network>,
) -> io::Result<()> {
    let mut buffer = [0; 16 * 1024];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        wait_until_carried(&mut network).await;
        to.write_all(&buffer[..read]).await?;
    }
}

async fn wait_until_carried(network: &mut watch::Receiver<Network>) -> Network {
    let state = network.wait_for(|it| *it != Network::Silent).await;
    state.map_or(Network::Down, |state| *state)
}
