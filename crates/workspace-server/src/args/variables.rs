//! What clap doesn't know about environment variables: an empty one counts as unset, and an error about
//! the value of one names it.

use std::env;
use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgMatches, Command, Error};

/// Parses a command line, whose first word is the program, and the environment variables of `command`.
/// An empty one counts as unset: `YOI_NAME=` in a unit or compose file means that nothing was chosen.
///
/// # Errors
/// What clap finds, which may also be that help was asked for.
pub fn parse(
    command: Command,
    line: impl IntoIterator<Item = OsString>,
) -> Result<ArgMatches, Error> {
    let line: Vec<OsString> = line.into_iter().collect();
    let mut command = without_empty_variables(command);
    let parsed = command.try_get_matches_from_mut(&line);
    parsed.map_err(|error| {
        // Only what was built can be shown, and parsing builds the subcommand that was called alone.
        command.build();
        naming_variable(error, &command, &line)
    })
}

fn without_empty_variables(command: Command) -> Command {
    command
        .mut_args(|arg| {
            let variable = arg.get_env().and_then(env::var_os);
            if variable.is_some_and(|value| value.is_empty()) {
                arg.env(None)
            } else {
                arg
            }
        })
        .mut_subcommands(without_empty_variables)
}

/// Names the variable instead of the flag where the value is wrong and nobody wrote the flag.
fn naming_variable(mut error: Error, command: &Command, line: &[OsString]) -> Error {
    let is_about_value = matches!(
        error.kind(),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation
    );
    let Some(ContextValue::String(shown)) = error.get(ContextKind::InvalidArg) else {
        return error;
    };
    let arg = find(command, shown).filter(|arg| !is_written(arg, line));
    if let (true, Some(variable)) = (is_about_value, arg.and_then(Arg::get_env)) {
        let variable = variable.to_string_lossy().into_owned();
        error.insert(ContextKind::InvalidArg, ContextValue::String(variable));
    }
    error
}

/// The argument that errors show so.
fn find<'a>(command: &'a Command, shown: &str) -> Option<&'a Arg> {
    let mut own = command.get_arguments();
    let found = own.find(|arg| arg.to_string() == shown && arg.get_env().is_some());
    found.or_else(|| command.get_subcommands().find_map(|it| find(it, shown)))
}

/// Whether the flag is on the command line: then its variable is not read.
fn is_written(arg: &Arg, line: &[OsString]) -> bool {
    let Some(flag) = arg.get_long().map(|name| format!("--{name}")) else {
        return false;
    };
    line.iter().any(|word| {
        let rest = word.to_str().and_then(|word| word.strip_prefix(&flag));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
    })
}
