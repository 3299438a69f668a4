//! Instants as answers show them: RFC 3339, in UTC, as short as it goes.

use jiff::Timestamp;
use jiff::tz::Offset;
use serde::{Serialize, Serializer};

/// Nanoseconds of a millisecond.
const MILLISECOND: i32 = 1_000_000;

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
    let mut text = *b"0000-00-00T00:00:00.000Z";
    write_pair(&mut text, 0, year / 100);
    write_pair(&mut text, 2, year % 100);
    let pairs = [
        (5, of_day.month()),
        (8, of_day.day()),
        (11, of_day.hour()),
        (14, of_day.minute()),
        (17, of_day.second()),
    ];
    for (place, number) in pairs {
        write_pair(&mut text, place, number.unsigned_abs().into());
    }
    let millis = (fraction / MILLISECOND).unsigned_abs() as u16;
    text[20] = digit(millis / 100);
    write_pair(&mut text, 21, millis % 100);
    // Without the fraction's last zeros, and without its point when it is zero.
    let mut end = if millis == 0 { 19 } else { 23 };
    while text[end - 1] == b'0' && end > 20 {
        end -= 1;
    }
    text[end] = b'Z';
    let text = std::str::from_utf8(&text[..=end]).expect("digits and marks are ASCII");
    serializer.serialize_str(text)
}

/// Writes a number below 100.
fn write_pair(text: &mut [u8; 24], place: usize, number: u16) {
    text[place] = digit(number / 10);
    text[place + 1] = digit(number % 10);
}

fn digit(number: u16) -> u8 {
    b'0' + number as u8
}

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
