//! Places in the list: its order, and the text of a position in it.

use std::cmp::Reverse;

use jiff::Timestamp;
use registry_core::WorkerId;
use registry_core::page::Position;
use registry_core::port::WorkerRecord;

use crate::identity;

/// Stands for a creation time that is not known.
const UNKNOWN_TIME: &str = "-";

/// Where a record stands: newest first, those of unknown age last, then by id.
///
/// A place is complete in itself, so a position outlives the record that it was made of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    created_at: Reverse<Option<Timestamp>>,
    worker_id: WorkerId,
}

/// The text is not a position of this source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InvalidPlace;

impl Place {
    /// Where `record` stands.
    pub(crate) fn of(record: &WorkerRecord) -> Self {
        Self {
            created_at: Reverse(record.created_at),
            worker_id: record.worker_id.clone(),
        }
    }

    /// The place's text: milliseconds since 1970, or `-`; then `.` and the id.
    ///
    /// Every creation time of this source is whole in milliseconds, so nothing is lost.
    pub(crate) fn to_position(&self) -> Position {
        let time = self.created_at.0.map_or_else(
            || UNKNOWN_TIME.to_owned(),
            |created_at| created_at.as_millisecond().to_string(),
        );
        format!("{time}.{}", self.worker_id)
            .parse()
            .expect("at most 59 characters of visible ASCII")
    }

    /// The place that a position names.
    ///
    /// # Errors
    /// [`InvalidPlace`] for any text that [`Self::to_position`] can't have made.
    pub(crate) fn parse(position: &Position) -> Result<Self, InvalidPlace> {
        let (time, id) = position.as_str().split_once('.').ok_or(InvalidPlace)?;
        let created_at = match time {
            UNKNOWN_TIME => None,
            digits => {
                let millis = digits.parse().map_err(|_| InvalidPlace)?;
                Some(Timestamp::from_millisecond(millis).map_err(|_| InvalidPlace)?)
            }
        };
        let place = Self {
            created_at: Reverse(created_at),
            worker_id: id.parse().map_err(|_| InvalidPlace)?,
        };
        // A number has many texts (`+1`, `01`); a place has one.
        if identity::is_local(&place.worker_id) && place.to_position() == *position {
            Ok(place)
        } else {
            Err(InvalidPlace)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ID: &str = "local-0123456789abcdef0123456789abcdef";

    fn place(millis: Option<i64>, id: &str) -> Place {
        Place {
            created_at: Reverse(millis.map(|millis| Timestamp::from_millisecond(millis).unwrap())),
            worker_id: id.parse().unwrap(),
        }
    }

    proptest! {
        #[test]
        fn a_place_survives_its_position(
            millis in proptest::option::of(-377_705_023_201_000..=253_402_207_200_999_i64),
            digits in "[0-9a-f]{32}",
        ) {
            let place = place(millis, &format!("local-{digits}"));
            prop_assert_eq!(Place::parse(&place.to_position()), Ok(place));
        }

        #[test]
        fn a_position_that_parses_is_the_only_one_of_its_place(
            text in "(-|[-+]?[0-9]{1,19})\\.(local-[0-9a-f]{32}|[a-z0-9-]{1,40})",
        ) {
            let position: Position = text.parse().unwrap();
            if let Ok(place) = Place::parse(&position) {
                prop_assert_eq!(place.to_position(), position);
            }
        }

        #[test]
        fn arbitrary_positions_never_panic(text in "[!-~]{1,96}") {
            let _ = Place::parse(&text.parse().unwrap());
        }
    }

    #[test]
    fn a_position_that_this_source_did_not_make_is_refused() {
        for text in [
            "0",
            "-",
            ".",
            "0.",
            &format!(".{ID}"),
            &format!("+1.{ID}"),
            &format!("01.{ID}"),
            &format!("-0.{ID}"),
            &format!("--.{ID}"),
            &format!("0.{ID}."),
            &format!("0.{ID}0"),
            &format!("9223372036854775807.{ID}"),
            &format!("1.{}", ID.replace('a', "g")),
            "1.worker-1",
        ] {
            let position: Position = text.parse().unwrap();
            assert_eq!(Place::parse(&position), Err(InvalidPlace), "{text}");
        }
        assert!(Place::parse(&format!("1.{ID}").parse().unwrap()).is_ok());
    }

    #[test]
    fn newer_places_come_first_and_unknown_ages_last() {
        let other = ID.replace("01", "11");
        let ordered = [
            place(Some(2), &other),
            place(Some(1), ID),
            place(Some(1), &other),
            place(Some(-1), ID),
            place(None, ID),
        ];
        assert!(ordered.is_sorted());
    }
}
