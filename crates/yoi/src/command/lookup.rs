//! Which worker a user means: names and parts of ids are compared with the list of workers here, in
//! the client. The API takes whole ids alone.

use registry_core::page::PAGE_LIMIT_MAX;
use registry_core::projection::WorkerSummary;
use registry_core::{RuntimeId, WorkerId, WorkerRef};

use super::session::Session;
use crate::args::{WorkerArgs, WorkerName, runtime_or_default};
use crate::client::{Client, WorkersQuery};
use crate::command::list::{each_page, lacks_a_runtime};
use crate::error::{Error, LookupError};
use crate::last_worker::LastWorker;

/// The worker that `args` name.
///
/// # Errors
/// [`Error::Lookup`] when no worker or several are meant; those of listing workers.
pub(super) async fn worker(session: &Session<'_>, args: &WorkerArgs) -> Result<WorkerRef, Error> {
    find(&session.client, &session.last_worker, args).await
}

/// The same, without a session.
pub(super) async fn find(
    client: &Client,
    last: &LastWorker,
    args: &WorkerArgs,
) -> Result<WorkerRef, Error> {
    let runtime = args.runtime.as_ref();
    let text = match &args.worker {
        WorkerName::Last => return Ok(last.get().ok_or(LookupError::NoLastWorker)?),
        WorkerName::Id(id) => return Ok(WorkerRef::new(runtime_or_default(runtime), id.clone())),
        WorkerName::Text(text) => text.as_str(),
    };
    match (
        listed(client, runtime, text).await,
        text.parse::<WorkerId>(),
    ) {
        // A list may lack workers, so the server decides.
        (Err(Error::Lookup(LookupError::NoMatch { .. }) | Error::NothingListed), Ok(id)) => {
            Ok(WorkerRef::new(runtime_or_default(runtime), id))
        }
        (listed, _) => listed,
    }
}

/// The listed worker of all runtimes, or of `runtime`, that `text` fits.
///
/// # Errors
/// [`Error::NothingListed`] when there is none and a runtime did not answer.
pub(super) async fn listed(
    client: &Client,
    runtime: Option<&RuntimeId>,
    text: &str,
) -> Result<WorkerRef, Error> {
    let query = WorkersQuery {
        runtime_id: runtime.cloned(),
        limit: Some(PAGE_LIMIT_MAX),
        ..WorkersQuery::default()
    };
    let mut matches = Matches::default();
    let mut is_whole = true;
    each_page(client, query, |page| {
        is_whole &= !lacks_a_runtime(&page.value);
        for worker in page.value.items {
            matches.add(text, worker);
        }
    })
    .await?;
    match matches.best(text)? {
        Some(worker) => Ok(WorkerRef::new(worker.runtime_id, worker.worker_id)),
        None if is_whole => Err(LookupError::NoMatch { text: text.into() }.into()),
        None => Err(Error::NothingListed),
    }
}

/// Whether somebody who typed `text` rather meant an id than a word.
pub(super) fn looks_like_an_id(text: &str) -> bool {
    let is_digit = |c: char| c.is_ascii_hexdigit() || c == '-';
    text.len() >= 4 && text.chars().all(is_digit) && text.contains(|c: char| c.is_ascii_digit())
}

/// The workers that a text fits.
#[derive(Default)]
struct Matches {
    by_id: Candidates,
    by_name: Candidates,
    by_part_of_id: Candidates,
}

#[derive(Default)]
struct Candidates {
    /// The first [`CANDIDATES_MAX`] of them.
    listed: Vec<WorkerSummary>,
    count: usize,
}

/// Most workers that an ambiguous text is said to fit: half a screen.
const CANDIDATES_MAX: usize = 12;

impl Matches {
    /// Adds `worker` if `text` fits it.
    fn add(&mut self, text: &str, worker: WorkerSummary) {
        let id = worker.worker_id.as_str();
        // Ids have no upper-case letters.
        let part = text.to_ascii_lowercase();
        if id == text {
            self.by_id.add(worker);
        } else if worker.display_name.as_str() == text {
            self.by_name.add(worker);
        } else if id.starts_with(&part) || id.ends_with(&part) {
            self.by_part_of_id.add(worker);
        }
    }

