//! `open`: the server's page in a browser, signed in.

use std::thread;
use std::time::{Duration, Instant};

use http_api::wire::path;
use registry_core::WorkerRef;
use rustix::process::{WaitOptions, wait};
use serde_json::json;

use super::lookup;
use super::session::Session;
use crate::args::OpenArgs;
use crate::error::Error;
use crate::output::Format;

/// How long a browser may take to fail. One that runs on by then has started.
const FAILURE_TIMEOUT: Duration = Duration::from_secs(1);
/// Time between two looks whether it has ended.
const FAILURE_POLL: Duration = Duration::from_millis(20);

/// Opens an address in a browser.
pub(super) type Browser = fn(&str) -> Opening;

/// Whether an address was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opening {
    Opened,
    /// There is no screen, as in a session on another machine.
    NoScreen,
    /// There is no browser, or it failed.
    Failed,
}

pub(super) async fn open(
    session: &mut Session<'_>,
    args: &OpenArgs,
    browser: Browser,
) -> Result<(), Error> {
    let worker = match args.worker() {
        Some(named) => Some(lookup::worker(session, &named).await?),
        None => None,
    };
    let address = address(session, worker.as_ref()).await?;
    if session.format == Format::Json {
        let document = json!({ "url": address });
        return session.terminal.json(&document.to_string());
    }
    if args.print {
        return session.terminal.line(&address);
    }
    match browser(&address) {
        Opening::Opened => {
            let server = session.client.server();
            session
                .terminal
                .note(&format!("opened {server} in the browser"));
            Ok(())
        }
        Opening::NoScreen => session.terminal.line(&address),
        Opening::Failed => {
            session.terminal.line(&address)?;
            Err(Error::BrowserFailed)
        }
    }
}

/// The page's address, with a code if the server wants credentials.
async fn address(session: &Session<'_>, worker: Option<&WorkerRef>) -> Result<String, Error> {
    let client = &session.client;
    let code = match client.target().token {
        Some(_) => Some(client.session_code().await?.value.code),
        None => None,
    };
    let fragment = path::page_fragment(code.as_deref(), worker);
    let mut address = client.server().join("/");
    address.set_fragment((!fragment.is_empty()).then_some(&fragment));
    Ok(address.into())
}

/// The person's browser, where there is a screen for it. Blocks until it has started.
pub(super) fn of_desktop(address: &str) -> Opening {
    let has_screen = cfg!(target_os = "macos")
        || ["DISPLAY", "WAYLAND_DISPLAY", "BROWSER"]
            .iter()
            .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
    if !has_screen {
        return Opening::NoScreen;
    }
    if webbrowser::open(address).is_ok() && is_running_or_done() {
        Opening::Opened
    } else {
        Opening::Failed
    }
}

/// Whether the only child of this process, if there is one, does not fail at once. The library starts
/// it, and does not look after it.
fn is_running_or_done() -> bool {
    let began = Instant::now();
    while began.elapsed() < FAILURE_TIMEOUT {
        match wait(WaitOptions::NOHANG) {
            Ok(Some((_, status))) => return status.exit_status() == Some(0),
            Ok(None) => thread::sleep(FAILURE_POLL),
            // It was waited for already.
            Err(_) => return true,
        }
    }
    true
}
