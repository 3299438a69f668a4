//! Proxies are spoken to as their scheme says.

use adapter_model::{ModelConfig, ModelEngine, Proxy};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use crate::fixture::{Fixture, config};
use testkit::provider::{ScriptedProvider, ScriptedResponse};
use worker_runtime::ErrorDetail;

/// A host that only a proxy can reach. No name server is asked for it, which might be slow: its label
/// has one byte too many (RFC 1035 §2.3.4).
const HOST: &str = "provider-provider-provider-provider-provider-provider-provider-1.test";

fn behind(proxy: &str, except: &str, provider: &ScriptedProvider) -> ModelConfig {
    ModelConfig {
        endpoint: Some(format!("http://{HOST}/v1").parse().unwrap()),
        proxy: Some(Proxy::new(proxy, except.to_owned()).unwrap()),
        ..config("m", provider.address)
    }
}

/// Answers one SOCKS5 client (RFC 1928) and connects it to the provider, whatever it asks for.
/// Returns the name that it asked for.
async fn socks_once(listener: TcpListener, provider: &ScriptedProvider) -> String {
    let (mut client, _) = listener.accept().await.unwrap();
    let mut greeting = [0; 3];
    client.read_exact(&mut greeting).await.unwrap();
    assert_eq!(greeting, [5, 1, 0], "version 5, without authentication");
    client.write_all(&[5, 0]).await.unwrap();
    let mut request = [0; 5];
    client.read_exact(&mut request).await.unwrap();
    assert_eq!(request[..4], [5, 1, 0, 3], "connect to a name");
    let mut name = vec![0; usize::from(request[4]) + 2];
    client.read_exact(&mut name).await.unwrap();
    let reply = [5, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    client.write_all(&reply).await.unwrap();
    let mut server = TcpStream::connect(provider.address).await.unwrap();
    // The client may close the connection in any way.
    let _ = copy_bidirectional(&mut client, &mut server).await;
    String::from_utf8(name[..name.len() - 2].to_vec()).unwrap()
}

#[tokio::test]
async fn a_socks_proxy_resolves_the_name_and_forwards_the_request() {
    let provider = ScriptedProvider::start().await;
    provider.enqueue(ScriptedResponse::openai(&["Hello"]));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = format!("socks5h://{}", listener.local_addr().unwrap());
    let config = behind(&proxy, "", &provider);
    let run = async {
        let fixture = Fixture::new(&config);
        fixture.complete_run("hi").await.text()
    };
    let (text, name) = tokio::join!(run, socks_once(listener, &provider));
    assert_eq!((text.as_str(), name.as_str()), ("Hello", HOST));
}

#[tokio::test]
async fn an_http_proxy_gets_the_whole_url_unless_the_host_is_excepted() {
    let provider = ScriptedProvider::start().await;
    provider.enqueue(ScriptedResponse::openai(&["Hello"]));
    let proxy = provider.address.to_string();
    let run = Fixture::new(&behind(&proxy, "", &provider));
    assert_eq!(run.complete_run("hi").await.text(), "Hello");
    let head = provider.last_request().head;
    let expected = format!("POST http://{HOST}/v1/chat/completions ");
    assert!(head.starts_with(&expected), "{head}");

    let direct = ModelEngine::new(&behind(&proxy, HOST, &provider)).unwrap();
    let error = direct.probe().await.unwrap_err();
    // The name exists nowhere, and that is not the proxy's fault.
    assert_eq!(error.detail(), Some(ErrorDetail::NameLookup));
    assert_eq!(provider.requests().len(), 1);
}
