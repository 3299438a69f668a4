//! Settings in environment variables.

use crate::fixture::{Finished, Running, TestHome};

/// Runs a command that exits with `code`, with a variable.
#[track_caller]
fn with(home: &TestHome, line: &str, variable: (&str, &str), code: i32) -> Finished {
    let mut command = home.command(line);
    command.env(variable.0, variable.1);
    Running(command.spawn().unwrap()).exits_with(code)
}

#[test]
fn a_switch_is_on_or_off_in_any_of_the_usual_words() {
    let home = TestHome::new();
    for value in ["1", "yes", "true", "ON", "0", "no", "false", "off", ""] {
        // It is read, and there is no server.
        with(&home, "workers", ("YOI_ALLOW_CORE_DUMPS", value), 3);
    }
    for value in ["1", "yes", "true"] {
        let serve = "serve --store memory";
        let refused = with(&home, serve, ("YOI_STANDBY", value), 2);
        refused.reports(&["--standby", "--store memory"]);
    }
    // Checked after that.
    let off = "serve --store memory --allowed-host /";
    let refused = with(&home, off, ("YOI_STANDBY", "0"), 2);
    assert!(!refused.err.contains("--standby"), "{}", refused.err);
}

#[test]
fn an_error_about_a_value_names_the_variable_or_the_flag_that_it_came_from() {
    let home = TestHome::new();
    for (variable, value) in [
        ("YOI_STANDBY", "maybe"),
        ("YOI_OFFLINE_PACE_MS", "abc"),
        ("YOI_AUTH", "abc"),
        ("YOI_LIMIT", "workers=1,abc"),
    ] {
        let refused = with(&home, "serve", (variable, value), 2);
        refused.reports(&[&format!("for '{variable}'")]);
        assert!(!refused.err.contains("for '--"), "{}", refused.err);
    }
    for flag in ["--offline-pace-ms=abc", "--offline-pace-ms abc"] {
        let line = format!("serve {flag}");
        let refused = with(&home, &line, ("YOI_OFFLINE_PACE_MS", "1"), 2);
        refused.reports(&["invalid value 'abc' for '--offline-pace-ms <N>'"]);
    }
}
