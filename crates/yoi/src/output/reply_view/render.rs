//! Markdown as lines of a terminal.

use anstyle::{AnsiColor, Style};
use comfy_table::ContentArrangement;
use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use crate::output::sanitize;
use crate::output::wrap::{Paint, Span, line, width, wrap};

pub(super) const OPTIONS: Options = Options::ENABLE_TABLES
    .union(Options::ENABLE_STRIKETHROUGH)
    .union(Options::ENABLE_TASKLISTS);

const CODE: Style = AnsiColor::Cyan.on_default();
const DIMMED: Style = Style::new().dimmed();
/// What code blocks are indented by.
const CODE_INDENT: &str = "  ";
const RULE_COLUMNS: usize = 20;
/// Lines are never narrower than this, however deep their block lies.
const COLUMNS_MIN: usize = 10;

/// `text` as lines of at most `columns` columns; code is not wrapped.
pub(super) fn render(text: &str, paint: Paint, columns: usize) -> Vec<String> {
    let mut renderer = Renderer {
        columns,
        paint,
        lines: Vec::new(),
        styles: vec![Style::new()],
        spans: Vec::new(),
        margins: Vec::new(),
        lists: Vec::new(),
        links: Vec::new(),
        is_code: false,
        needs_gap: false,
        after_list: false,
        table: Vec::new(),
    };
    for event in Parser::new_ext(text, OPTIONS) {
        renderer.event(event);
    }
    renderer.end_text();
    renderer.lines
}

/// What the lines of a block begin with.
struct Margin {
    first: Option<String>,
    further: String,
}

struct Renderer {
    columns: usize,
    paint: Paint,
    lines: Vec<String>,
    /// The style of the text, innermost last.
    styles: Vec<Style>,
    /// The text of the block so far.
    spans: Vec<Span>,
    margins: Vec<Margin>,
    /// The number of the next item of each list; `None` where there are bullets.
    lists: Vec<Option<u64>>,
    /// The address of each link, and what was said before it.
    links: Vec<(String, usize)>,
    is_code: bool,
    /// Whether an empty line comes before the next block.
    needs_gap: bool,
    /// Whether a list has just ended: an item may follow without one.
    after_list: bool,
    /// The cells of the table's rows so far.
    table: Vec<Vec<String>>,
}

