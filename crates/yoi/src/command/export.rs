//! `export`: a worker's whole conversation, page by page, so that memory holds one page of it.

mod destination;

use registry_core::WorkerRef;
use registry_core::page::PAGE_LIMIT_MAX;
use registry_core::projection::{TranscriptEntry, TranscriptPage, WorkerDetail};

use super::session::Session;
use crate::args::{ExportArgs, ExportFormat};
use crate::client::{Client, Response, TranscriptQuery};
use crate::error::{Error, ResponseDefect};
use crate::output::{Format, json, markdown};
use crate::retry::RetryPolicy;
use destination::Destination;

/// Writes the entries that there are when the export begins.
pub(super) async fn export(
    session: &mut Session<'_>,
    worker: &WorkerRef,
    args: &ExportArgs,
) -> Result<(), Error> {
    let format = args.format.unwrap_or(match session.format {
        Format::Text => ExportFormat::Markdown,
        Format::Json => ExportFormat::Json,
    });
    let client = &session.client;
    let detail = RetryPolicy::DEFAULT.run(async || client.worker(worker).await);
    let detail = detail.await?;
    let mut page = read_page(client, worker, 0).await?;
    let last = page.value.last_sequence.unwrap_or_default();
    // Opened once the worker is known to have a transcript.
    let mut destination = Destination::open(args.output.as_deref(), session.terminal)?;
    destination.write(&beginning(format, &detail, &page.value))?;
    let (mut entries, mut written) = (0_u64, 0);
    loop {
        let before = written;
        let raw = match format {
            ExportFormat::Json => json::entries(&page.json),
            ExportFormat::Markdown => Vec::new(),
        };
        for (index, entry) in page.value.entries.iter().enumerate() {
            if entry.sequence <= written || entry.sequence > last {
                continue;
            }
            let raw = raw.get(index).map(String::as_str);
            destination.write(&piece(entry, raw, entries == 0))?;
            entries += 1;
            written = entry.sequence;
        }
        if written >= last {
            break;
        }
        if written == before {
            return Err(Error::InvalidResponse {
                server: client.server().clone(),
                defect: ResponseDefect::NoProgress,
            });
        }
        page = read_page(client, worker, written).await?;
    }
    destination.write(end(format))?;
    destination.finish(entries)
}

/// The page after entry `after`. A read that fails for a moment is repeated: an error would lose
/// the pages before it.
async fn read_page(
    client: &Client,
    worker: &WorkerRef,
    after: u64,
) -> Result<Response<TranscriptPage>, Error> {
    let query = TranscriptQuery {
        limit: Some(PAGE_LIMIT_MAX),
        before: None,
        after: Some(after),
    };
    let read = async || client.transcript(worker, &query).await;
    RetryPolicy::DEFAULT.run(read).await
}

fn beginning(
    format: ExportFormat,
    worker: &Response<WorkerDetail>,
    first: &TranscriptPage,
) -> String {
    match format {
        ExportFormat::Markdown => markdown::head(&worker.value, first),
        ExportFormat::Json => {
            let worker = json::escaped_line(&worker.json);
            format!("{{\"worker\":{worker},\"entries\":[")
        }
    }
}

/// One entry: its JSON as the server sent it, or its section.
fn piece(entry: &TranscriptEntry, raw: Option<&str>, is_first: bool) -> String {
    match raw {
        None => markdown::section(entry),
        Some(raw) => {
            let comma = if is_first { "" } else { "," };
            format!("{comma}{}", json::escaped_line(raw))
        }
    }
}

fn end(format: ExportFormat) -> &'static str {
    match format {
        ExportFormat::Markdown => "",
        ExportFormat::Json => "]}\n",
    }
}
