//! The commands that are typed at a chat's prompt.

/// What a line at the prompt is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    Message(&'a str),
    Command(SlashCommand),
    /// It begins like a command, and is none.
    Unknown(&'a str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SlashCommand {
    Help,
    New,
    Retry,
    Cancel,
    Exit,
}

pub(super) const HELP: &[&str] = &[
    "/help    this list",
    "/new     go on with a new worker of the same profile and model",
    "/retry   send the last message again",
    "/cancel  cancel a run that is still active",
    "/exit    leave, as Ctrl-D does",
    "//text   send a message that begins with a slash",
    "Alt-Enter, or a backslash at the end of a line, begins another line of the same message",
];

/// Parses `line`. Only a slash at its very beginning makes it a command.
pub(super) fn parse(line: &str) -> Line<'_> {
    let Some(rest) = line.strip_prefix('/') else {
        return Line::Message(line);
    };
    if rest.starts_with('/') {
        return Line::Message(rest);
    }
    Line::Command(match rest.trim_end() {
        "help" => SlashCommand::Help,
        "new" => SlashCommand::New,
        "retry" => SlashCommand::Retry,
        "cancel" => SlashCommand::Cancel,
        "exit" => SlashCommand::Exit,
        _ => {
            let end = line.find(char::is_whitespace).unwrap_or(line.len());
            return Line::Unknown(&line[..end]);
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_never_a_message_and_a_message_may_begin_with_a_slash() {
        for (line, expected) in [
            ("/help", Line::Command(SlashCommand::Help)),
            ("/new ", Line::Command(SlashCommand::New)),
            ("/retry", Line::Command(SlashCommand::Retry)),
            ("/cancel", Line::Command(SlashCommand::Cancel)),
            ("/exit", Line::Command(SlashCommand::Exit)),
            ("/", Line::Unknown("/")),
            ("/Exit", Line::Unknown("/Exit")),
            ("/etc/passwd is a file", Line::Unknown("/etc/passwd")),
            ("//etc/passwd is", Line::Message("/etc/passwd is")),
            (" /exit", Line::Message(" /exit")),
            ("hi\n/exit", Line::Message("hi\n/exit")),
        ] {
            assert_eq!(parse(line), expected, "{line}");
        }
    }
}
