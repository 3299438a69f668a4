//! Pages of a transcript, worked out from the lines that are held.

use super::fitting;
use super::words::Line;

/// Where a page is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place {
    Newest,
    Before(u64),
    After(u64),
}

/// A page of lines, and whether lines are held on either side of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) lines: Vec<Line>,
    pub(crate) has_earlier: bool,
    pub(crate) has_later: bool,
}

impl Page {
    /// The page at `place`: the lines nearest to it that fit.
    pub(crate) fn of(held: &[Line], place: Place, most: usize, bytes: usize) -> Self {
        // The place divides what is held in two; the page is next to the divide.
        let (older, newer): (Vec<Line>, Vec<Line>) =
            held.iter().cloned().partition(|line| match place {
                Place::Newest => true,
                Place::Before(number) => line.number < number,
                Place::After(number) => line.number <= number,
            });
        match place {
            Place::Newest | Place::Before(_) => {
                let count = fitting(older.iter().rev().map(Line::cost), most, bytes);
                Self {
                    has_earlier: count < older.len(),
                    lines: older[older.len() - count..].to_vec(),
                    has_later: !newer.is_empty(),
                }
            }
            Place::After(_) => {
                let count = fitting(newer.iter().map(Line::cost), most, bytes);
                Self {
                    has_earlier: !older.is_empty(),
                    has_later: count < newer.len(),
                    lines: newer[..count].to_vec(),
                }
            }
        }
    }
}
