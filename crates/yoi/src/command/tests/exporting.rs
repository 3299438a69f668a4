//! Exports, page by page.

use std::os::unix::fs::PermissionsExt as _;

use registry_core::page::PAGE_LIMIT_MAX;

use super::*;
use crate::scripted_server::problem;

const AT: &str = "2026-01-01T00:00:00Z";

fn entry(sequence: u64, role: &str, content: &str) -> Value {
    json!({
        "sequence": sequence, "role": role, "content": content, "run_id": RUN, "created_at": AT,
        "new_field": "\u{9b}",
    })
}

/// A page of a transcript whose newest entry is `last`.
fn entries(entries: &[Value], last: u64) -> Scripted {
    let mut page = transcript_json(7, &json!(entries), None);
    page["first_sequence"] = 1.into();
    page["last_sequence"] = last.into();
    page["has_later"] = true.into();
    Scripted::Json(200, page)
}

/// Two pages, and an entry that was added between them.
fn conversation() -> [Scripted; 3] {
    let mut reply = entry(2, "assistant", "```rust\nfn main() {");
    reply["partial"] = true.into();
    reply["diagnostics"] = json!([{
        "code": "reply_cut_short", "severity": "warning", "message": "Cut.", "count": 1,
    }]);
    let mut input = entry(3, "user", "\u{1b}[2Jhostile\u{202e}");
    input["unanswered"] = true.into();
    [
        worker("idle"),
        entries(&[entry(1, "user", "Why?"), reply], 3),
        entries(&[input, entry(4, "user", "too late")], 4),
    ]
}

#[tokio::test]
async fn markdown_has_a_section_for_each_entry_up_to_the_last_one_at_the_start() {
    let export = run_line("export w1", conversation()).await.success();
    assert_eq!(
        export.out,
        format!(
            "# Worker\n\n- worker: w1\n- runtime: backend-internal\n- state: idle\n\
             - entries: 1 to 3\n\
             \n## 1 · user · {AT}\n\nWhy?\n\
             \n## 2 · assistant · {AT}\n\
             \n*partial: the run of this reply did not complete*\n\
             \n*warning: Cut. [reply_cut_short]*\n\
             \n```rust\nfn main() {{\n```\n\
             \n## 3 · user · {AT}\n\
             \n*unanswered: the run of this message ended without a reply*\n\
             \n[2Jhostile\n"
        )
    );
    let limit = PAGE_LIMIT_MAX;
    let transcript = "GET /api/runtimes/backend-internal/workers/w1/transcript";
    assert_eq!(
        export.requests[1..],
        [0, 2].map(|after| format!("{transcript}?limit={limit}&after={after}"))
    );
}

#[tokio::test]
async fn json_is_one_document_with_entries_as_the_server_sent_them() {
    for line in ["export w1 --json", "export w1 --format json"] {
        let export = run_line(line, conversation()).await.success();
        assert_eq!(export.out.lines().count(), 1);
        assert!(!export.out.contains('\u{9b}'), "it is escaped");
        let document: Value = serde_json::from_str(&export.out).unwrap();
        assert_eq!(document["worker"]["worker_id"], "w1");
        let entries = document["entries"].as_array().unwrap();
        let sequences: Vec<_> = entries.iter().map(|e| e["sequence"].as_u64()).collect();
        assert_eq!(sequences, [Some(1), Some(2), Some(3)]);
        assert_eq!(entries[0]["new_field"], "\u{9b}");
    }
}

#[tokio::test]
async fn an_empty_conversation_is_a_document_too() {
    let script = || {
        let page = transcript_json(7, &json!([]), Some("in progress"));
        [worker("running"), Scripted::Json(200, page)]
    };
    let markdown = run_line("export w1", script()).await.success();
    assert!(markdown.out.ends_with("- entries: none\n"));
    let json = run_line("export w1 --json", script()).await.success();
    assert!(json.out.ends_with(",\"entries\":[]}\n"), "{}", json.out);
}

#[tokio::test]
async fn a_file_is_new_private_and_whole_or_not_there() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("export.md");
    let line = format!("export w1 --output {}", path.display());

    // Entries that never come, a refusal, and a worker without a transcript.
    let [worker, first, _] = conversation();
    let stuck = entries(&[entry(2, "user", "again")], 3);
    let broken = run_line(&line, [worker, first, stuck]).await;
    assert!(matches!(broken.result, Err(Error::InvalidResponse { .. })));
    let [worker, first, _] = conversation();
    let gone = [worker, first, problem(404, "unknown_worker")];
    assert!(run_line(&line, gone).await.result.is_err());
    let [worker, ..] = conversation();
    let refused = [worker, problem(405, "operation_unsupported")];
    assert!(run_line(&line, refused).await.result.is_err());
    assert!(!path.exists());

    let export = run_line(&line, conversation()).await.success();
    let written = std::fs::read_to_string(&path).unwrap();
    let printed = run_line("export w1", conversation()).await.success();
    assert_eq!(written, printed.out);
    assert_eq!(export.out, "");
    assert_contains(&export.err, "note: wrote 3 entries to ");
    let mode = path.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    std::fs::write(&path, "mine").unwrap();
    let again = run_line(&line, conversation()).await;
    assert_eq!(again.result.unwrap_err().exit(), Exit::Usage);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
    let nowhere = "export w1 --output /nowhere/export.md";
    let nowhere = run_line(nowhere, conversation()).await;
    assert_eq!(nowhere.result.unwrap_err().exit(), Exit::Failed);
}
