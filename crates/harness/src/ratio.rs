//! Ratios of what was measured in turns: their middle, and how far they spread.

/// What stands where there is no ratio.
const NO_NUMBER: &str = "–";

/// Some ratios, at least one.
#[derive(Debug, Clone)]
pub(crate) struct Ratios(Vec<f64>);

impl Ratios {
    /// The ratios of `pairs`, the first to the second of each.
    pub(crate) fn of(pairs: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let ratios = pairs.into_iter().map(|(first, second)| first / second);
        let mut ratios: Vec<f64> = ratios.collect();
        ratios.sort_by(f64::total_cmp);
        Self(ratios)
    }

    /// The median.
    pub(crate) fn median(&self) -> f64 {
        self.quantile(2)
    }

    /// Median, and the quartiles around it; a dash where one of them is no number.
    pub(crate) fn shown(&self) -> String {
        let quartiles = [1, 2, 3].map(|quarters| self.quantile(quarters));
        if quartiles.iter().all(|quartile| quartile.is_finite()) {
            let [lower, median, upper] = quartiles;
            format!("{median:.2} ({lower:.2}–{upper:.2})")
        } else {
            NO_NUMBER.to_owned()
        }
    }

    /// The ratio below which so many quarters of them are, between two ranks in proportion.
    fn quantile(&self, quarters: usize) -> f64 {
        let place = quarters * self.0.len().saturating_sub(1);
        let at_rank = |rank: usize| self.0.get(rank).copied().unwrap_or(f64::NAN);
        // The same rank twice where the place is one, so that no other has a part in it.
        let (lower, upper) = (at_rank(place / 4), at_rank(place.div_ceil(4)));
        let share = [0.0, 0.25, 0.5, 0.75][place % 4];
        lower + (upper - lower) * share
    }
}

/// One ratio; a dash for what was held against nothing.
pub(crate) fn shown(first: f64, second: f64) -> String {
    let ratio = first / second;
    if ratio.is_finite() {
        format!("{ratio:.2}")
    } else {
        NO_NUMBER.to_owned()
    }
}

/// The median of some measurements.
pub(crate) fn median(measured: impl IntoIterator<Item = f64>) -> f64 {
    Ratios::of(measured.into_iter().map(|value| (value, 1.0))).median()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_and_the_quartiles_are_those_of_the_sorted_ratios() {
        let ratios = Ratios::of([(5.0, 1.0), (2.0, 2.0), (8.0, 2.0), (2.0, 1.0), (6.0, 2.0)]);
        assert_eq!(ratios.shown(), "3.00 (2.00–4.00)");
        assert!((median([1.0, 2.0]) - 1.5).abs() < 1e-9);
        assert!(Ratios::of([]).median().is_nan());
    }

    #[test]
    fn a_ratio_to_nothing_is_a_dash_and_spoils_no_other() {
        assert_eq!(shown(3.0, 2.0), "1.50");
        assert_eq!(shown(3.0, 0.0), "–");
        assert_eq!(shown(0.0, 0.0), "–");
        assert_eq!(Ratios::of([(1.0, 0.0)]).shown(), "–");
        let one_of_five = [(1.0, 1.0), (2.0, 1.0), (3.0, 1.0), (4.0, 1.0), (1.0, 0.0)];
        assert_eq!(Ratios::of(one_of_five).shown(), "3.00 (2.00–4.00)");
    }
}
