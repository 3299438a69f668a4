//! `runtimes` and `workers`.

use registry_core::page::PAGE_LIMIT_MAX;
use registry_core::projection::{Diagnostic, Severity, WorkerPage};

use super::Session;
use crate::args::WorkersArgs;
use crate::client::{Answer, WorkersQuery};
use crate::failure::Failure;
use crate::follow::Patience;
use crate::output::json::AllPages;
use crate::output::{Format, Terminal, diagnostic, table};

/// Most pages that `workers --all` reads: 100,000 workers, ten times what a server holds by
/// default. Ends the loop with a server whose list never does.
const PAGES_MAX: usize = 500;

/// Lists the runtimes.
pub(super) async fn runtimes(session: &mut Session<'_>) -> Result<(), Failure> {
    let answer = session.client.runtimes().await?;
    session.print(&answer, |list, terminal| {
        terminal.table(&table::runtimes(&list.items))?;
        list.items
            .iter()
            .for_each(|runtime| notes(&runtime.diagnostics, terminal));
        Ok(())
    })
}

/// Lists workers: one page, or all of them.
pub(super) async fn workers(session: &mut Session<'_>, args: WorkersArgs) -> Result<(), Failure> {
    let query = WorkersQuery {
        runtime_id: args.runtime,
        implementation_kind: args.kind.map(Into::into),
        state: args.state.map(Into::into),
        limit: args.limit,
        page_token: args.page_token,
    };
    if args.all {
        return all_workers(session, query).await;
    }
    let answer = session.client.workers(&query).await?;
    session.print(&answer, |page, terminal| {
        print(&[page], terminal)?;
        if let Some(token) = &page.next_page_token {
            terminal.note(&format!(
                "note: there are more; add --all, or --page-token {token}"
            ));
        }
        Ok(())
    })
}

/// Reads page after page and prints them as one.
async fn all_workers(session: &mut Session<'_>, mut query: WorkersQuery) -> Result<(), Failure> {
    query.limit = query.limit.or(Some(PAGE_LIMIT_MAX));
    let mut pages: Vec<Answer<WorkerPage>> = Vec::new();
    loop {
        // The pages before it would be lost with a page that there is no room for.
        let read = async || session.client.workers(&query).await;
        let answer = Patience::FOR_ROOM.persist(read).await?;
        query.page_token = answer.value.next_page_token.clone();
        pages.push(answer);
        if query.page_token.is_none() {
            break;
        }
        if pages.len() == PAGES_MAX {
            return Err(Failure::EndlessList { pages: PAGES_MAX });
        }
    }
    match session.format {
        Format::Json => {
            let mut all = AllPages::default();
            pages.iter().for_each(|page| all.push(&page.json));
            session.terminal.json(&all.document())
        }
        Format::Text => {
            let pages: Vec<_> = pages.iter().map(|page| &page.value).collect();
            print(&pages, session.terminal)
        }
    }
}

fn print(pages: &[&WorkerPage], terminal: &mut Terminal) -> Result<(), Failure> {
    let workers = || pages.iter().flat_map(|page| &page.items);
    if workers().next().is_none() {
        terminal.note("note: no workers; `yoi create` makes one");
    } else {
        terminal.table(&table::workers(workers()))?;
    }
    let mut remarks: Vec<Diagnostic> = Vec::new();
    // What is merely good to know of a runtime is said by `yoi runtimes`.
    let matters = |remark: &&Diagnostic| remark.severity > Severity::Info;
    for remark in pages
        .iter()
        .flat_map(|page| &page.diagnostics)
        .filter(matters)
    {
        if !remarks.contains(remark) {
            remarks.push(remark.clone());
        }
    }
    notes(&remarks, terminal);
    Ok(())
}

fn notes(diagnostics: &[Diagnostic], terminal: &mut Terminal) {
    for remark in diagnostics {
        terminal.note(&diagnostic::note(remark));
    }
}