    /// The one that is meant: a whole id before a name, a name before a part of an id.
    fn best(self, text: &str) -> Result<Option<WorkerSummary>, LookupError> {
        let all = [self.by_id, self.by_name, self.by_part_of_id];
        let Some(mut candidates) = all.into_iter().find(|candidates| candidates.count > 0) else {
            return Ok(None);
        };
        if candidates.count == 1 {
            return Ok(candidates.listed.pop());
        }
        Err(LookupError::Ambiguous {
            text: text.to_owned(),
            candidates: candidates.listed,
            count: candidates.count,
        })
    }
}

impl Candidates {
    fn add(&mut self, worker: WorkerSummary) {
        self.count += 1;
        if self.listed.len() < CANDIDATES_MAX {
            self.listed.push(worker);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scripted_server::{Scripted, ScriptedServer, assert_contains, worker_summary};

    fn summary(id: &str, name: &str) -> WorkerSummary {
        let mut worker = worker_summary(id, "idle");
        worker["display_name"] = name.into();
        serde_json::from_value(worker).unwrap()
    }

    /// The id of the worker that `text` means, or how many it may mean.
    fn best(text: &str) -> Result<Option<String>, usize> {
        let mut matches = Matches::default();
        for (id, name) in [
            ("01a2-7ba", "Reviewer"),
            ("01a2-8ba", "01a3"),
            ("01a3-9ce", "ba"),
            ("w1", "Twin"),
            ("w12", "Twin"),
            ("w2", "W1"),
        ] {
            matches.add(text, summary(id, name));
        }
        match matches.best(text) {
            Ok(worker) => Ok(worker.map(|worker| worker.worker_id.to_string())),
            Err(LookupError::Ambiguous { count, .. }) => Err(count),
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn a_worker_is_meant_by_a_unique_part_of_its_id_or_by_its_name() {
        for (text, id) in [
            ("Reviewer", "01a2-7ba"),
            ("01a2-7", "01a2-7ba"),
            ("01A2-7", "01a2-7ba"),
            ("9ce", "01a3-9ce"),
            // A name comes before a part of an id, a whole id before a name.
            ("01a3", "01a2-8ba"),
            ("ba", "01a3-9ce"),
            ("w1", "w1"),
            ("W1", "w2"),
        ] {
            assert_eq!(best(text), Ok(Some(id.to_owned())), "{text}");
        }
        for (text, count) in [("01a2", 2), ("Twin", 2), ("01", 3), ("w", 3)] {
            assert_eq!(best(text), Err(count), "{text}");
        }
        for nobody in ["reviewer", "Review", "01a4", "a2-7"] {
            assert_eq!(best(nobody), Ok(None), "{nobody}");
        }
    }

    fn args(text: &str) -> WorkerArgs {
        WorkerArgs {
            runtime: None,
            worker: WorkerName::Text(text.parse().unwrap()),
        }
    }

    #[tokio::test]
    async fn all_pages_are_searched_before_a_worker_is_taken_for_the_one() {
        let page = |id: &str, next: Option<&str>| {
            let mut page = json!({"items": [worker_summary(id, "idle")], "diagnostics": []});
            if let Some(next) = next {
                page["next_page_token"] = next.into();
            }
            Scripted::Json(200, page)
        };
        let pages = || [page("w1", Some("MSBhIA")), page("w2", None)];
        let server = ScriptedServer::start(pages().into_iter().chain(pages())).await;
        let (client, last) = (server.client(), LastWorker::none());
        let found = find(&client, &last, &args("2")).await.unwrap();
        assert_eq!(found.to_string(), "w2@backend-internal");
        let error = find(&client, &last, &args("w")).await.unwrap_err();
        assert_contains(&error.message(), "“w” fits 2 workers");
        assert_contains(&server.request_lines()[1], "page_token=MSBhIA");
    }

    #[tokio::test]
    async fn nobody_is_not_said_of_a_list_that_lacks_a_runtime() {
        let page = |severity: &str| {
            let lacks = json!({"code": "c", "severity": severity, "message": "M.", "count": 1});
            Scripted::Json(200, json!({"items": [], "diagnostics": [lacks]}))
        };
        let server = ScriptedServer::start([page("warning"), page("error"), page("error")]).await;
        let (client, last) = (server.client(), LastWorker::none());
        let name = args("No one");
        let nobody = find(&client, &last, &name).await.unwrap_err();
        assert!(matches!(nobody, Error::Lookup(LookupError::NoMatch { .. })));
        let unknown = find(&client, &last, &name).await.unwrap_err();
        assert!(matches!(unknown, Error::NothingListed));
        // What may be an id is asked for.
        let id = find(&client, &last, &args("w9")).await.unwrap();
        assert_eq!(id.to_string(), "w9@backend-internal");
    }
}
