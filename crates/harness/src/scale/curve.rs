//! What was measured: some operations, each at several sizes, each in several rounds.

use std::time::{Duration, Instant};

use super::ScaleError;
use crate::ratio::{Ratios, median};

/// Operations measured against the same sizes.
pub(super) struct Curve {
    /// The chart's file, without its ending.
    pub(super) file: &'static str,
    /// What it shows.
    pub(super) title: &'static str,
    /// What the sizes count.
    pub(super) size: &'static str,
    /// What is measured, with its unit.
    pub(super) unit: &'static str,
    /// The sizes, in ascending order.
    pub(super) sizes: Vec<u32>,
    /// The operations.
    pub(super) lines: Vec<Line>,
    /// How it was measured.
    pub(super) method: &'static str,
}

/// One operation.
pub(super) struct Line {
    /// Its name.
    pub(super) name: &'static str,
    /// For each size the figures of all rounds.
    rounds: Vec<Vec<f64>>,
}

impl Line {
    /// An operation that was not measured yet, at so many sizes.
    pub(super) fn new(name: &'static str, sizes: usize) -> Self {
        Self {
            name,
            rounds: vec![Vec::new(); sizes],
        }
    }

    /// Adds the figure of one round.
    pub(super) fn add(&mut self, size: usize, figure: f64) {
        self.rounds[size].push(figure);
    }

    /// The median at a size.
    pub(super) fn median(&self, size: usize) -> f64 {
        median(self.rounds[size].iter().copied())
    }

    /// The figures at a size to those at the smallest one, round by round.
    pub(super) fn ratios(&self, size: usize) -> Ratios {
        let pairs = self.rounds[size].iter().zip(&self.rounds[0]);
        Ratios::of(pairs.map(|(here, smallest)| (*here, *smallest)))
    }
}

#[cfg(test)]
impl Curve {
    /// What two sizes of a library cost to read, measured once.
    pub(super) fn sample(figures: [f64; 2]) -> Self {
        let mut line = Line::new("reading", figures.len());
        for (size, figure) in figures.into_iter().enumerate() {
            line.add(size, figure);
        }
        Self {
            file: "reading",
            title: "Cost of reading",
            size: "books",
            unit: "µs per page",
            sizes: vec![0, 1_000],
            lines: vec![line],
            method: "By eye.",
        }
    }
}

/// One size, set up to be measured again and again.
pub(super) trait Measured<const LINES: usize>: Sized {
    /// Sets the size up.
    async fn of(size: u32) -> Result<Self, ScaleError>;

    /// Measures each operation once.
    async fn round(&mut self) -> Result<[f64; LINES], ScaleError>;
}

/// Measures all operations at all sizes, in turns, so that noise hits all sizes alike.
pub(super) async fn in_turns<S: Measured<LINES>, const LINES: usize>(
    names: [&'static str; LINES],
    sizes: &[u32],
    rounds: u16,
) -> Result<Vec<Line>, ScaleError> {
    let mut stages = Vec::new();
    for size in sizes {
        stages.push(S::of(*size).await?);
    }
    let mut lines = names.map(|name| Line::new(name, sizes.len()));
    // The first round warms up.
    for round in 0..=rounds {
        for (size, stage) in stages.iter_mut().enumerate() {
            let figures = stage.round().await?;
            if round > 0 {
                for (line, figure) in lines.iter_mut().zip(figures) {
                    line.add(size, figure);
                }
            }
        }
    }
    Ok(lines.into())
}

/// Microseconds of each of `number` equal operations that took from `began` until now.
pub(super) fn each_us(began: Instant, number: usize) -> f64 {
    share_us(began.elapsed(), number)
}

/// Microseconds of each of `number` equal operations that took so long together.
pub(super) fn share_us(took: Duration, number: usize) -> f64 {
    let number = u32::try_from(number).expect("a batch is small");
    took.as_secs_f64() * 1e6 / f64::from(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_held_against_the_smallest_round_by_round() {
        let mut line = Line::new("reading", 2);
        for (small, large) in [(1.0, 2.0), (4.0, 4.0), (2.0, 6.0)] {
            line.add(0, small);
            line.add(1, large);
        }
        assert_eq!(line.ratios(1).shown(), "2.00 (1.50–2.50)");
        assert!((line.median(1) - 4.0).abs() < 1e-9);
        assert!((share_us(Duration::from_millis(1), 10) - 100.0).abs() < 1e-9);
    }
}
