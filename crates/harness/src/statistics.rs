//! Percentiles of measured times, and medians and quartiles of figures from alternating rounds.

use std::fmt;
use std::time::Duration;

#[derive(Debug, Default)]
pub(crate) struct Latencies(Vec<Duration>);

impl Latencies {
    pub(crate) fn record(&mut self, time: Duration) {
        self.0.push(time);
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The shortest time that `percent` of a hundred measurements did not exceed; `None` without
    /// measurements.
    pub(crate) fn percentile(&self, percent: usize) -> Option<Duration> {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let rank = (sorted.len() * percent).div_ceil(100);
        sorted.get(rank.saturating_sub(1)).copied()
    }

    pub(crate) fn max(&self) -> Option<Duration> {
        self.percentile(100)
    }
}

/// The median, the 99th percentile and the maximum.
impl fmt::Display for Latencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [p50, p99, max] = [50, 99, 100].map(|percent| format_ms(self.percentile(percent)));
        write!(f, "p50 {p50}, p99 {p99}, max {max}")
    }
}

/// A time in milliseconds.
pub(crate) fn format_ms(time: Option<Duration>) -> String {
    time.map_or_else(
        || "-".to_owned(),
        |time| format!("{:.1} ms", time.as_secs_f64() * 1e3),
    )
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Rounds(Vec<f64>);

impl Rounds {
    /// Adds the figure of one round.
    pub(crate) fn record(&mut self, figure: f64) {
        self.0.push(figure);
    }

    /// These figures divided by `other`'s, round by round.
    pub(crate) fn ratios_to(&self, other: &Self) -> Self {
        let pairs = self.0.iter().zip(&other.0);
        Self(pairs.map(|(figure, other)| figure / other).collect())
    }

    /// The median; not a number without rounds.
    pub(crate) fn median(&self) -> f64 {
        self.quartile(2)
    }

    /// The figure below which this many quarters lie, interpolated between two ranks.
    fn quartile(&self, quarters: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let position = quarters * sorted.len().saturating_sub(1);
        let at_rank = |rank: usize| sorted.get(rank).copied().unwrap_or(f64::NAN);
        let (lower, upper) = (at_rank(position / 4), at_rank(position.div_ceil(4)));
        let weight = [0.0, 0.25, 0.5, 0.75][position % 4];
        lower + (upper - lower) * weight
    }
}

/// The median with the quartiles in brackets.
impl fmt::Display for Rounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [lower, median, upper] = [1, 2, 3].map(|quarters| self.quartile(quarters));
        write!(f, "{median:.2} ({lower:.2}–{upper:.2})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_measurements_of_their_rank() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.percentile(99), None);
        for milliseconds in (1..=200).rev() {
            latencies.record(Duration::from_millis(milliseconds));
        }
        assert_eq!(latencies.percentile(50), Some(Duration::from_millis(100)));
        assert_eq!(latencies.percentile(99), Some(Duration::from_millis(198)));
        assert_eq!(latencies.max(), Some(Duration::from_millis(200)));
    }

    #[test]
    fn ratios_are_taken_round_by_round_and_shown_with_quartiles() {
        let ours = Rounds(vec![5.0, 2.0, 8.0, 2.0, 6.0]);
        let bare = Rounds(vec![1.0, 2.0, 2.0, 1.0, 2.0]);
        assert_eq!(ours.ratios_to(&bare).to_string(), "3.00 (2.00–4.00)");
        assert!((Rounds(vec![1.0, 2.0]).median() - 1.5).abs() < 1e-9);
        assert!(Rounds::default().median().is_nan());
    }
}
