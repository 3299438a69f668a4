//! A curve as a drawing. On white of its own, so that it can be read on dark pages too.

use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;

use super::ScaleError;
use super::curve::{Curve, Line};

/// Width and height in pixels.
const EXTENT: (u32, u32) = (880, 460);
/// Colours that can be told apart with every kind of colour vision (Okabe and Ito, 2008).
const COLOURS: [RGBColor; 5] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(90, 90, 90),
];
/// Room for the half of the last label that stands beyond the axis, in pixels.
const MARGIN_RIGHT: i32 = 40;
const FONT: &str = "sans-serif";

/// Draws `curve` into `file`.
pub(super) fn draw(curve: &Curve, file: &Path) -> Result<(), ScaleError> {
    let area = SVGBackend::new(file, EXTENT).into_drawing_area();
    draw_on(curve, &area).map_err(|error| ScaleError::Chart(error.to_string()))
}

fn draw_on<Backend: DrawingBackend>(
    curve: &Curve,
    area: &DrawingArea<Backend, Shift>,
) -> Result<(), DrawingAreaErrorKind<Backend::ErrorType>> {
    area.fill(&WHITE)?;
    let (left, right) = (
        place(curve.sizes[0]),
        place(curve.sizes[curve.sizes.len() - 1]),
    );
    let (bottom, top) = heights(curve);
    let mut chart = ChartBuilder::on(area)
        .caption(curve.title, (FONT, 22))
        .margin(16)
        .margin_right(MARGIN_RIGHT)
        .x_label_area_size(48)
        .y_label_area_size(72)
        .build_cartesian_2d((left..right).log_scale(), (bottom..top).log_scale())?;
    chart
        .configure_mesh()
        .x_desc(curve.size)
        .y_desc(curve.unit)
        .x_label_formatter(&|place| size_label(*place))
        .y_label_formatter(&|figure| figure_label(*figure))
        .axis_desc_style((FONT, 17))
        .label_style((FONT, 16))
        .light_line_style(RGBColor(240, 240, 240))
        .bold_line_style(RGBColor(210, 210, 210))
        .draw()?;
    for (line, colour) in curve.lines.iter().zip(COLOURS) {
        let points = points(curve, line)
            .into_iter()
            .map(|(place, figure)| (place, figure.max(bottom)));
        chart
            .draw_series(LineSeries::new(points.clone(), colour.stroke_width(2)))?
            .label(line.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
        chart.draw_series(points.map(|point| Circle::new(point, 4, colour.filled())))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE)
        .border_style(RGBColor(150, 150, 150))
        .label_font((FONT, 16))
        .draw()?;
    area.present()
}

/// Where a size stands: a logarithmic axis has no zero, so that none stands at one.
fn place(size: u32) -> f64 {
    f64::from(size.max(1))
}

fn points(curve: &Curve, line: &Line) -> Vec<(f64, f64)> {
    let sizes = curve.sizes.iter().enumerate();
    sizes
        .map(|(at, size)| (place(*size), line.median(at)))
        .collect()
}

/// From below the lowest figure to above the highest, with a third left free for the legend. A
/// logarithmic axis has no zero: what costs nothing stands at the bottom.
fn heights(curve: &Curve) -> (f64, f64) {
    let figures = curve.lines.iter().flat_map(|line| points(curve, line));
    let figures = figures
        .map(|(_, figure)| figure)
        .filter(|figure| *figure > 0.0);
    let (low, high) = figures.fold((f64::MAX, 0.0_f64), |(low, high), figure| {
        (low.min(figure), high.max(figure))
    });
    if high == 0.0 {
        return (0.1, 1.0);
    }
    let bottom = low / 2.0;
    (bottom, high * (high / bottom).sqrt())
}

fn size_label(place: f64) -> String {
    if place < 1.5 {
        "0".to_owned()
    } else {
        format!("{place:.0}")
    }
}

fn figure_label(figure: f64) -> String {
    if figure < 1.0 {
        format!("{figure:.2}")
    } else {
        format!("{figure:.0}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_costs_nothing_can_be_drawn() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("free.svg");
        for figures in [[0.0, 0.0], [0.0, 2.0]] {
            let curve = Curve::sample(figures);
            draw(&curve, &file).unwrap();
            let drawn = std::fs::read_to_string(&file).unwrap();
            assert_eq!(drawn.matches("<circle").count(), figures.len());
        }
    }
}
