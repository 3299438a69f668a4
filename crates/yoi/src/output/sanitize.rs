//! Removes everything from text that could control the terminal.

/// `text` without control characters, except line breaks and tabs.
pub(crate) fn text(text: &str) -> String {
    text.chars()
        .filter(|c| matches!(c, '\n' | '\t') || !is_terminal_control(*c))
        .collect()
}

/// `text` on one line: line breaks and tabs become spaces, other control characters go.
pub(crate) fn line(text: &str) -> String {
    let spaced = text
        .chars()
        .map(|c| if matches!(c, '\n' | '\t') { ' ' } else { c });
    spaced.filter(|c| !is_terminal_control(*c)).collect()
}

/// Whether `c` can begin an escape sequence or move the cursor (Unicode category Cc, which
/// includes the 8-bit forms), or reorders the text around it (the embeddings, overrides and
/// isolates of UAX #9, see CVE-2021-42574).
pub(super) fn is_terminal_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_controls_a_terminal_is_left() {
        let hostile = "a\u{1b}[2J\u{1b}]0;title\u{7}b\r\u{8}\u{7f}\u{9b}31mc\u{202e}d\u{0}";
        assert_eq!(text(hostile), "a[2J]0;titleb31mcd");
        assert_eq!(line(hostile), text(hostile));
        for c in (0..=0x10_ffff).filter_map(char::from_u32) {
            let left = text(&c.to_string());
            assert!(!is_terminal_control(c) || matches!(left.as_str(), "" | "\n" | "\t"));
        }
    }

    #[test]
    fn text_keeps_its_lines_and_its_script_and_a_line_stays_one() {
        assert_eq!(text("one\r\n\ttwo\n"), "one\n\ttwo\n");
        let scripts = "日本語 עברית \u{200f}é 👩\u{200d}💻";
        assert_eq!(text(scripts), scripts);
        assert_eq!(line("one\ntwo\tthree\r"), "one two three");
    }
}
