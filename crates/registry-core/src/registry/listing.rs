//! Lists of workers, over one runtime or all of them.

use super::error_context::ErrorContext;
use super::{Registered, RuntimeRegistry, catch_panic, unavailable_diagnostic, with_deadline};
use crate::error::{RegistryError, SourceError};
use crate::id::RuntimeId;
use crate::page::{InvalidPageToken, PageLimit, PageToken};
use crate::port::{CatalogPage, CatalogQuery};
use crate::projection::{Diagnostic, ImplementationKind, WorkerPage, WorkerState, WorkerSummary};

/// Which workers a list over all runtimes shows.
#[derive(Debug, Clone, Default)]
pub struct WorkerFilter {
    /// Only workers of this runtime.
    pub runtime_id: Option<RuntimeId>,
    /// Only workers of runtimes that are implemented so.
    pub implementation_kind: Option<ImplementationKind>,
    /// Only workers in this state.
    pub state: Option<WorkerState>,
}

/// Which page of which workers.
#[derive(Debug, Clone, Default)]
pub struct WorkerListQuery {
    /// Which workers.
    pub filter: WorkerFilter,
    /// Where the page begins; `None` is the first page.
    pub page_token: Option<PageToken>,
    /// How many workers at most.
    pub limit: PageLimit,
}

impl RuntimeRegistry {
    /// A page of the workers of all runtimes, runtimes in registration order.
    ///
    /// A runtime that fails or is late is left out with a diagnostic; the others answer. A
    /// page with a `next_page_token` may hold fewer workers than its limit.
    ///
    /// # Errors
    /// [`RegistryError::UnknownRuntime`] for a filter that names none,
    /// [`RegistryError::InvalidPageToken`].
    pub async fn list_workers(&self, query: &WorkerListQuery) -> Result<WorkerPage, RegistryError> {
        if let Some(runtime_id) = &query.filter.runtime_id {
            self.registered(runtime_id)?;
        }
        let mut listed: Vec<&Registered> = self
            .sources
            .iter()
            .filter(|registered| query.filter.matches(registered))
            .collect();
        let mut position = None;
        if let Some(token) = &query.page_token {
            let begin = listed
                .iter()
                .position(|source| *source.runtime_id() == token.runtime_id);
            listed.drain(..begin.ok_or(InvalidPageToken)?);
            position = token.position.clone();
        }

        let mut page = WorkerPage {
            items: Vec::new(),
            next_page_token: None,
            diagnostics: Vec::new(),
        };
        for registered in listed {
            let runtime_id = registered.runtime_id();
            let Some(limit) = query.limit.remaining(page.items.len()) else {
                page.next_page_token = Some(PageToken {
                    runtime_id: runtime_id.clone(),
                    position: None,
                });
                break;
            };
            let catalog_query = CatalogQuery {
                after: position.take(),
                state: query.filter.state,
                limit,
            };
            match catch_panic(self.catalog_page(registered, &catalog_query)).await {
                Ok(answer) => {
                    let next = answer.next.clone();
                    append(&mut page, registered, answer);
                    if next.is_some() {
                        page.next_page_token = Some(PageToken {
                            runtime_id: runtime_id.clone(),
                            position: next,
                        });
                        break;
                    }
                }
                Err(SourceError::InvalidPosition) => return Err(InvalidPageToken.into()),
                Err(error) => page
                    .diagnostics
                    .push(unavailable_diagnostic(registered, &error)),
            }
        }
        Ok(page)
    }

    /// A page of one runtime's workers.
    ///
    /// # Errors
    /// [`RegistryError::UnknownRuntime`], [`RegistryError::InvalidPageToken`],
    /// [`RegistryError::RuntimeUnavailable`].
    pub async fn list_runtime_workers(
        &self,
        runtime_id: &RuntimeId,
        state: Option<WorkerState>,
        page_token: Option<&PageToken>,
        limit: PageLimit,
    ) -> Result<WorkerPage, RegistryError> {
        let registered = self.registered(runtime_id)?;
        if page_token.is_some_and(|token| token.runtime_id != *runtime_id) {
            return Err(InvalidPageToken.into());
        }
        let after = page_token.and_then(|token| token.position.clone());
        let answer = self
            .catalog_page(
                registered,
                &CatalogQuery {
                    after,
                    state,
                    limit,
                },
            )
            .await
            .map_err(|error| {
                ErrorContext::Runtime {
                    runtime_id,
                    profile: None,
                    model: None,
                }
                .registry_error(error)
            })?;
        let next_page_token = answer.next.clone().map(|position| PageToken {
            runtime_id: runtime_id.clone(),
            position: Some(position),
        });
        let mut page = WorkerPage {
            items: Vec::new(),
            next_page_token,
            diagnostics: Vec::new(),
        };
        append(&mut page, registered, answer);
        Ok(page)
    }

    async fn catalog_page(
        &self,
        registered: &Registered,
        query: &CatalogQuery,
    ) -> Result<CatalogPage, SourceError> {
        let answer =
            with_deadline(self.deadlines.read, registered.source.catalog().list(query)).await;
        match answer {
            // There was no position to refuse, so the source is broken.
            Err(unexpected @ SourceError::InvalidPosition) if query.after.is_none() => {
                Err(SourceError::failed(unexpected))
            }
            answer => answer,
        }
    }
}

impl WorkerFilter {
    fn matches(&self, registered: &Registered) -> bool {
        let descriptor = registered.descriptor();
        self.runtime_id
            .as_ref()
            .is_none_or(|wanted| *wanted == descriptor.runtime_id)
            && self
                .implementation_kind
                .as_ref()
                .is_none_or(|kind| *kind == descriptor.implementation_kind)
    }
}

/// Adds a source's page, each part marked with its runtime.
fn append(page: &mut WorkerPage, registered: &Registered, answer: CatalogPage) {
    let descriptor = registered.descriptor();
    page.items.extend(
        answer
            .workers
            .into_iter()
            .map(|record| WorkerSummary::project(descriptor, registered.capabilities, record)),
    );
    let with_runtime =
        |diagnostic: Diagnostic| diagnostic.with_runtime(descriptor.runtime_id.clone());
    page.diagnostics
        .extend(answer.diagnostics.into_iter().map(with_runtime));
}
