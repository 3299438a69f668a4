//! The rows of a workspace whose servers have ended.

use tokio_postgres::{Client, Error, NoTls};

/// What must be found nowhere in the workspace with the number `$1`, each with the rows that show it.
const FORBIDDEN: [(&str, &str); 7] = [
    (
        "runs without an end",
        "SELECT FROM yoi.run WHERE workspace = $1 AND outcome IS NULL",
    ),
    (
        "drafts of runs that have ended",
        "SELECT FROM yoi.draft WHERE workspace = $1",
    ),
    (
        "workers whose entries have gaps",
        "SELECT FROM yoi.worker LEFT JOIN yoi.entry
             ON entry.workspace = worker.workspace AND entry.worker = worker.id
         WHERE worker.workspace = $1
         GROUP BY worker.workspace, worker.id
         HAVING last_sequence <> count(sequence) OR last_sequence <> coalesce(max(sequence), 0)",
    ),
    (
        "entries without a worker",
        "SELECT FROM yoi.entry WHERE workspace = $1
             AND worker NOT IN (SELECT id FROM yoi.worker WHERE workspace = $1)",
    ),
    (
        "runs without a worker",
        "SELECT FROM yoi.run WHERE workspace = $1
             AND worker NOT IN (SELECT id FROM yoi.worker WHERE workspace = $1)",
    ),
    (
        "runs without an input",
        "SELECT FROM yoi.run LEFT JOIN yoi.entry USING (workspace, worker, sequence)
         WHERE workspace = $1
             AND (role IS DISTINCT FROM 'user' OR entry.run IS DISTINCT FROM run.id)",
    ),
    (
        "inputs without a run",
        "SELECT FROM yoi.entry LEFT JOIN yoi.run USING (workspace, worker, sequence)
         WHERE workspace = $1 AND role = 'user' AND run.id IS NULL",
    ),
];

/// What is wrong with the rows of a workspace in the database at `address`.
pub(super) async fn faults(address: &str, workspace: &str) -> Result<Vec<String>, Error> {
    let (client, connection) = tokio_postgres::connect(address, NoTls).await?;
    let connection = tokio::spawn(connection);
    let found = faults_of(&client, workspace).await;
    connection.abort();
    found
}

async fn faults_of(client: &Client, workspace: &str) -> Result<Vec<String>, Error> {
    let number = "SELECT number FROM yoi.workspace WHERE name = $1";
    let number: i32 = client.query_one(number, &[&workspace]).await?.try_get(0)?;
    let mut faults = Vec::new();
    for (what, rows) in FORBIDDEN {
        let found = client.query(rows, &[&number]).await?.len();
        if found > 0 {
            faults.push(format!("{found} {what}"));
        }
    }
    Ok(faults)
}
