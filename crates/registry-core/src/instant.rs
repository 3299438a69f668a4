//! Instants as answers show them: RFC 3339, in UTC, as short as it goes.

use jiff::Timestamp;
use jiff::tz::Offset;
use serde::{Serialize, Serializer};

use crate::ascii::ShortText;
use crate::json::Clean;

/// Nanoseconds of a millisecond.
const MILLISECOND: i32 = 1_000_000;
/// Room for an instant's text.
const TEXT_BYTES: usize = 32;
/// What an instant's numbers are written into.
const FORM: &[u8; 23] = b"0000-00-00T00:00:00.000";

/// Serialises an instant as [`Timestamp`] itself does. One that is no finer than a millisecond,
/// as the runtime's are, is written without the general formatter.
pub(crate) fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    let of_day = Offset::UTC.to_datetime(*at);
    let fraction = of_day.subsec_nanosecond();
    let Ok(year) = u16::try_from(of_day.year()) else {
        return at.serialize(serializer);
    };
    if fraction % MILLISECOND != 0 {
        return at.serialize(serializer);
    }
    let mut text = ShortText::<TEXT_BYTES>::default();
    text.bytes[..FORM.len()].copy_from_slice(FORM);
    let pairs = [
        (0, year / 100),
        (2, year % 100),
        (5, of_day.month().unsigned_abs().into()),
        (8, of_day.day().unsigned_abs().into()),
        (11, of_day.hour().unsigned_abs().into()),
        (14, of_day.minute().unsigned_abs().into()),
        (17, of_day.second().unsigned_abs().into()),
    ];
    for (place, number) in pairs {
        text.bytes[place..place + 2].copy_from_slice(&PAIRS[usize::from(number)]);
    }
    let millis = (fraction / MILLISECOND).unsigned_abs() as usize;
    let (first_two, last) = (millis / 10, millis % 10);
    text.bytes[20..22].copy_from_slice(&PAIRS[first_two]);
    text.bytes[22] = PAIRS[last][1];
    // Without the fraction's last zeros, and without its point when it is zero.
    let (point, all) = (19, FORM.len());
    let end = match (first_two, last) {
        (_, 1..) => all,
        (0, 0) => point,
        (_, 0) if first_two % 10 != 0 => all - 1,
        (_, 0) => all - 2,
    };
    text.bytes[end] = b'Z';
    Clean(text.as_str(end + 1)).serialize(serializer)
}

/// The numbers below 100, with both digits.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[0; 2]; 100];
    let mut number = 0;
    while number < pairs.len() {
        pairs[number] = [b'0' + number as u8 / 10, b'0' + number as u8 % 10];
        number += 1;
    }
    pairs
};

/// An instant to be shown.
pub(crate) struct Shown(pub(crate) Timestamp);

impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize(&self.0, serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn same(at: Timestamp) {
        let (ours, theirs) = (serde_json::to_value(Shown(at)), serde_json::to_value(at));
        assert_eq!(ours.unwrap(), theirs.unwrap());
    }

    proptest! {
        #[test]
        fn an_instant_is_shown_as_a_timestamp_serialises(
            second in Timestamp::MIN.as_second()..Timestamp::MAX.as_second(),
            millis in 0..1_000_i32,
            nanos in 0..1_000_000_000_i32,
        ) {
            for fraction in [0, millis * MILLISECOND, millis / 100 * 100 * MILLISECOND, nanos] {
                same(Timestamp::new(second, fraction).unwrap());
            }
        }
    }

    #[test]
    fn the_ends_of_days_years_and_fractions_are_shown_right() {
        let year_0 = -62_167_219_200_000;
        for millis in [
            0,
            1,
            10,
            100,
            999,
            1_000,
            86_399_999,
            -1,
            -1_000,
            year_0,
            year_0 - 1,
        ] {
            same(Timestamp::from_millisecond(millis).unwrap());
        }
        for at in [
            "2024-02-29T23:59:59.999Z",
            "2000-03-01T00:00:00Z",
            "9999-12-30T22:00:00.05Z",
        ] {
            let instant: Timestamp = at.parse().unwrap();
            same(instant);
            assert_eq!(serde_json::to_value(Shown(instant)).unwrap(), at);
        }
    }
}
