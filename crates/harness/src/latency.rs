//! How long things took: percentiles of every single measurement, none sampled away.

use std::time::Duration;

/// Measured times.
#[derive(Debug, Default)]
pub(crate) struct Latencies(Vec<Duration>);

impl Latencies {
    /// Adds a measurement.
    pub(crate) fn add(&mut self, took: Duration) {
        self.0.push(took);
    }

    /// Adds all of another's.
    pub(crate) fn join(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The least time that `percent` of a hundred measurements did not exceed; none of no
    /// measurements.
    pub(crate) fn percentile(&self, percent: usize) -> Option<Duration> {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let rank = (sorted.len() * percent).div_ceil(100);
        sorted.get(rank.saturating_sub(1)).copied()
    }
}

/// A time as people read it.
pub(crate) fn shown(time: Option<Duration>) -> String {
    time.map_or_else(
        || "-".to_owned(),
        |time| format!("{:.1} ms", time.as_secs_f64() * 1e3),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_measurements_of_their_rank() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.percentile(99), None);
        for milliseconds in (1..=200).rev() {
            latencies.add(Duration::from_millis(milliseconds));
        }
        assert_eq!(latencies.percentile(50), Some(Duration::from_millis(100)));
        assert_eq!(latencies.percentile(99), Some(Duration::from_millis(198)));
        assert_eq!(latencies.percentile(100), Some(Duration::from_millis(200)));
    }
}
