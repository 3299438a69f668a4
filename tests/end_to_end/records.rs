//! Records as older local tooling wrote them, with a secret in every place that is not for
//! showing.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

/// What must never be shown, in every place of a record that is not for showing.
pub(crate) const SECRETS: &[&str] = &[
    "CANARY-socket",
    "CANARY-manifest-secret",
    "CANARY-target",
    "CANARY-callback",
    "CANARY-child",
    "CANARY-peer",
    "11111111-2222-4333-8444-555555555555",
    "66666666-7777-4888-8999-000000000000",
];

/// A record of `workspace` with every field that older tooling wrote.
pub(crate) fn record(name: &str, workspace: &Path) -> Value {
    json!({
        "worker_name": name,
        "active": { "session_id": SECRETS[6], "segment_id": SECRETS[7] },
        "workspace_root": workspace.to_str().expect("a path of text"),
        "spawned_children": [{
            "worker_name": "CANARY-child",
            "socket_path": "/run/CANARY-socket.sock",
            "scope_delegated": [{ "target": "/CANARY-target", "permission": "rw", "recursive": true }],
            "callback_address": "unix:/run/CANARY-callback",
        }],
        "reclaimed_children": [],
        "peers": [{ "worker_name": "CANARY-peer" }],
        "resolved_manifest_snapshot": {
            "api_key": "CANARY-manifest-secret",
            "profile": { "source": { "provenance": "builtin:coder", "path": "/CANARY-target" } },
        },
        "some_later_field": { "of": ["any", "shape"] },
    })
}

/// Writes a record into `directory/metadata.json` below the data directory.
pub(crate) fn write(data_dir: &Path, directory: &str, record: &Value) {
    write_bytes(&data_dir.join(directory), record.to_string().as_bytes());
}

/// Writes any bytes as `directory/metadata.json`.
pub(crate) fn write_bytes(directory: &Path, bytes: &[u8]) {
    fs::create_dir_all(directory).expect("a record's directory");
    fs::write(directory.join("metadata.json"), bytes).expect("a record");
}
