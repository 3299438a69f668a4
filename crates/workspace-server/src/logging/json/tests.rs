//! Whatever is logged, each line is one JSON object that gives the values back.

use std::io;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::logging::Look;
use crate::logging::tests::logged;

/// The one line of what `act` logs.
fn line(act: impl FnOnce()) -> Value {
    read(&logged(Look::Json, "trace", act))
}

fn read(log: &str) -> Value {
    assert_eq!(log.matches('\n').count(), 1, "{log}");
    assert!(log.ends_with('\n'), "{log}");
    serde_json::from_str(log).expect("a line is JSON")
}

/// A number as it stands in a line: `serde_json` reads most fractions only nearly.
fn exact(log: &str, name: &str) -> Option<f64> {
    let (_, number) = log.split_once(&format!("\"{name}\":"))?;
    number.split(',').next()?.parse().ok()
}

#[test]
fn a_line_says_when_how_grave_where_and_what() {
    let before = Timestamp::now();
    let mut line = line(|| {
        tracing::info!(target: "yoi::access", method = "GET", status = 200_u16, code = None::<&str>, "answered");
    });
    let at: Timestamp = line["timestamp"].take().as_str().unwrap().parse().unwrap();
    let micros = |at: Timestamp| at.as_microsecond();
    assert!((micros(before)..=micros(Timestamp::now())).contains(&micros(at)));
    assert_eq!(
        line,
        json!({
            "timestamp": null,
            "level": "INFO",
            "target": "yoi::access",
            "fields": { "message": "answered", "method": "GET", "status": 200 },
        })
    );
}

#[test]
fn every_kind_of_value_has_its_place_in_json() {
    let line = line(|| {
        tracing::info!(
            yes = true,
            small = i64::MIN,
            large = u64::MAX,
            half = 0.5,
            huge = i128::MAX,
            endless = f64::INFINITY,
            nothing = f64::NAN,
            bytes = &b"\xff\""[..],
            shown = %"a\"b",
            debugged = ?"a\"b",
            r#type = "keyword",
            "odd \"name\"\n" = 1,
            empty = tracing::field::Empty,
        );
    });
    assert_eq!(
        line["fields"],
        json!({
            "yes": true,
            "small": i64::MIN,
            "large": u64::MAX,
            "half": 0.5,
            "huge": "170141183460469231731687303715884105727",
            "endless": null,
            "nothing": null,
            "bytes": "[ff 22]",
            "shown": "a\"b",
            "debugged": "\"a\\\"b\"",
            "type": "keyword",
            "odd \"name\"\n": 1,
        })
    );
}

#[test]
fn a_field_that_is_given_twice_breaks_no_line() {
    let line = line(|| tracing::info!(twice = 1, twice = 2));
    assert_eq!(line["fields"]["twice"], 2);
}

/// An error with causes below it.
#[derive(Debug, thiserror::Error)]
#[error("layer {0} of \"many\"")]
struct Layer(usize, #[source] Option<Box<Layer>>);

fn layers(below: usize) -> Layer {
    (0..below).fold(Layer(0, None), |inner, layer| {
        Layer(layer + 1, Some(Box::new(inner)))
    })
}

#[test]
fn an_error_is_told_with_its_causes() {
    let error = layers(2);
    let told = line(|| tracing::warn!(error = &error as &dyn Error, "failed"));
    assert_eq!(
        told["fields"],
        json!({
            "message": "failed",
            "error": "layer 2 of \"many\"",
            "error.sources": ["layer 1 of \"many\"", "layer 0 of \"many\""],
        })
    );

    let plain = io::Error::other("alone");
    let told = line(|| tracing::warn!(error = &plain as &dyn Error));
    assert_eq!(told["fields"], json!({ "error": "alone" }));
}

#[test]
fn of_an_error_with_endless_causes_the_nearest_are_told() {
    let error = layers(10 * CAUSES_MAX);
    let told = line(|| tracing::warn!(error = &error as &dyn Error));
    let causes = told["fields"]["error.sources"].as_array().unwrap();
    assert_eq!(causes.len(), CAUSES_MAX);
    let nearest = format!("layer {} of \"many\"", 10 * CAUSES_MAX - 1);
    assert_eq!(causes[0], nearest.as_str());
}

#[test]
fn a_line_within_a_span_tells_it() {
    let told = line(|| {
        let outer = tracing::info_span!("outer", worker = "w");
        let _outer = outer.enter();
        let inner =
            tracing::info_span!("inner", run_id = %"r\"1", late = tracing::field::Empty).entered();
        inner.record("late", 7);
        tracing::info!("said");
    });
    assert_eq!(
        told["span"],
        json!({ "run_id": "r\"1", "late": 7, "name": "inner" })
    );

    let bare = line(|| {
        let _bare = tracing::info_span!("bare").entered();
        tracing::info!("said");
    });
    assert_eq!(bare["span"], json!({ "name": "bare" }));
}

/// Can't be shown to its end.
struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("half")?;
        Err(fmt::Error)
    }
}