impl Renderer {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) => self.text(&text),
            Event::Code(text) => {
                self.styles.push(CODE);
                self.text(&text);
                self.styles.pop();
            }
            // Models mean the line breaks that they write.
            Event::SoftBreak | Event::HardBreak => self.text("\n"),
            Event::Rule => {
                self.begin_block();
                let columns = self.columns.min(RULE_COLUMNS);
                self.push_lines(&[Span::new("─".repeat(columns), DIMMED)]);
                self.needs_gap = true;
            }
            Event::TaskListMarker(done) => self.text(if done { "[x] " } else { "[ ] " }),
            Event::FootnoteReference(text) | Event::InlineMath(text) | Event::DisplayMath(text) => {
                self.text(&text);
            }
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph | Tag::HtmlBlock => self.begin_block(),
            Tag::Heading { level, .. } => {
                self.begin_block();
                let style = Style::new().bold();
                let is_first = level == HeadingLevel::H1;
                self.styles
                    .push(if is_first { style.underline() } else { style });
            }
            Tag::BlockQuote(_) => {
                self.begin_block();
                self.margins.push(Margin {
                    first: None,
                    further: "│ ".to_owned(),
                });
            }
            Tag::CodeBlock(_) => {
                self.begin_block();
                self.is_code = true;
            }
            Tag::List(first) => {
                if self.lists.is_empty() {
                    self.begin_block();
                } else {
                    self.end_text();
                }
                self.lists.push(first);
            }
            Tag::Item => self.begin_item(),
            Tag::Table(_) => {
                self.begin_block();
                self.table.clear();
            }
            Tag::TableHead | Tag::TableRow => self.table.push(Vec::new()),
            Tag::Emphasis => self.push_style(Style::italic),
            Tag::Strong => self.push_style(Style::bold),
            Tag::Strikethrough => self.push_style(Style::strikethrough),
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => {
                self.push_style(Style::underline);
                self.links.push((dest_url.to_string(), self.spans.len()));
            }
            // None of these are enabled, or they show nothing.
            Tag::TableCell
            | Tag::FootnoteDefinition(_)
            | Tag::DefinitionList
            | Tag::DefinitionListTitle
            | Tag::DefinitionListDefinition
            | Tag::Superscript
            | Tag::Subscript
            | Tag::MetadataBlock(_) => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph | TagEnd::HtmlBlock => self.end_block(),
            TagEnd::Heading(_) => {
                self.end_block();
                self.styles.pop();
            }
            TagEnd::BlockQuote(_) => {
                self.end_text();
                self.margins.pop();
                self.needs_gap = true;
            }
            TagEnd::CodeBlock => {
                self.end_code();
                self.is_code = false;
                self.needs_gap = true;
            }
            TagEnd::List(_) => {
                self.lists.pop();
                self.after_list = true;
            }
            TagEnd::Item => {
                self.end_text();
                self.margins.pop();
            }
            TagEnd::Table => self.end_table(),
            TagEnd::TableCell => {
                let cell = std::mem::take(&mut self.spans);
                if let Some(row) = self.table.last_mut() {
                    row.push(line(&cell, Paint::Plain).replace('\n', " "));
                }
            }
            TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough => {
                self.styles.pop();
            }
            TagEnd::Link | TagEnd::Image => self.end_link(),
            TagEnd::TableHead
            | TagEnd::TableRow
            | TagEnd::FootnoteDefinition
            | TagEnd::DefinitionList
            | TagEnd::DefinitionListTitle
            | TagEnd::DefinitionListDefinition
            | TagEnd::Superscript
            | TagEnd::Subscript
            | TagEnd::MetadataBlock(_) => {}
        }
    }

    fn style(&self) -> Style {
        self.styles.last().copied().unwrap_or_default()
    }

    fn push_style(&mut self, with: impl FnOnce(Style) -> Style) {
        self.styles.push(with(self.style()));
    }

    /// Adds text to the block. An entity may have become a control character.
    fn text(&mut self, text: &str) {
        let text = sanitize::text(text).replace('\t', "    ");
        self.spans.push(Span::new(text, self.style()));
    }

    fn begin_block(&mut self) {
        self.end_text();
        let after_list = std::mem::take(&mut self.after_list);
        if std::mem::take(&mut self.needs_gap) || after_list {
            let margin = self.margin();
            self.lines.push(margin.trim_end().to_owned());
        }
    }

    fn end_block(&mut self) {
        self.end_text();
        self.needs_gap = true;
    }

    fn begin_item(&mut self) {
        self.end_text();
        self.after_list = false;
        if std::mem::take(&mut self.needs_gap) {
            self.lines.push(String::new());
        }
        let marker = match self.lists.last_mut() {
            Some(Some(number)) => {
                let marker = format!("{number}. ");
                *number += 1;
                marker
            }
            Some(None) | None => "• ".to_owned(),
        };
        self.margins.push(Margin {
            further: " ".repeat(width(&marker)),
            first: Some(marker),
        });
    }

    /// What the next line begins with.
    fn margin(&mut self) -> String {
        let margins = self.margins.iter_mut();
        let texts = margins.map(|margin| margin.first.take().unwrap_or(margin.further.clone()));
        texts.collect()
    }

    /// Ends the text before another block.
    fn end_text(&mut self) {
        let mut spans = std::mem::take(&mut self.spans);
        if self.is_code {
            self.spans = spans;
            return self.end_code();
        }
        // A line break at the end of a block shows nothing.
        if let Some(last) = spans.last_mut() {
            last.text.truncate(last.text.trim_end_matches('\n').len());
        }
        if spans.iter().any(|span| !span.text.is_empty()) {
            self.push_lines(&spans);
        }
    }

    fn push_lines(&mut self, spans: &[Span]) {
        let margin: usize = self
            .margins
            .iter()
            .map(|margin| width(&margin.further))
            .sum();
        let columns = self
            .columns
            .saturating_sub(margin)
            .max(COLUMNS_MIN.min(self.columns));
        for spans in wrap(spans, columns) {
            let text = line(&spans, self.paint);
            let margin = self.margin();
            self.lines.push(format!("{margin}{text}"));
        }
    }

    fn end_code(&mut self) {
        let code = line(&std::mem::take(&mut self.spans), Paint::Plain);
        for text in code.lines() {
            let margin = self.margin();
            let code = line(&[Span::new(text, CODE)], self.paint);
            self.lines.push(format!("{margin}{CODE_INDENT}{code}"));
        }
    }

    fn end_link(&mut self) {
        self.styles.pop();
        let Some((address, begin)) = self.links.pop() else {
            return;
        };
        let said = self.spans.get(begin..).unwrap_or_default();
        let said: String = said.iter().map(|span| span.text.as_str()).collect();
        let address = sanitize::line(&address);
        if said != address && Some(said.as_str()) != address.strip_prefix("mailto:") {
            self.spans.push(Span::new(format!(" ({address})"), DIMMED));
        }
    }

    fn end_table(&mut self) {
        let mut table = comfy_table::Table::new();
        table.load_style(comfy_table::presets::UTF8_HORIZONTAL_ONLY);
        table.set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(u16::try_from(self.columns).unwrap_or(u16::MAX));
        let mut rows = std::mem::take(&mut self.table).into_iter();
        table.set_header(rows.next().unwrap_or_default());
        table.add_rows(rows);
        let lines: Vec<_> = table.lines().collect();
        for text in lines {
            let margin = self.margin();
            self.lines
                .push(format!("{margin}{text}").trim_end().to_owned());
        }
        self.needs_gap = true;
    }
}
