//! The order of the list, and the text of a position in it.

use std::cmp::Reverse;

use jiff::Timestamp;
use registry_core::WorkerId;
use registry_core::page::{InvalidPosition, Position};
use registry_core::port::WorkerRecord;

use crate::identity;

/// Stands for a creation time that is not known.
const UNKNOWN_TIME: &str = "-";

/// Sorts records: newest first, those of unknown age last, then by id.
///
/// A key needs no record, so a position outlives the record that it was made of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SortKey {
    created_at: Reverse<Option<Timestamp>>,
    worker_id: WorkerId,
}

impl SortKey {
    /// The key of `record`.
    pub(crate) fn new(record: &WorkerRecord) -> Self {
        Self {
            created_at: Reverse(record.created_at),
            worker_id: record.worker_id.clone(),
        }
    }

    /// The key's text: milliseconds since 1970, or `-`; then `.` and the id.
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

    /// The key that a position was made of.
    ///
    /// # Errors
    /// [`InvalidPosition`] for any text that [`Self::to_position`] can't have made.
    pub(crate) fn from_position(position: &Position) -> Result<Self, InvalidPosition> {
        let (time, id) = position.as_str().split_once('.').ok_or(InvalidPosition)?;
        let created_at = match time {
            UNKNOWN_TIME => None,
            digits => {
                let millis = digits.parse().map_err(|_| InvalidPosition)?;
                Some(Timestamp::from_millisecond(millis).map_err(|_| InvalidPosition)?)
            }
        };
        let key = Self {
            created_at: Reverse(created_at),
            worker_id: id.parse().map_err(|_| InvalidPosition)?,
        };
        // A number has many texts (`+1`, `01`); a key has one.
        if identity::is_local(&key.worker_id) && key.to_position() == *position {
            Ok(key)
        } else {
            Err(InvalidPosition)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ID: &str = "local-0123456789abcdef0123456789abcdef";

    fn key(millis: Option<i64>, id: &str) -> SortKey {
        SortKey {
            created_at: Reverse(millis.map(|millis| Timestamp::from_millisecond(millis).unwrap())),
            worker_id: id.parse().unwrap(),
        }
    }

    proptest! {
        #[test]
        fn a_key_survives_its_position(
            millis in proptest::option::of(-377_705_023_201_000..=253_402_207_200_999_i64),
            digits in "[0-9a-f]{32}",
        ) {
            let key = key(millis, &format!("local-{digits}"));
            prop_assert_eq!(SortKey::from_position(&key.to_position()), Ok(key));
        }

        #[test]
        fn a_position_that_parses_is_the_only_one_of_its_key(
            text in "[!-~]{1,96}|(-|[-+]?[0-9]{1,19})\\.(local-[0-9a-f]{32}|[a-z0-9-]{1,40})",
        ) {
            let position: Position = text.parse().unwrap();
            if let Ok(key) = SortKey::from_position(&position) {
                prop_assert_eq!(key.to_position(), position);
            }
        }
    }

    #[test]
    fn a_position_that_this_source_did_not_make_is_refused() {
        for text in [
            "0",
            "-",
            ".",
            "0.",
            ".ID",
            "+1.ID",
            "01.ID",
            "-0.ID",
            "--.ID",
            "0.ID.",
            "0.ID0",
            "9223372036854775807.ID",
            "1.worker-1",
        ] {
            let position: Position = text.replace("ID", ID).parse().unwrap();
            let key = SortKey::from_position(&position);
            assert_eq!(key, Err(InvalidPosition), "{text}");
        }
        assert!(SortKey::from_position(&format!("1.{ID}").parse().unwrap()).is_ok());
    }

    #[test]
    fn newer_records_come_first_and_unknown_ages_last() {
        let other = ID.replace("01", "11");
        let ordered = [
            key(Some(2), &other),
            key(Some(1), ID),
            key(Some(1), &other),
            key(Some(-1), ID),
            key(None, ID),
        ];
        assert!(ordered.is_sorted());
    }
}
