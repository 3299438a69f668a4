//! Curves as files: a chart each, and one page with the tables beside them.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::ScaleError;
use super::chart;
use super::curve::Curve;
use crate::failure::Failure;

/// The page with the tables.
const PAGE: &str = "scale.md";

/// What the page begins with.
const INTRODUCTION: &str = "\
# What an operation costs when there is much of everything

Written by `cargo run --release -p harness -- scale`. Figures are medians of the rounds. In
brackets: the ratio to the smallest size, round by round, as median and quartiles;
a dash where the smallest costs nothing.
";

/// Writes charts and tables into `directory`; gives the page.
pub(super) fn write(directory: &Path, curves: &[Curve]) -> Result<String, ScaleError> {
    fs::create_dir_all(directory).map_err(Failure::io("making a directory"))?;
    let mut page = INTRODUCTION.to_owned();
    for curve in curves {
        let file = format!("{}.svg", curve.file);
        chart::draw(curve, &directory.join(&file))?;
        let _ = write!(
            page,
            "\n## {}\n\n![{}, {}]({file})\n\n{}\n\n{}",
            curve.title,
            curve.title,
            curve.unit,
            curve.method,
            table(curve)
        );
    }
    fs::write(directory.join(PAGE), &page).map_err(Failure::io("writing the tables"))?;
    Ok(page)
}

/// The figures of a curve, a column for each size.
fn table(curve: &Curve) -> String {
    let mut table = format!("| {} |", curve.unit);
    for size in &curve.sizes {
        let _ = write!(table, " {size} {} |", curve.size);
    }
    let _ = write!(table, "\n|---|{}\n", "---:|".repeat(curve.sizes.len()));
    for line in &curve.lines {
        let _ = write!(table, "| {} |", line.name);
        for size in 0..curve.sizes.len() {
            let figure = figure(line.median(size));
            let _ = match size {
                0 => write!(table, " {figure} |"),
                _ => write!(table, " {figure} [{}] |", line.ratios(size).shown()),
            };
        }
        table.push('\n');
    }
    table
}

/// Three digits, or all before the point.
fn figure(value: f64) -> String {
    match value {
        small if small < 1.0 => format!("{small:.3}"),
        middle if middle < 10.0 => format!("{middle:.2}"),
        large if large < 100.0 => format!("{large:.1}"),
        huge => format!("{huge:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_no_ratio_to_what_costs_nothing() {
        let shown = table(&Curve::sample([0.0, 2.0]));
        assert!(shown.contains("| reading | 0.000 | 2.00 [–] |"), "{shown}");
    }

    #[test]
    fn charts_and_tables_say_what_was_measured() {
        let curve = Curve::sample([0.25, 12.0]);
        let directory = tempfile::tempdir().unwrap();
        let page = write(directory.path(), &[curve]).unwrap();
        assert!(
            page.contains("| reading | 0.250 | 12.0 [48.00 (48.00–48.00)] |\n"),
            "{page}"
        );
        assert_eq!(
            fs::read_to_string(directory.path().join(PAGE)).unwrap(),
            page
        );
        let chart = fs::read_to_string(directory.path().join("reading.svg")).unwrap();
        for shown in [
            "Cost of reading",
            "books",
            "µs per page",
            "<polyline",
            "<circle",
        ] {
            assert!(chart.contains(shown), "{shown}: {chart}");
        }
    }
}
