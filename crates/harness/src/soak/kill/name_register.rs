//! The names of one worker: which were given, which were seen, and whether that fits together.

use super::clock::{Moment, Span};
use super::findings::{Findings, Promise};

/// The name of a worker as an atomic register whose written values are all different.
#[derive(Debug)]
pub(super) struct NameRegister {
    writes: Vec<Write>,
    sightings: Vec<(String, Span)>,
}

#[derive(Debug)]
struct Write {
    name: String,
    span: Span,
    /// Whether it was answered. Otherwise it may have happened, within its span, or not.
    is_certain: bool,
}

impl NameRegister {
    /// A worker that was created with this name.
    pub(super) fn new(name: String, span: Span) -> Self {
        let is_certain = true;
        Self {
            writes: vec![Write {
                name,
                span,
                is_certain,
            }],
            sightings: Vec::new(),
        }
    }

    /// A name is about to be given.
    pub(super) fn begin(&mut self, name: &str, begun: Moment) {
        self.writes.push(Write {
            name: name.to_owned(),
            span: Span::open(begun),
            is_certain: false,
        });
    }

    /// The name was given for certain, or it is not known whether it was.
    pub(super) fn end(&mut self, name: &str, ended: Moment, is_certain: bool) {
        if let Some(write) = self.writes.iter_mut().find(|write| write.name == name) {
            write.span.ended = ended;
            write.is_certain = is_certain;
        }
    }

    /// The name was not given.
    pub(super) fn refuse(&mut self, name: &str) {
        self.writes.retain(|write| write.name != name);
    }

    /// A reader saw `name`.
    pub(super) fn see(&mut self, name: &str, span: Span, worker: &str, findings: &mut Findings) {
        let mut add = |promise, text: String| findings.add(promise, worker, text);
        let Some(write) = self.find(name).filter(|write| write.begun < span.ended) else {
            let text = format!("it has the name {name}, which nobody gave it");
            return add(Promise::TakenBack, text);
        };
        let newer = self.writes.iter().find(|newer| {
            newer.is_certain && write.precedes(newer.span) && newer.span.precedes(span)
        });
        if let Some(Write { name: newer, .. }) = newer {
            let text = format!("expected the name {newer}, found the older {name}");
            add(Promise::Lost, text);
        }
        let contradiction = self.sightings.iter().find(|(other, seen)| {
            let older = self.find(other).is_some_and(|older| older.precedes(span));
            let back = write.precedes(*seen) && seen.precedes(span);
            other != name && (back || older && span.precedes(*seen))
        });
        if let Some((other, _)) = contradiction {
            let text = format!("the names {name} and {other} were seen in both orders");
            add(Promise::TakenBack, text);
        }
        self.sightings.push((name.to_owned(), span));
    }

    fn find(&self, name: &str) -> Option<Span> {
        let write = self.writes.iter().find(|write| write.name == name);
        write.map(|write| write.span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A worker that was created as `a` and renamed to `b`, and then perhaps to `c`.
    fn names() -> NameRegister {
        let mut names = NameRegister::new("a".to_owned(), Span::between(0, 1));
        for (name, span, is_certain) in [
            ("b", Span::between(10, 20), true),
            ("c", Span::between(30, 40), false),
        ] {
            names.begin(name, span.begun);
            names.end(name, span.ended, is_certain);
        }
        names
    }

    fn found(sightings: &[(&str, u64, u64)]) -> Vec<Promise> {
        let (mut names, mut findings) = (names(), Findings::default());
        for (name, begun, ended) in sightings {
            names.see(name, Span::between(*begun, *ended), "w", &mut findings);
        }
        findings.promises()
    }

    #[test]
    fn names_in_the_order_in_which_they_were_given_are_consistent() {
        for sightings in [
            &[("a", 2, 3), ("a", 11, 12), ("b", 13, 14), ("b", 41, 42)][..],
            &[("b", 35, 36), ("c", 36, 37), ("c", 50, 51)],
            // A rename that is not answered yet may be seen, and one that overlaps it not yet.
            &[("b", 31, 39), ("c", 32, 38), ("b", 33, 37)],
        ] {
            assert_eq!(found(sightings), [], "{sightings:?}");
        }
    }

    #[test]
    fn a_name_that_is_lost_taken_back_or_made_up_is_found() {
        let (lost, back) = (Promise::Lost, Promise::TakenBack);
        assert_eq!(found(&[("a", 21, 22)]), [lost]);
        assert_eq!(found(&[("c", 32, 33), ("b", 50, 51)]), [back]);
        // Also when the later sighting is recorded first.
        assert_eq!(found(&[("b", 50, 51), ("c", 41, 42)]), [back]);
        assert_eq!(found(&[("d", 2, 3)]), [back]);
        assert_eq!(found(&[("b", 2, 3)]), [back]);
    }

    #[test]
    fn a_refused_name_is_seen_by_nobody() {
        let (mut names, mut findings) = (names(), Findings::default());
        names.refuse("c");
        names.see("c", Span::between(50, 51), "w", &mut findings);
        assert_eq!(findings.promises(), [Promise::TakenBack]);
    }
}
