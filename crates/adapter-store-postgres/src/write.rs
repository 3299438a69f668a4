//! The changes, as statements. Each is one statement, which changes one row of `worker` or adds one,
//! or else didn't fit what is stored: so all of a transaction can be sent before the first answer.

use deadpool_postgres::ClientWrapper;
use std::time::SystemTime;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Statement};
use uuid::Uuid;
use worker_runtime::store::columns::{RunEndColumns, diagnostics_words};
use worker_runtime::store::{AcceptedInput, Change, FinishedRun, StoredWorker};
use worker_runtime::{Fingerprint, IdempotencyKey};

use crate::failure::Failure;
use crate::translate::{digest, time};

const CREATE: &str = "
    WITH profile AS (
        INSERT INTO yoi.profile (workspace, digest, text) VALUES ($1::integer, $4::bytea, $5)
        ON CONFLICT DO NOTHING
    )
    INSERT INTO yoi.worker (workspace, id, display_name, profile, model, state, created_at,
        last_activity_at, create_key, create_fingerprint, last_sequence, input_tokens,
        output_tokens, incomplete_runs, last_run, outcome, error_code, error_detail, retry_after,
        finished_at, diagnostics)
    VALUES ($1, $2, $3, $4, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,
        $21, $22)";

/// A second run without an end violates the index of those.
const ACCEPT: &str = "
    WITH accepted AS (
        UPDATE yoi.worker SET last_sequence = $3::bigint, last_activity_at = $4::timestamptz
        WHERE workspace = $1::integer AND id = $2::uuid AND last_sequence = $3::bigint - 1
            AND state = 'idle'
        RETURNING id
    ), run AS (
        INSERT INTO yoi.run (workspace, worker, sequence, id, accepted_at, cursor_epoch,
            cursor_sequence, input_key, input_fingerprint)
        SELECT $1, $2, $3, $5::uuid, $4, $6::bigint, $7::bigint, $8::text, $9::bytea FROM accepted
    )
    INSERT INTO yoi.entry (workspace, worker, sequence, role, run, at, partial, unanswered,
        diagnostics, content, reasoning)
    SELECT $1, $2, $3, $10::text, $5, $4, $11::boolean, $12::boolean, $13::text, $14::bytea,
        $15::bytea
    FROM accepted";

const DRAFT: &str = "
    INSERT INTO yoi.draft (workspace, worker, part, text)
    SELECT $1::integer, $2::uuid, 1 + coalesce(
        (SELECT max(part) FROM yoi.draft WHERE workspace = $1 AND worker = $2), 0), $4::bytea
    FROM yoi.run
    WHERE workspace = $1 AND worker = $2 AND outcome IS NULL AND id = $3::uuid";

/// The end of a run: what comes before and after its reply, or the mark that there is none.
const FINISH: [&str; 2] = [
    "WITH ended AS (
        UPDATE yoi.run SET outcome = $4::text, error_code = $5::text, error_detail = $6::text,
            retry_after = $7::bigint, finished_at = $8::timestamptz, input_tokens = $9::bigint,
            output_tokens = $10::bigint, diagnostics = $11::text
        WHERE workspace = $1::integer AND worker = $2::uuid AND outcome IS NULL AND id = $3::uuid
        RETURNING sequence
    ), forgotten AS (
        DELETE FROM yoi.draft WHERE workspace = $1 AND worker = $2
    ), ",
    "UPDATE yoi.worker SET state = $12::text, last_activity_at = $8, input_tokens = $13::bigint,
        output_tokens = $14::bigint, incomplete_runs = $15::bigint, last_run = $3, outcome = $4,
        error_code = $5, error_detail = $6, retry_after = $7, finished_at = $8, diagnostics = $11",
];

const REPLY: [&str; 2] = [
    "said AS (
        INSERT INTO yoi.entry (workspace, worker, sequence, role, run, at, partial, unanswered,
            diagnostics, content, reasoning)
        SELECT $1, $2, $16::bigint, $17::text, $18::uuid, $19::timestamptz, $20::boolean,
            $21::boolean, $22::text, $23::bytea, $24::bytea
        FROM ended
    ) ",
    ", last_sequence = $16
     WHERE workspace = $1 AND id = $2 AND last_sequence = $16::bigint - 1 AND EXISTS (SELECT FROM ended)",
];

const NO_REPLY: [&str; 2] = [
    "unanswered AS (
        UPDATE yoi.entry SET unanswered = true FROM ended
        WHERE entry.workspace = $1 AND entry.worker = $2 AND entry.sequence = ended.sequence
        RETURNING 1
    ) ",
    " WHERE workspace = $1 AND id = $2 AND EXISTS (SELECT FROM unanswered)",
];