#[test]
fn a_value_that_can_not_be_shown_whole_breaks_no_line() {
    let told = line(|| tracing::info!(broken = %Broken, whole = %"whole"));
    assert_eq!(
        told["fields"],
        json!({ "broken": "half", "whole": "whole" })
    );
}

/// Logs while it is shown.
struct Talkative;

impl fmt::Display for Talkative {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        tracing::info!(by = "the way", "aside");
        f.write_str("said")
    }
}

#[test]
fn a_value_that_logs_while_it_is_shown_breaks_no_line() {
    let log = logged(Look::Json, "trace", || {
        tracing::info!(first = 1, talkative = %Talkative, last = 2);
    });
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let fields: Vec<_> = lines.iter().map(|line| line["fields"].clone()).collect();
    let whole = json!({ "first": 1, "talkative": "said", "last": 2 });
    // Whether an event within an event is heard is up to the library.
    assert_eq!(fields.last(), Some(&whole));
}

#[test]
fn a_thread_keeps_a_buffer_of_usual_lines_only() {
    let kept = || {
        let buffer = Buffer::take();
        let bytes = buffer.line.capacity();
        buffer.give_back();
        bytes
    };
    line(|| tracing::info!(text = "short"));
    assert!((1..=KEPT_BYTES).contains(&kept()), "{}", kept());
    line(|| tracing::info!(text = "long".repeat(KEPT_BYTES)));
    assert_eq!(kept(), 0);
}

/// Text with more than its share of what has to be escaped.
fn text() -> impl Strategy<Value = String> {
    let odd = prop_oneof![
        proptest::char::range('\0', '\u{a0}'),
        Just('"'),
        Just('\\'),
        Just('\u{2028}'),
        Just('\u{feff}'),
        any::<char>(),
    ];
    proptest::collection::vec(odd, 0..40).prop_map(String::from_iter)
}

proptest! {
    #[test]
    fn a_second_is_told_as_itself_whatever_was_told_before(seconds in proptest::array::uniform2(0..=253_402_207_200_u64)) {
        let mut kept = Second::default();
        for second in [seconds[0], seconds[0], seconds[1]] {
            let told: Timestamp = format!("{}Z", kept.text(second)).parse().unwrap();
            prop_assert_eq!(u64::try_from(told.as_second()), Ok(second));
            prop_assert_eq!(told.subsec_nanosecond(), 0);
        }
    }

    #[test]
    fn every_line_is_json_and_gives_the_values_back(
        texts in proptest::array::uniform5(text()),
        number in any::<f64>(),
        signed in any::<i64>(),
        wide in any::<i128>(),
    ) {
        let [message, plain, shown, debugged, within] = &texts;
        let log = logged(Look::Json, "trace", || {
            let _span = tracing::info_span!("span", within).entered();
            tracing::info!(plain, %shown, ?debugged, number, signed, wide, "{message}");
        });
        let told = read(&log);
        prop_assert_eq!(&told["span"]["within"], within);
        let fields = &told["fields"];
        prop_assert_eq!(&fields["message"], message);
        prop_assert_eq!(&fields["plain"], plain);
        prop_assert_eq!(&fields["shown"], shown);
        prop_assert_eq!(&fields["debugged"], &format!("{debugged:?}"));
        prop_assert_eq!(exact(&log, "number"), number.is_finite().then_some(number));
        prop_assert_eq!(fields["signed"].as_i64(), Some(signed));
        prop_assert_eq!(&fields["wide"], &wide.to_string());
    }
}
