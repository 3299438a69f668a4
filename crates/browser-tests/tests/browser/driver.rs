//! One chromium and its driver: started for a test and ended with it, whatever becomes of it.

use std::process::Stdio;

use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand, WindowHandle};
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use testkit::deadline::in_time;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// A running driver. Dropping it kills it; a browser that was not closed before goes with it.
pub(crate) struct Driver {
    process: Child,
    pub(crate) client: Client,
}

impl Driver {
    pub(crate) async fn start() -> Self {
        let (process, port) = listening_driver().await;
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities())
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .expect("chromium starts");
        Self { process, client }
    }
}

impl Driver {
    /// The browser's processes.
    pub(crate) fn browser_processes(&self) -> Vec<u32> {
        let mut parents = vec![self.process.id().expect("it runs")];
        let mut found = Vec::new();
        let all = process_tree();
        while let Some(parent) = parents.pop() {
            let children = all.iter().filter(|(_, p)| *p == parent);
            let children: Vec<_> = children.map(|(child, _)| *child).collect();
            parents.extend(&children);
            found.extend(children);
        }
        found
    }
}

/// Starts chromedriver; with it, the port that it listens on.
///
/// It takes a free port of one address family and then wants the same one of the other, where
/// another process may hold it: then it ends and another is started.
async fn listening_driver() -> (Child, String) {
    const ATTEMPTS: usize = 10;
    for _ in 0..ATTEMPTS {
        let mut process = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("`.ci/browser-tests` installs chromium-driver");
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        while let Some(line) = lines.next_line().await.unwrap() {
            if let Some((_, port)) = line.split_once("successfully on port ") {
                return (process, port.trim_end_matches('.').to_owned());
            }
        }
    }
    panic!("chromedriver found no free port in {ATTEMPTS} attempts");
}

/// Every process with its parent (proc_pid_stat(5)).
fn process_tree() -> Vec<(u32, u32)> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let parent_of = |entry: std::fs::DirEntry| {
        let process = entry.file_name().to_str()?.parse().ok()?;
        let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        let (_, after_name) = stat.rsplit_once(") ")?;
        let parent = after_name.split(' ').nth(1)?.parse().ok()?;
        Some((process, parent))
    };
    entries.filter_map(parent_of).collect()
}

fn capabilities() -> Capabilities {
    // Chromium's sandbox does not work for root, as whom containers run the gate.
    let arguments = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--window-size=1200,800",
    ];
    let capabilities = json!({
        "goog:chromeOptions": { "args": arguments },
        "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
    });
    serde_json::from_value(capabilities).unwrap()
}

/// A command of chromedriver's own.
#[derive(Debug)]
struct VendorCommand {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for VendorCommand {
    fn endpoint(
        &self,
        base: &url::Url,
        session: Option<&str>,
    ) -> Result<url::Url, url::ParseError> {
        let session = session.unwrap_or_default();
        base.join(&format!("session/{session}/{}", self.path))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.body.to_string()))
    }
}

/// A command of Chrome's DevTools protocol.
pub(crate) async fn devtools(client: &Client, command: &str, parameters: Value) -> Value {
    let path = "goog/cdp/execute";
    let body = json!({ "cmd": command, "params": parameters });
    let result = client.issue_cmd(VendorCommand { path, body }).await;
    result.unwrap_or_else(|error| panic!("{command}: {error}"))
}

/// Opens another tab in front of the page, which hides it, and waits until the page knows. Returns
/// the page's own.
pub(crate) async fn hide(client: &Client) -> WindowHandle {
    let page = client.window().await.unwrap();
    // The page opens it, so that it can be asked there: a tab that WebDriver speaks with is shown.
    let script = "void window.open('')";
    client.execute(script, Vec::new()).await.unwrap();
    let mut windows = client.windows().await.unwrap().into_iter();
    let in_front = windows.find(|window| *window != page).unwrap();
    client.switch_to_window(in_front).await.unwrap();
    devtools(client, "Page.bringToFront", json!({})).await;
    let is_hidden = async || {
        client
            .execute("return opener.document.hidden", Vec::new())
            .await
    };
    in_time(async { while is_hidden().await.unwrap() != true {} }).await;
    page
}

/// Closes the tab in front of the page, which shows it again.
pub(crate) async fn show(client: &Client, page: WindowHandle) {
    client.close_window().await.unwrap();
    client.switch_to_window(page).await.unwrap();
}

/// What the browser has logged of this kind (`browser`, `performance`) since it was last asked.
pub(crate) async fn take_log(client: &Client, kind: &str) -> Vec<Value> {
    let (path, body) = ("se/log", json!({ "type": kind }));
    let entries = client.issue_cmd(VendorCommand { path, body }).await;
    entries.unwrap().as_array().unwrap().clone()
}