const STOP: &str = "
    UPDATE yoi.worker SET state = 'stopped', last_activity_at = $3
    WHERE workspace = $1 AND id = $2 AND NOT EXISTS (
        SELECT FROM yoi.run WHERE run.workspace = $1 AND run.worker = $2 AND run.outcome IS NULL
    )";

const RENAME: &str = "UPDATE yoi.worker SET display_name = $3 WHERE workspace = $1 AND id = $2";

const DELETE: &str = "
    WITH entries AS (DELETE FROM yoi.entry WHERE workspace = $1::integer AND worker = $2::uuid),
        runs AS (DELETE FROM yoi.run WHERE workspace = $1 AND worker = $2),
        drafts AS (DELETE FROM yoi.draft WHERE workspace = $1 AND worker = $2)
    DELETE FROM yoi.worker WHERE workspace = $1 AND id = $2";

/// The statements, prepared on one connection.
pub(crate) struct Statements {
    create: Statement,
    accept: Statement,
    draft: Statement,
    finish_with_reply: Statement,
    finish_without_reply: Statement,
    stop: Statement,
    rename: Statement,
    delete: Statement,
}

impl Statements {
    pub(crate) async fn prepare(session: &ClientWrapper) -> Result<Self, Error> {
        let finish = |reply: [&str; 2]| [FINISH[0], reply[0], FINISH[1], reply[1]].concat();
        let (with_reply, without_reply) = (finish(REPLY), finish(NO_REPLY));
        Ok(Self {
            create: session.prepare(CREATE).await?,
            accept: session.prepare(ACCEPT).await?,
            draft: session.prepare(DRAFT).await?,
            finish_with_reply: session.prepare(&with_reply).await?,
            finish_without_reply: session.prepare(&without_reply).await?,
            stop: session.prepare(STOP).await?,
            rename: session.prepare(RENAME).await?,
            delete: session.prepare(DELETE).await?,
        })
    }
}

pub(crate) type Parameter<'a> = &'a (dyn ToSql + Sync);

/// Where the changes of one workspace go.
#[derive(Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) session: &'a ClientWrapper,
    pub(crate) statements: &'a Statements,
    pub(crate) workspace: i32,
}

