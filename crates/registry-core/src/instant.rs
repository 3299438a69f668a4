//! Instants as answers show them: RFC 3339, in UTC, as short as it goes.

use jiff::Timestamp;
use jiff::tz::Offset;

/// Nanoseconds of a millisecond.
const MILLISECOND: u32 = 1_000_000;
/// Seconds of a day.
const DAY: u64 = 86_400;
/// Room for an instant's text. More than the 24 bytes that it has at most: a copy of 32 is one step.
const TEXT_BYTES: usize = 32;
/// What the numbers of an instant are put into; what is behind them is cut off.
const FORM: [u8; TEXT_BYTES] = *b"1970-01-01T00:00:00.000         ";
/// Bytes of the text up to the fraction's point.
const TO_POINT: usize = 19;
/// Bytes of the text up to the `Z` after a whole fraction.
const TO_END: usize = 23;

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

/// Appends instants to a text. One is nearly always of the day of the one before it: the text
/// of a day is made once, and the time of day is put into it.
pub(crate) struct InstantWriter {
    /// Days since the first of 1970.
    day: u64,
    /// An instant of that day.
    form: [u8; TEXT_BYTES],
}

impl Default for InstantWriter {
    fn default() -> Self {
        Self { day: 0, form: FORM }
    }
}

impl InstantWriter {
    /// Appends what [`Timestamp`] itself shows. An instant since 1970 that is no finer than a
    /// millisecond, as the runtime's are, is written without the general formatter.
    pub(crate) fn append(&mut self, text: &mut Vec<u8>, at: Timestamp) {
        let second = u64::try_from(at.as_second());
        let fraction = u32::try_from(at.subsec_nanosecond());
        match (second, fraction) {
            (Ok(second), Ok(fraction)) if fraction % MILLISECOND == 0 => {
                if second / DAY != self.day {
                    *self = Self::of_day(second / DAY, at);
                }
                self.append_time(text, (second % DAY) as u32, fraction / MILLISECOND);
            }
            _ => append_any(text, at),
        }
    }

    #[inline]
    fn append_time(&self, text: &mut Vec<u8>, second: u32, millis: u32) {
        let begins = text.len();
        text.extend_from_slice(&self.form);
        let form = text.last_chunk_mut().expect("it was just appended");
        let length = put_time(form, second, millis);
        text.truncate(begins + length);
    }

    #[cold]
    fn of_day(day: u64, at: Timestamp) -> Self {
        let date = Offset::UTC.to_datetime(at).date();
        let year = u32::from(date.year().unsigned_abs());
        let mut form = FORM;
        put(&mut form, 0, year / 100);
        put(&mut form, 2, year % 100);
        put(&mut form, 5, date.month().unsigned_abs().into());
        put(&mut form, 8, date.day().unsigned_abs().into());
        Self { day, form }
    }
}

#[cold]
fn append_any(text: &mut Vec<u8>, at: Timestamp) {
    text.extend_from_slice(at.to_string().as_bytes());
}

/// Puts the time of day into the text, and says how long that is.
#[inline]
fn put_time(text: &mut [u8; TEXT_BYTES], second: u32, millis: u32) -> usize {
    put(text, 11, second / 3_600);
    put(text, 14, second / 60 % 60);
    put(text, 17, second % 60);
    // Without the fraction's last zeros, and without its point when it is zero.
    let (first_two, last) = (millis / 10, millis % 10);
    put(text, 20, first_two);
    text[22] = PAIRS[last as usize][1];
    let end = match (first_two, last) {
        (_, 1..) => TO_END,
        (0, 0) => TO_POINT,
        (_, 0) if first_two % 10 != 0 => TO_END - 1,
        (_, 0) => TO_END - 2,
    };
    text[end] = b'Z';
    end + 1
}

/// Puts a number below 100 into the text, with both digits.
#[inline(always)]
fn put(text: &mut [u8; TEXT_BYTES], place: usize, number: u32) {
    text[place..place + 2].copy_from_slice(&PAIRS[number as usize]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    use crate::projection::tests::arbitrary;

    /// Checks the text of each instant, written after the one before it.
    fn same(instants: &[Timestamp]) {
        let mut written = InstantWriter::default();
        for at in instants {
            let mut text = b"at ".to_vec();
            written.append(&mut text, *at);
            assert_eq!(String::from_utf8(text).unwrap(), format!("at {at}"));
        }
    }

    proptest! {
        #[test]
        fn an_instant_is_shown_as_a_timestamp_shows_itself(
            second in Timestamp::MIN.as_second()..Timestamp::MAX.as_second(),
            millis in 0..1_000,
            nanos in 0..1_000_000_000,
        ) {
            let fractions = [0, millis * 1_000_000, millis / 100 * 100_000_000, nanos];
            same(&fractions.map(|fraction| Timestamp::new(second, fraction).unwrap()));
        }

        #[test]
        fn an_instant_is_shown_right_after_any_other(
            instants in proptest::collection::vec(arbitrary::instant(), 1..10),
        ) {
            same(&instants);
        }
    }

    #[test]
    fn neighbours_at_the_ends_of_minutes_days_and_years_are_shown_right_in_both_orders() {
        let year_0 = -62_167_219_200_000;
        let year_2000 = 946_684_800_000;
        let (minute, day) = (60_000, 86_400_000);
        for end in [0, minute, day, -day, 2 * day, year_0, year_2000] {
            for apart in [1, 10, 100, 999, 1_000, minute, day] {
                let near = [end - apart, end, end + apart - 1];
                let near = near.map(|millis| Timestamp::from_millisecond(millis).unwrap());
                same(&near);
                same(&[near[2], near[1], near[0], near[2]]);
            }
        }
        same(&[
            Timestamp::MIN,
            Timestamp::MAX,
            Timestamp::MIN,
            Timestamp::UNIX_EPOCH,
        ]);
    }

    #[test]
    fn a_fraction_has_no_more_digits_than_it_needs() {
        let shown = [
            "2024-02-29T23:59:59.999Z",
            "2000-03-01T00:00:00Z",
            "9999-12-30T22:00:00.05Z",
            "1970-01-01T00:00:00.1Z",
        ];
        for at in shown {
            let mut text = Vec::new();
            InstantWriter::default().append(&mut text, at.parse().unwrap());
            assert_eq!(text, at.as_bytes());
        }
    }
}
