//! What writes itself is what `serde_json` writes of it.

use proptest::prelude::*;
use serde::Serialize;

use super::*;
use crate::projection::tests::any;

fn same(value: &(impl WriteJson + Serialize)) {
    let ours = String::from_utf8(written(value, 0)).unwrap();
    assert_eq!(ours, serde_json::to_string(value).unwrap());
}

proptest! {
    #[test]
    fn a_page_of_workers_is_written_as_it_serialises(page in any::page()) {
        same(&page);
    }

    #[test]
    fn a_worker_is_written_as_it_serialises(detail in any::detail()) {
        same(&detail);
    }

    #[test]
    fn a_transcript_is_written_as_it_serialises(page in any::transcript()) {
        same(&page);
    }

    #[test]
    fn events_are_written_as_they_serialise(batch in any::events()) {
        same(&batch);
    }

    #[test]
    fn an_accepted_input_is_written_as_it_serialises(accepted in any::accepted()) {
        same(&accepted);
    }
}
