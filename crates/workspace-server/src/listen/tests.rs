//! What is listened on, and under which names.

use tokio::net::TcpStream;

use super::*;

async fn bind(texts: &[&str]) -> Result<Bound, ListenError> {
    let addresses: Vec<ListenAddress> = texts.iter().map(|text| text.parse().unwrap()).collect();
    Resolved::lookup(&addresses).await?.bind().await
}

fn tcp(address: &ServerAddress) -> SocketAddr {
    match address {
        ServerAddress::Tcp(address) => *address,
        ServerAddress::Unix(_) => panic!("a Unix socket"),
    }
}

#[tokio::test]
async fn every_address_is_listened_on_and_the_one_that_is_shown_works() {
    let directory = tempfile::tempdir().unwrap();
    let socket = format!("unix:{}", directory.path().join("yoi.sock").display());
    let bound = bind(&["localhost:0", ":0", &socket]).await.unwrap();
    let addresses = bound.addresses();
    assert!(addresses.len() >= 3);
    for address in &addresses[..addresses.len() - 1] {
        assert!(tcp(address).ip().is_loopback());
        TcpStream::connect(tcp(address)).await.unwrap();
    }
    assert_eq!(addresses.last().unwrap().to_string(), socket);
    assert_eq!(bound.listeners.len(), addresses.len());
    let hosts: Vec<String> = bound.hosts().iter().map(ToString::to_string).collect();
    let named = |name: &str, port: u16| hosts.contains(&format!("{name}:{port}"));
    assert!(named("localhost", tcp(&addresses[0]).port()));
    assert!(hosts.contains(&"localhost".to_owned()));
    assert!(!hosts.iter().any(|host| host.starts_with("0.0.0.0")));
}

#[tokio::test]
async fn an_address_that_is_named_twice_is_bound_once() {
    let taken = bind(&["127.0.0.1:0"]).await.unwrap();
    let port = tcp(&taken.addresses()[0]).port();
    drop(taken);
    let (name, address) = (format!("localhost:{port}"), format!("127.0.0.1:{port}"));
    let bound = bind(&[&address, &name]).await.unwrap();
    let twice = |it: &&ServerAddress| it.to_string().ends_with(&address);
    assert_eq!(bound.addresses().iter().filter(twice).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_address_in_use_is_waited_for_but_not_for_long() {
    let first = bind(&["127.0.0.1:0"]).await.unwrap();
    let address = tcp(&first.addresses()[0]).to_string();
    let began = Instant::now();
    let refused = bind(&[&address]).await.err();
    assert!(
        matches!(refused, Some(ListenError::Bind { .. })),
        "{refused:?}"
    );
    assert!(began.elapsed() >= IN_USE_WAIT);

    let leaving = async {
        tokio::time::sleep(IN_USE_WAIT / 2).await;
        drop(first);
    };
    let only = [address.as_str()];
    let (bound, ()) = tokio::join!(bind(&only), leaving);
    assert_eq!(tcp(&bound.unwrap().addresses()[0]).to_string(), address);
}

#[tokio::test]
async fn only_loopback_addresses_and_unix_sockets_are_closed_to_the_network() {
    for (text, is_open) in [
        ("127.0.0.1:0", false),
        ("[::1]:0", false),
        ("localhost:0", false),
        ("unix:somewhere", false),
        (":0", true),
        ("[::]:0", true),
        ("10.0.0.1:0", true),
    ] {
        let resolved = Resolved::lookup(&[text.parse().unwrap()]).await.unwrap();
        assert_eq!(resolved.is_open_to_network(), is_open, "{text}");
    }
}

#[tokio::test]
async fn nothing_and_too_much_to_listen_on_are_refused() {
    assert!(matches!(
        bind(&[]).await.err(),
        Some(ListenError::NoAddress)
    ));
    let many = vec!["127.0.0.1:0"; ADDRESSES_MAX + 1];
    let refused = bind(&many).await.err();
    assert!(matches!(refused, Some(ListenError::TooManyAddresses)));
    let unknown = bind(&["no-such-host.invalid:0"]).await.err();
    assert!(
        matches!(unknown, Some(ListenError::UnknownName { .. })),
        "{unknown:?}"
    );
}
