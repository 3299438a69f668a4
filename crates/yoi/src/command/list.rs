//! `runtimes` and `workers`.

use registry_core::page::PAGE_LIMIT_MAX;
use registry_core::projection::{Diagnostic, Severity, WorkerPage};

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

/// Lists workers: one page, or all of them.
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
    let response = session.client.workers(&query).await?;
    session.print(&response, |page, terminal| {
        print_page(page, terminal)?;
        if let Some(token) = &page.next_page_token {
            let note = format!("note: there are more; add --all, or --page-token {token}");
            terminal.note(&note);
        }
        Ok(())
    })?;
    listed(&response.value)
}

/// Reads all pages and prints them as one.
async fn all_workers(session: &mut Session<'_>, mut query: WorkersQuery) -> Result<(), Error> {
    query.limit = query.limit.or(Some(PAGE_LIMIT_MAX));
    let mut raw = AllPages::default();
    let mut all = WorkerPage {
        items: Vec::new(),
        next_page_token: None,
        diagnostics: Vec::new(),
    };
    each_page(&session.client, query, |page| {
        raw.push(&page.json);
        all.items.extend(page.value.items);
        for diagnostic in page.value.diagnostics {
            if !all.diagnostics.contains(&diagnostic) {
                all.diagnostics.push(diagnostic);
            }
        }
    })
    .await?;
    match session.format {
        Format::Json => session.terminal.json(&raw.document()),
        Format::Text => print_page(&all, session.terminal),
    }?;
    listed(&all)
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

fn print_page(page: &WorkerPage, terminal: &mut Terminal) -> Result<(), Error> {
    if !page.items.is_empty() {
        terminal.table(&Table::new(worker::COLUMNS, &page.items))?;
    } else if !lacks_a_runtime(page) {
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
fn lacks_a_runtime(page: &WorkerPage) -> bool {
    let mut diagnostics = page.diagnostics.iter();
    diagnostics.any(|diagnostic| diagnostic.severity == Severity::Error)
}

fn print_notes<'a>(diagnostics: impl IntoIterator<Item = &'a Diagnostic>, terminal: &mut Terminal) {
    for diagnostic in diagnostics {
        terminal.note(&diagnostic::note(diagnostic));
    }
}
