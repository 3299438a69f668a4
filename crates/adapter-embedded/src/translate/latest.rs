//! What was translated latest: neighbours on a page are often of the same run or profile, and
//! to copy an id is less than to write or check one.

use registry_core::{ProfileId, RunId};
use worker_runtime as runtime;

/// The value that was translated latest, and what became of it.
pub(super) struct Latest<T, U>(Option<(T, U)>);

/// The run that an entry or event is of.
pub(super) type LatestRun = Latest<runtime::RunId, RunId>;
/// The profile of a worker; none where its id is none of the registry's.
pub(super) type LatestProfile = Latest<runtime::ProfileId, Option<ProfileId>>;

impl<T, U> Default for Latest<T, U> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Clone + PartialEq, U: Clone> Latest<T, U> {
    /// What becomes of `value`: a clone of what became of its neighbour, if that is the same.
    pub(super) fn or_translate(&mut self, value: &T, translate: impl FnOnce(&T) -> U) -> U {
        match &self.0 {
            Some((latest, translated)) if latest == value => translated.clone(),
            Some(_) | None => {
                let translated = translate(value);
                self.0 = Some((value.clone(), translated.clone()));
                translated
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_neighbour_that_is_the_same_is_translated_once() {
        let mut latest = Latest::default();
        let mut translated = Vec::new();
        let shown = ["a", "a", "b", "b", "a"].map(|value| {
            latest.or_translate(&value, |value| {
                translated.push(*value);
                value.to_uppercase()
            })
        });
        assert_eq!(shown, ["A", "A", "B", "B", "A"]);
        assert_eq!(translated, ["a", "b", "a"]);
    }
}
