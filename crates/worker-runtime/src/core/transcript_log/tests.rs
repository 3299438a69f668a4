//! Pages and pruning.

use jiff::Timestamp;

use super::*;
use crate::id::RunId;
use crate::run::RunDiagnostics;
use crate::transcript::Role;

fn transcript(entries: usize, bytes: usize, contents: &[&str]) -> TranscriptLog {
    let limits = Limits {
        transcript_entries: entries,
        transcript_bytes: bytes,
        ..Limits::default()
    };
    let mut transcript = TranscriptLog::starting_after(0, OlderEntries::Dropped, &limits);
    for content in contents {
        append(&mut transcript, content);
    }
    transcript
}

fn append(transcript: &mut TranscriptLog, content: &str) {
    let sequence = transcript.next();
    transcript.append(Entry {
        sequence,
        at: Timestamp::UNIX_EPOCH,
        role: Role::User,
        run_id: "0198c0de-0000-7000-8000-000000000001"
            .parse::<RunId>()
            .unwrap(),
        content: content.into(),
        partial: false,
        unanswered: false,
        reasoning: None,
        diagnostics: RunDiagnostics::default(),
    });
}

/// The numbers on the page, between marks for what is beyond it.
fn format_slice(slice: &Slice) -> String {
    let numbers: Vec<String> = slice
        .entries
        .iter()
        .map(|e| e.sequence.to_string())
        .collect();
    let mark = |more| if more { ".." } else { "|" };
    let (earlier, later) = (mark(slice.has_earlier), mark(slice.has_later));
    format!("{earlier}{}{later}", numbers.join(","))
}

#[test]
fn a_page_is_found_from_either_end_and_says_what_lies_beyond() {
    use TranscriptPosition::{After, Before, Newest};
    let transcript = transcript(10, 10_000, &["x"; 5]);
    let cases = [
        (Newest, 2, "..4,5|"),
        (Newest, 5, "|1,2,3,4,5|"),
        (Before(4), 2, "..2,3.."),
        (Before(3), 2, "|1,2.."),
        (Before(1), 2, "|.."),
        (Before(0), 2, "|.."),
        (Before(u64::MAX), 2, "..4,5|"),
        (After(0), 2, "|1,2.."),
        (After(3), 2, "..4,5|"),
        (After(5), 2, "..|"),
        (After(u64::MAX), 2, "..|"),
    ];
    for (position, limit, expected) in cases {
        let slice = transcript.slice(position, limit, 10_000);
        assert_eq!(format_slice(&slice), expected, "{position:?} {limit}");
    }
}

#[test]
fn an_empty_transcript_has_an_empty_page_and_no_bounds() {
    let transcript = transcript(10, 10_000, &[]);
    let slice = transcript.slice(TranscriptPosition::Newest, 5, 10_000);
    assert_eq!(format_slice(&slice), "||");
    assert_eq!(transcript.bounds(), TranscriptBounds::default());
}

#[test]
fn the_oldest_entries_are_pruned_by_count_and_their_numbers_stay_used() {
    let transcript = transcript(3, 10_000, &["x"; 5]);
    assert_eq!(
        transcript.bounds(),
        TranscriptBounds {
            first_sequence: Some(3),
            last_sequence: Some(5),
            pruned_before: Some(3),
        }
    );
    assert_eq!(transcript.bytes(), 3 * entry_cost(1));
    let pruned = transcript.slice(TranscriptPosition::After(1), 2, 10_000);
    assert_eq!(format_slice(&pruned), "|3,4..");
}

#[test]
fn the_oldest_entries_are_pruned_by_bytes_but_the_newest_stays() {
    let max_bytes = 2 * entry_cost(100);
    let large = "y".repeat(3 * 100 + ENTRY_OVERHEAD_BYTES);
    let small = "x".repeat(100);
    let two_fit = transcript(10, max_bytes, &[&small, &small, &small]);
    assert_eq!(two_fit.bounds().first_sequence, Some(2));
    let one_too_large = transcript(10, max_bytes, &[&small, &large]);
    assert_eq!(one_too_large.bounds().first_sequence, Some(2));
    assert_eq!(one_too_large.bytes(), entry_cost(large.len()));
}

