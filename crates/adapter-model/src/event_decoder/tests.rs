//! Bodies in chunks of every size, and how much of one a step reads.

use super::*;

fn decode(format: StreamFormat, body: &[u8], chunk: usize) -> Result<Vec<String>, ProviderError> {
    let mut decoder = EventDecoder::new(format);
    decoder.max_bytes = 64;
    let mut events = Vec::new();
    for chunk in body.chunks(chunk) {
        decoder.feed(chunk);
        events.extend(all(&mut decoder)?.into_iter().map(|event| event.data));
    }
    events.extend(decoder.finish()?.map(|event| event.data));
    Ok(events)
}

/// The events of what was received so far.
fn all(decoder: &mut EventDecoder) -> Result<Vec<Event>, ProviderError> {
    let mut events = Vec::new();
    loop {
        match decoder.next()? {
            Decoded::Event(event) => events.push(event),
            Decoded::Lines => {}
            Decoded::Incomplete => return Ok(events),
        }
    }
}

#[test]
fn a_step_reads_so_many_lines_and_no_more() {
    let mut decoder = EventDecoder::new(StreamFormat::ServerSentEvents);
    decoder.feed(&b":\n".repeat(LINES_MAX + 1));
    assert_eq!(decoder.next().unwrap(), Decoded::Lines);
    assert_eq!(decoder.buffered_bytes(), 2);
    assert_eq!(decoder.next().unwrap(), Decoded::Incomplete);
}

#[test]
fn server_sent_events_are_decoded_for_every_chunk_size_and_line_end() {
    let body = ": hello\n\nevent: x\ndata: {\"é\": 1}\n\ndata:two\ndata: lines\nid: 7\n\n\
                data\n\ndata: unfinished";
    let expected = ["{\"é\": 1}", "two\nlines", "", "unfinished"];
    for line_end in ["\n", "\r\n", "\r"] {
        let body = body.replace('\n', line_end);
        for chunk in 1..body.len() {
            let events = decode(StreamFormat::ServerSentEvents, body.as_bytes(), chunk);
            assert_eq!(events.unwrap(), expected, "{line_end:?} {chunk}");
        }
    }
}

#[test]
fn a_document_may_come_after_what_keeps_a_connection_alive() {
    let document = "{\n\"a\": 1\n}";
    for before in [
        "\n",
        "\r\n\r\n",
        ": alive\n\n",
        "\u{feff}: alive\r\n\n: alive\n",
    ] {
        let body = format!("{before}{document}");
        for chunk in 1..body.len() {
            let events = decode(StreamFormat::ServerSentEvents, body.as_bytes(), chunk);
            assert_eq!(events.unwrap(), [document], "{before:?} {chunk}");
        }
    }
    // What is whole in one line may stand between events, and before them.
    for (body, expected) in [
        ("data: 1\n\n{\"a\": {}}\nx{}\n", ["1", "{\"a\": {}}"]),
        (": alive\n\n{\"a\": 1}\n\ndata: 2\n\n", ["{\"a\": 1}", "2"]),
    ] {
        for chunk in 1..=body.len() {
            let events = decode(StreamFormat::ServerSentEvents, body.as_bytes(), chunk);
            assert_eq!(events.unwrap(), expected, "{body:?} {chunk}");
        }
    }
}

#[test]
fn json_lines_need_no_final_line_break_and_a_byte_order_mark_is_removed_once() {
    let lines = "\u{feff}{1}\n\n {2}\r\n{3}".as_bytes();
    let events = "\u{feff}data: 1\n\n\u{feff}data: 2\n\n".as_bytes();
    for chunk in 1..10 {
        let lines = decode(StreamFormat::JsonLines, lines, chunk);
        assert_eq!(lines.unwrap(), ["{1}", " {2}", "{3}"]);
        let events = decode(StreamFormat::ServerSentEvents, events, chunk);
        assert_eq!(events.unwrap(), ["1"]);
    }
}

#[test]
fn a_document_in_place_of_a_stream_is_one_event() {
    for body in ["\u{feff} {\n \"a\": 1\n}\n", "[1,\n\n2]"] {
        for chunk in 1..body.len() {
            let events = decode(StreamFormat::ServerSentEvents, body.as_bytes(), chunk);
            let expected = body.trim_start_matches('\u{feff}').trim();
            assert_eq!(events.unwrap(), [expected], "{chunk}");
        }
    }
}

#[test]
fn an_event_has_the_name_that_stands_before_its_data() {
    let mut decoder = EventDecoder::new(StreamFormat::ServerSentEvents);
    decoder.feed(b"event: ping\ndata: 1\n\nevent: lost\n\ndata: 2\n\n");
    let events = all(&mut decoder).unwrap();
    let names: Vec<_> = events.iter().map(|it| (&*it.name, &*it.data)).collect();
    assert_eq!(names, [("ping", "1"), ("", "2")]);
}

#[test]
fn invalid_utf8_and_events_beyond_the_limit_are_errors() {
    let error = |body: &[u8]| decode(StreamFormat::ServerSentEvents, body, 10).unwrap_err();
    let not_utf8 = error(b"data: \xff\xfe\n\n");
    assert_eq!(not_utf8, ProviderError::NotUtf8);
    let too_long = ProviderError::EventTooLong;
    assert_eq!(error(&[b'x'; 100]), too_long);
    assert_eq!(error(&b"data: 0123456789\n".repeat(10)), too_long);
}
