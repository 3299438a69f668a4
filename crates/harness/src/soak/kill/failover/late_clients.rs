//! Clients of an owner that has been replaced and doesn't know it. The ledger knows nothing of what
//! they ask for: were it done, the verification would find what nobody has asked for.

use registry_core::WorkerId;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::client::Client;
use crate::failure::Failure;
use crate::server::Server;
use crate::soak::kill::session::worker_path;
use crate::worker::EMBEDDED;

/// Clients at the same time.
const CLIENTS: usize = 16;

/// What was answered.
#[derive(Debug, Default)]
pub(super) struct Answers {
    pub(super) refusals: usize,
    /// The changes that were answered with success.
    pub(super) successes: Vec<String>,
}

/// Clients that are connected, so that what they ask for next is read at once.
pub(super) struct Connected(Vec<Client>);

impl Connected {
    /// Connects clients to `server`.
    pub(super) async fn to(server: &Server) -> Result<Self, Failure> {
        let mut clients = Vec::with_capacity(CLIENTS);
        for _ in 0..CLIENTS {
            let mut client = server.client();
            client.get(EMBEDDED).await?.expect(200, EMBEDDED)?;
            clients.push(client);
        }
        Ok(Self(clients))
    }

    /// Lets them ask for changes of `workers` until the server is gone. It is frozen by now.
    pub(super) fn ask(self, workers: &[WorkerId]) -> LateClients {
        let mut tasks = JoinSet::new();
        for (client, number) in self.0.into_iter().zip(0..) {
            tasks.spawn(ask(client, changes(workers, number)));
        }
        LateClients(tasks)
    }
}

pub(super) struct LateClients(JoinSet<Answers>);

impl LateClients {
    /// Waits until the server is gone.
    pub(super) async fn join(mut self) -> Result<Answers, Failure> {
        let mut all = Answers::default();
        while let Some(answers) = self.0.join_next().await {
            let Answers {
                refusals,
                successes,
            } = answers?;
            all.refusals += refusals;
            all.successes.extend(successes);
        }
        Ok(all)
    }
}

/// A request for a change.
#[derive(Debug)]
struct Change {
    method: &'static str,
    path: String,
    body: Value,
}

/// The changes that a client asks for, all different from those of others and of the ledger.
fn changes(workers: &[WorkerId], client: usize) -> Vec<Change> {
    let name = |number: usize| format!("late-{client}-{number}");
    let create = Change {
        method: "POST",
        path: format!("{EMBEDDED}/workers"),
        body: json!({ "display_name": name(0) }),
    };
    let of_workers = workers.iter().skip(client).step_by(CLIENTS).zip(1..);
    let of_workers = of_workers.flat_map(|(id, number)| {
        let input = Change {
            method: "POST",
            path: worker_path(id, "/input"),
            body: json!({ "content": name(number) }),
        };
        let rename = Change {
            method: "PATCH",
            path: worker_path(id, ""),
            body: json!({ "display_name": name(number) }),
        };
        [input, rename]
    });
    std::iter::once(create).chain(of_workers).collect()
}

async fn ask(mut client: Client, changes: Vec<Change>) -> Answers {
    let mut answers = Answers::default();
    for Change { method, path, body } in changes.iter().cycle() {
        let request = client.endpoint().request(method, path, Some(body));
        match client.send(&request).await {
            Ok(response) if response.status < 300 => {
                let status = response.status;
                answers
                    .successes
                    .push(format!("{method} {path} was answered {status}"));
            }
            Ok(_) => answers.refusals += 1,
            Err(_) => break,
        }
    }
    answers
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_client_asks_for_changes_of_its_own() {
        let workers: Vec<WorkerId> = (0..10)
            .map(|number| format!("worker-{number}").parse().unwrap())
            .collect();
        let all: Vec<Change> = (0..CLIENTS)
            .flat_map(|client| changes(&workers, client))
            .collect();
        assert_eq!(all.len(), CLIENTS + 2 * workers.len());
        let different: HashSet<_> = all
            .iter()
            .map(|change| (change.method, &change.path, change.body.to_string()))
            .collect();
        assert_eq!(different.len(), all.len());
        assert!(changes(&[], 0).len() == 1);
    }
}
