//! Pages of a transcript, derived from the lines that are held.

use super::fitting;
use super::model::Line;
use crate::transcript::TranscriptPosition;

/// A page of lines, and whether lines are held on either side of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) lines: Vec<Line>,
    pub(crate) has_earlier: bool,
    pub(crate) has_later: bool,
}

impl Page {
    /// The page at `position`: the nearest lines that fit.
    pub(crate) fn new(
        held: &[Line],
        position: TranscriptPosition,
        most: usize,
        bytes: usize,
    ) -> Self {
        // The position divides the held lines in two; the page is next to the divide.
        let (older, newer): (Vec<Line>, Vec<Line>) =
            held.iter().cloned().partition(|line| match position {
                TranscriptPosition::Newest => true,
                TranscriptPosition::Before(number) => line.number < number,
                TranscriptPosition::After(number) => line.number <= number,
            });
        match position {
            TranscriptPosition::Newest | TranscriptPosition::Before(_) => {
                let count = fitting(older.iter().rev().map(Line::cost), most, bytes);
                Self {
                    has_earlier: count < older.len(),
                    lines: older[older.len() - count..].to_vec(),
                    has_later: !newer.is_empty(),
                }
            }
            TranscriptPosition::After(_) => {
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
