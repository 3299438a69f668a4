//! `open`: the server's page in a browser, signed in.

use http_api::wire::path;
use registry_core::WorkerRef;
use serde_json::json;

use super::lookup;
use super::session::Session;
use crate::args::OpenArgs;
use crate::error::Error;
use crate::output::Format;

/// Opens an address in a browser; returns false where there is none.
pub(super) type Browser = fn(&str) -> bool;

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
    match session.format {
        Format::Json => session
            .terminal
            .json(&json!({ "url": address }).to_string()),
        Format::Text if !args.print && browser(&address) => {
            let server = session.client.server();
            session
                .terminal
                .note(&format!("opened {server} in the browser"));
            Ok(())
        }
        Format::Text => session.terminal.line(&address),
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

/// The person's browser, where there is a screen for it.
pub(super) fn of_desktop(address: &str) -> bool {
    let has_screen = cfg!(target_os = "macos")
        || ["DISPLAY", "WAYLAND_DISPLAY", "BROWSER"]
            .iter()
            .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
    has_screen && webbrowser::open(address).is_ok()
}
