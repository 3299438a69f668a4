//! The checker on histories of a register whose verdicts are known.

use super::checker::{Action, Specification, Verdict, check};

/// A register; `fading` ones may turn to 0 on their own.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Register {
    value: u32,
    fading: bool,
}

#[derive(Debug)]
enum Seen {
    Wrote(u32),
    Read(u32),
}

use Seen::{Read, Wrote};

impl Specification for Register {
    type Observed = Seen;

    fn after(&self, seen: &Seen) -> Option<Self> {
        match *seen {
            Wrote(value) => Some(Self { value, ..*self }),
            Read(value) => (value == self.value).then(|| self.clone()),
        }
    }

    fn drifts(&self) -> Vec<Self> {
        let faded = Self { value: 0, ..*self };
        if self.fading { vec![faded] } else { Vec::new() }
    }
}

/// Invoked and returned at these times.
fn at(invoked: u64, returned: u64, observed: Seen) -> Action<Seen> {
    Action {
        client: 0,
        invoked,
        returned,
        follows: None,
        observed,
    }
}

fn verdict(history: &[Action<Seen>]) -> Verdict {
    let value = 0;
    check(
        Register {
            value,
            fading: false,
        },
        history,
    )
}

#[test]
fn an_empty_history_is_linearizable() {
    assert_eq!(verdict(&[]), Verdict::Linearizable);
}

#[test]
fn a_read_during_a_write_may_see_either_value() {
    for value in [0, 1] {
        let history = [at(0, 3, Wrote(1)), at(1, 2, Read(value))];
        assert_eq!(verdict(&history), Verdict::Linearizable);
    }
}

#[test]
fn a_read_of_what_nobody_wrote_is_an_anomaly() {
    let history = [at(0, 3, Wrote(1)), at(1, 2, Read(2))];
    assert_eq!(verdict(&history), Verdict::Anomaly);
}

#[test]
fn a_read_after_a_write_has_returned_sees_it() {
    let stale = [at(0, 1, Wrote(1)), at(2, 3, Read(0))];
    assert_eq!(verdict(&stale), Verdict::Anomaly);
    let fresh = [at(0, 1, Wrote(1)), at(2, 3, Read(1))];
    assert_eq!(verdict(&fresh), Verdict::Linearizable);
}

/// Each read alone could be explained, and the two together can't.
#[test]
fn what_one_reader_has_seen_a_later_one_does_not_unsee() {
    let write = || at(0, 9, Wrote(1));
    let back = [write(), at(1, 2, Read(1)), at(3, 4, Read(0))];
    assert_eq!(verdict(&back), Verdict::Anomaly);
    let forth = [write(), at(1, 2, Read(0)), at(3, 4, Read(1))];
    assert_eq!(verdict(&forth), Verdict::Linearizable);
    let together = [write(), at(1, 4, Read(1)), at(2, 3, Read(0))];
    assert_eq!(verdict(&together), Verdict::Linearizable);
}

#[test]
fn the_order_of_the_list_means_nothing() {
    let history = [at(4, 5, Read(2)), at(2, 3, Wrote(2)), at(0, 1, Wrote(1))];
    assert_eq!(verdict(&history), Verdict::Linearizable);
}

#[test]
fn the_steps_of_a_call_keep_their_order() {
    let mut history = vec![at(0, 9, Read(1)), at(0, 9, Read(0)), at(0, 9, Wrote(1))];
    assert_eq!(verdict(&history), Verdict::Linearizable);
    history[1].follows = Some(0);
    assert_eq!(verdict(&history), Verdict::Anomaly);
}

#[test]
fn a_state_may_change_on_its_own_where_the_specification_says_so() {
    let history = [at(0, 1, Wrote(1)), at(2, 3, Read(1)), at(4, 5, Read(0))];
    assert_eq!(verdict(&history), Verdict::Anomaly);
    let fading = Register {
        value: 0,
        fading: true,
    };
    assert_eq!(check(fading.clone(), &history), Verdict::Linearizable);
    let back = [at(0, 1, Wrote(1)), at(2, 3, Read(0)), at(4, 5, Read(1))];
    assert_eq!(check(fading, &back), Verdict::Anomaly);
}