#[test]
fn a_history_is_all_that_is_held_before_the_newest_entry() {
    let numbers = |transcript: &TranscriptLog| {
        let history = transcript.history();
        let debug = format!("History {{ entries: {}, .. }}", history.iter().count());
        assert_eq!(format!("{history:?}"), debug);
        history.iter().map(|e| e.sequence).collect::<Vec<_>>()
    };
    assert_eq!(numbers(&transcript(3, 10_000, &[])), []);
    assert_eq!(numbers(&transcript(3, 10_000, &["x"; 1])), []);
    assert_eq!(numbers(&transcript(3, 10_000, &["x"; 3])), [1, 2]);
    assert_eq!(numbers(&transcript(3, 10_000, &["x"; 5])), [3, 4]);
}

#[test]
fn entries_are_copied_only_for_a_history_that_is_kept_and_that_stays_as_it_was() {
    let mut transcript = transcript(3, 10_000, &["x"; 3]);
    let address = Arc::as_ptr(&transcript.entries);
    drop(transcript.history());
    append(&mut transcript, "y");
    assert_eq!(Arc::as_ptr(&transcript.entries), address);

    let kept = transcript.history();
    append(&mut transcript, "z");
    assert_ne!(Arc::as_ptr(&transcript.entries), address);
    assert!(kept.iter().map(|e| e.sequence).eq([2, 3]));
    assert_eq!(transcript.bounds().last_sequence, Some(5));
}

#[test]
fn a_page_ends_at_its_bytes_and_an_oversized_entry_stands_alone() {
    use TranscriptPosition::{After, Newest};
    let large = "y".repeat(1_000);
    let transcript = transcript(10, 100_000, &["a", "b", &large, "c", "d"]);
    let page = |position| format_slice(&transcript.slice(position, 10, 2 * entry_cost(1)));
    assert_eq!(page(Newest), "..4,5|");
    assert_eq!(page(After(0)), "|1,2..");
    assert_eq!(page(After(2)), "..3..");
    assert_eq!(page(TranscriptPosition::Before(4)), "..3..");
}

#[test]
fn an_entry_counts_for_no_less_than_it_takes() {
    // The allocations of the content and of the reasoning have two counters before each.
    let least = size_of::<Entry>() + 4 * size_of::<usize>();
    assert!(least <= ENTRY_OVERHEAD_BYTES, "{least}");
}

#[test]
fn the_words_are_those_of_the_entries_that_are_held_whenever_they_are_counted() {
    let mut transcript = transcript(3, 4_096, &["one"]);
    assert_eq!(transcript.history().words_with_input(), 1);
    for (content, held) in [("one two", 3), ("a b c", 6), ("é", 6), ("d e", 6), ("f", 4)] {
        append(&mut transcript, content);
        assert_eq!(transcript.history().words_with_input(), held, "{content}");
    }
    transcript.mark_newest_unanswered();
    for (content, held) in [("g", 2 + 1), ("h", 1 + 1), ("i j", 1 + 1 + 2)] {
        append(&mut transcript, content);
        assert_eq!(transcript.history().words_with_input(), held, "{content}");
    }
}

#[test]
fn the_words_are_the_same_when_they_are_counted_late() {
    let mut transcript = transcript(3, 4_096, &["one two", "three"]);
    transcript.mark_newest_unanswered();
    append(&mut transcript, "four five six");
    assert_eq!(transcript.history().words_with_input(), 2 + 3);
}

#[test]
fn an_input_without_a_reply_is_held_and_shown_but_no_part_of_a_history() {
    let mut transcript = transcript(3, 4_096, &["a", "b"]);
    let before = transcript.history();
    transcript.mark_newest_unanswered();
    append(&mut transcript, "c");
    let slice = transcript.slice(TranscriptPosition::Newest, 5, 4_096);
    assert_eq!(format_slice(&slice), "|1,2,3|");
    let marked = slice.entries.iter().map(|entry| entry.unanswered);
    assert!(marked.eq([false, true, false]));
    let seen = |history: &History| history.iter().map(|e| e.sequence).collect::<Vec<_>>();
    assert_eq!(
        (seen(&before), seen(&transcript.history())),
        (vec![1], vec![1])
    );
}