impl Target<'_> {
    /// Makes one change. Its statement is sent when this is first polled.
    ///
    /// # Errors
    /// The caller rolls back.
    pub(crate) async fn apply(self, change: &Change) -> Result<(), Failure> {
        match change {
            Change::Create(worker) => self.create(worker).await,
            Change::Accept(input) => self.accept(input).await,
            Change::Draft {
                worker_id,
                run_id,
                text,
            } => {
                let parameters: [Parameter<'_>; 4] = [
                    &self.workspace,
                    &worker_id.as_uuid(),
                    &run_id.as_uuid(),
                    &text.as_bytes(),
                ];
                let what = "draft of a run that is not active";
                self.one_row(&self.statements.draft, &parameters, what)
                    .await
            }
            Change::Finish(run) => self.finish(run).await,
            Change::Stop { worker_id, at } => {
                let parameters: [Parameter<'_>; 3] =
                    [&self.workspace, &worker_id.as_uuid(), &time(*at)];
                let what = "worker to stop";
                self.one_row(&self.statements.stop, &parameters, what).await
            }
            Change::Rename {
                worker_id,
                display_name,
            } => {
                let parameters: [Parameter<'_>; 3] = [
                    &self.workspace,
                    &worker_id.as_uuid(),
                    &display_name.as_str(),
                ];
                let what = "unknown worker";
                self.one_row(&self.statements.rename, &parameters, what)
                    .await
            }
            Change::Delete { worker_id } => {
                let parameters: [Parameter<'_>; 2] = [&self.workspace, &worker_id.as_uuid()];
                let what = "unknown worker";
                self.one_row(&self.statements.delete, &parameters, what)
                    .await
            }
        }
    }

    pub(crate) async fn one_row(
        self,
        statement: &Statement,
        parameters: &[Parameter<'_>],
        what: &'static str,
    ) -> Result<(), Failure> {
        match self.session.execute(statement, parameters).await? {
            1 => Ok(()),
            _ => Err(Failure::Misfit(what)),
        }
    }

    async fn create(self, worker: &StoredWorker) -> Result<(), Failure> {
        let profile = worker.profile.to_string();
        let (key, fingerprint) = keyed(worker.create_key.as_ref());
        let last = RunEndColumns::of(worker.last_run.as_ref());
        let parameters: [Parameter<'_>; 22] = [
            &self.workspace,
            &worker.id.as_uuid(),
            &worker.display_name.as_str(),
            &digest(&profile),
            &profile.as_bytes(),
            &worker.model.as_deref(),
            &worker.state.as_str(),
            &time(worker.created_at),
            &time(worker.last_activity_at),
            &key,
            &fingerprint,
            &worker.last_sequence.cast_signed(),
            &worker.usage.input_tokens.cast_signed(),
            &worker.usage.output_tokens.cast_signed(),
            &worker.usage.incomplete_runs.cast_signed(),
            &worker.last_run.as_ref().map(|run| run.run_id.as_uuid()),
            &last.outcome,
            &last.error_code,
            &last.error_detail,
            &last.retry_after,
            &last.finished_at.map(time),
            &diagnostics_words(worker.diagnostics),
        ];
        let what = "new worker";
        self.one_row(&self.statements.create, &parameters, what)
            .await
    }

    async fn accept(self, input: &AcceptedInput) -> Result<(), Failure> {
        let entry = &input.entry;
        let (key, fingerprint) = keyed(input.key.as_ref());
        let parameters: [Parameter<'_>; 15] = [
            &self.workspace,
            &input.worker_id.as_uuid(),
            &entry.sequence.cast_signed(),
            &time(entry.at),
            &entry.run_id.as_uuid(),
            &input.cursor.epoch().get().cast_signed(),
            &input.cursor.sequence().cast_signed(),
            &key,
            &fingerprint,
            &entry.role.as_str(),
            &entry.partial,
            &entry.unanswered,
            &diagnostics_words(entry.diagnostics),
            &entry.content.as_bytes(),
            &entry.reasoning.as_deref().map(str::as_bytes),
        ];
        let what = "input of a worker that is stopped, or out of order";
        self.one_row(&self.statements.accept, &parameters, what)
            .await
    }

    async fn finish(self, finished: &FinishedRun) -> Result<(), Failure> {
        let run = RunColumns::of(finished);
        let worker_id = finished.worker_id.as_uuid();
        let (incomplete_runs, state) = (
            finished.usage_totals.incomplete_runs.cast_signed(),
            finished.state.as_str(),
        );
        let parameters: [Parameter<'_>; 15] = [
            &self.workspace,
            &worker_id,
            &run.id,
            &run.end.outcome,
            &run.end.error_code,
            &run.end.error_detail,
            &run.end.retry_after,
            &run.finished_at,
            &run.input_tokens,
            &run.output_tokens,
            &run.diagnostics,
            &state,
            &finished.usage_totals.input_tokens.cast_signed(),
            &finished.usage_totals.output_tokens.cast_signed(),
            &incomplete_runs,
        ];
        let what = "end of a run that is not active, or a reply out of order";
        let Some(reply) = &finished.reply else {
            let statement = &self.statements.finish_without_reply;
            return self.one_row(statement, &parameters, what).await;
        };
        let reply: [Parameter<'_>; 9] = [
            &reply.sequence.cast_signed(),
            &reply.role.as_str(),
            &reply.run_id.as_uuid(),
            &time(reply.at),
            &reply.partial,
            &reply.unanswered,
            &diagnostics_words(reply.diagnostics),
            &reply.content.as_bytes(),
            &reply.reasoning.as_deref().map(str::as_bytes),
        ];
        let parameters = [parameters.as_slice(), reply.as_slice()].concat();
        let statement = &self.statements.finish_with_reply;
        self.one_row(statement, &parameters, what).await
    }
}

/// The columns of a run that has ended.
struct RunColumns {
    id: Uuid,
    end: RunEndColumns<&'static str>,
    finished_at: SystemTime,
    input_tokens: Option<i64>,
    output_tokens: Option<i64>,
    diagnostics: Option<String>,
}

impl RunColumns {
    fn of(finished: &FinishedRun) -> Self {
        let usage = finished.usage.unwrap_or_default();
        Self {
            id: finished.run.run_id.as_uuid(),
            end: RunEndColumns::of(Some(&finished.run)),
            finished_at: time(finished.run.finished_at),
            input_tokens: usage.input_tokens.map(u64::cast_signed),
            output_tokens: usage.output_tokens.map(u64::cast_signed),
            diagnostics: diagnostics_words(finished.diagnostics),
        }
    }
}

/// The columns of an idempotency key.
pub(crate) fn keyed(key: Option<&(IdempotencyKey, Fingerprint)>) -> (Option<&str>, Option<&[u8]>) {
    let columns = key.map(|(key, fingerprint)| (key.as_str(), fingerprint.as_bytes().as_slice()));
    columns.unzip()
}
