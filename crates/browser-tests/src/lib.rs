//! Tests alone: see `tests/browser.rs`.
