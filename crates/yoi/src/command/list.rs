//! `runtimes` and `workers`.

use registry_core::PageToken;
use registry_core::page::{PAGE_LIMIT_DEFAULT, PAGE_LIMIT_MAX};
use registry_core::projection::{Diagnostic, Severity, WorkerPage, WorkerState};

use super::session::Session;
use crate::args::WorkersArgs;
use crate::client::{Client, Response, WorkersQuery};
use crate::error::Error;
use crate::output::json::AllPages;
use crate::output::table::Table;
use crate::output::{Format, Terminal, diagnostic, runtime, worker};
use crate::retry::RetryPolicy;

/// Most pages that are read of one list: 100,000 workers, as many as a server keeps by default.
/// Protects against a list that never ends.
const PAGES_MAX: usize = 500;
/// Most pages that are read for one part of the list, however few of the workers on them are shown.
const PARTIAL_PAGES_MAX: usize = 20;

const EMPTY: WorkerPage = WorkerPage {
    items: Vec::new(),
    next_page_token: None,
    diagnostics: Vec::new(),
};

pub(super) async fn runtimes(session: &mut Session<'_>) -> Result<(), Error> {
    let response = session.client.runtimes().await?;
    session.print(&response, |list, terminal| {
        terminal.table(&Table::new(runtime::COLUMNS, &list.items))?;
        for runtime in &list.items {
            print_notes(&runtime.diagnostics, terminal);
        }
        Ok(())
    })
}

/// Lists workers: some of those that are not stopped, or all of them.
pub(super) async fn workers(session: &mut Session<'_>, args: WorkersArgs) -> Result<(), Error> {
    let query = WorkersQuery {
        runtime_id: args.runtime,
        implementation_kind: args.kind,
        state: args.state,
        limit: args.limit,
        page_token: args.page_token,
    };
    if args.all {
        return all_workers(session, query).await;
    }
    match (session.format, query.state) {
        // Programs filter by themselves.
        (Format::Json, _) => {
            let response = session.client.workers(&query).await?;
            session.terminal.json(&response.json)?;
            listed(&response.value)
        }
        (Format::Text, _) => some_workers(session, query).await,
    }
}

/// Prints as many workers as `query` asks for, as far as some pages have them: those in its state, or
/// without one those that are not stopped.
async fn some_workers(session: &mut Session<'_>, mut query: WorkersQuery) -> Result<(), Error> {
    let limit = query.limit.unwrap_or(PAGE_LIMIT_DEFAULT);
    let mut wanted = EMPTY;
    let mut hidden = 0;
    for _ in 0..PARTIAL_PAGES_MAX {
        let listed = u32::try_from(wanted.items.len()).unwrap_or(limit);
        query.limit = Some(limit.saturating_sub(listed));
        let read = async || session.client.workers(&query).await;
        let mut page = RetryPolicy::BUDGET_ONLY.run(read).await?.value;
        let all = page.items.len();
        if query.state.is_none() {
            page.items
                .retain(|worker| worker.state != WorkerState::Stopped);
        }
        let hidden_here = all - page.items.len();
        hidden += hidden_here;
        query.page_token = append(&mut wanted, page);
        // A page of one state is short when the server has looked at many workers in others.
        let is_whole = query.state.is_none() && hidden_here == 0;
        if is_whole || wanted.items.len() >= limit as usize || query.page_token.is_none() {
            break;
        }
    }
    wanted.next_page_token = query.page_token;
    print_some(&wanted, hidden, session.terminal)
}

/// Prints a part of the list, without `hidden` workers that are stopped.
fn print_some(page: &WorkerPage, hidden: usize, terminal: &mut Terminal) -> Result<(), Error> {
    print_page(page, hidden, terminal)?;
    match hidden {
        0 => {}
        1 => terminal.note("note: 1 stopped worker is hidden; --all lists it"),
        _ => terminal.note(&format!(
            "note: {hidden} stopped workers are hidden; --all lists them"
        )),
    }
    if let Some(token) = &page.next_page_token {
        let note = format!("note: there are more; add --all, or --page-token {token}");
        terminal.note(&note);
    }
    listed(page)
}

/// Reads all pages and prints them as one.
async fn all_workers(session: &mut Session<'_>, mut query: WorkersQuery) -> Result<(), Error> {
    query.limit = query.limit.or(Some(PAGE_LIMIT_MAX));
    let mut raw = AllPages::default();
    let mut all = EMPTY;
    each_page(&session.client, query, |page| {
        raw.push(&page.json);
        append(&mut all, page.value);
    })
    .await?;
    match session.format {
        Format::Json => session.terminal.json(&raw.document()),
        Format::Text => print_page(&all, 0, session.terminal),
    }?;
    listed(&all)
}

/// Appends `page` to `list`; returns where the next page begins.
fn append(list: &mut WorkerPage, page: WorkerPage) -> Option<PageToken> {
    list.items.extend(page.items);
    for diagnostic in page.diagnostics {
        if !list.diagnostics.contains(&diagnostic) {
            list.diagnostics.push(diagnostic);
        }
    }
    page.next_page_token
}

/// Reads all pages of `query`.
///
/// # Errors
/// [`Error::TooManyPages`] for a list that does not end.
pub(super) async fn each_page(
    client: &Client,
    mut query: WorkersQuery,
    mut page: impl FnMut(Response<WorkerPage>),
) -> Result<(), Error> {
    for _ in 0..PAGES_MAX {
        // Retried, because an error would lose the pages before it.
        let read = async || client.workers(&query).await;
        let response = RetryPolicy::BUDGET_ONLY.run(read).await?;
        let next = response.value.next_page_token.clone();
        page(response);
        query.page_token = next;
        if query.page_token.is_none() {
            return Ok(());
        }
    }
    Err(Error::TooManyPages { pages: PAGES_MAX })
}

fn print_page(page: &WorkerPage, hidden: usize, terminal: &mut Terminal) -> Result<(), Error> {
    if !page.items.is_empty() {
        terminal.table(&Table::new(worker::COLUMNS, &page.items))?;
    } else if hidden == 0 && page.next_page_token.is_none() && !lacks_a_runtime(page) {
        terminal.note("note: no workers; `yoi create` creates one");
    }
    // `yoi runtimes` shows those of severity info.
    let diagnostics = page.diagnostics.iter();
    print_notes(
        diagnostics.filter(|diagnostic| diagnostic.severity > Severity::Info),
        terminal,
    );
    Ok(())
}

/// An empty list is a failure if a runtime did not answer: it may have any number of workers.
fn listed(page: &WorkerPage) -> Result<(), Error> {
    if page.items.is_empty() && lacks_a_runtime(page) {
        return Err(Error::NothingListed);
    }
    Ok(())
}

/// Whether a runtime failed to answer. What it left out for other reasons are warnings.
pub(super) fn lacks_a_runtime(page: &WorkerPage) -> bool {
    let mut diagnostics = page.diagnostics.iter();
    diagnostics.any(|diagnostic| diagnostic.severity == Severity::Error)
}

fn print_notes<'a>(diagnostics: impl IntoIterator<Item = &'a Diagnostic>, terminal: &mut Terminal) {
    for diagnostic in diagnostics {
        terminal.note(&diagnostic::note(diagnostic));
    }
}
