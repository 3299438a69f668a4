//! Finds an order in which recorded actions could have happened one after the other.
//!
//! The search of J. M. Wing and C. Gong, "Testing and verifying concurrent objects" (1993),
//! with the memory of G. Lowe, "Testing for linearizability" (2017): take an action that no
//! other one precedes, see whether the specification agrees, go on with the rest; and never
//! search the same rest from the same state twice. Beside the actions, the state may take
//! steps of its own at any time.

use std::collections::HashSet;
use std::fmt::Debug;
use std::hash::Hash;

/// Actions that one search can tell apart.
const ACTIONS_MAX: usize = 128;

/// Something seen by a client: it took effect at one moment between `invoked` and `returned`.
#[derive(Debug, Clone)]
pub(crate) struct Action<O> {
    pub(crate) client: usize,
    pub(crate) invoked: u64,
    pub(crate) returned: u64,
    /// The action, by its place in the history, that takes effect before this one: for a call
    /// that takes effect in several steps.
    pub(crate) follows: Option<usize>,
    /// What was asked and what was answered.
    pub(crate) observed: O,
}

/// What may happen, one after the other.
pub(crate) trait Specification: Clone + Eq + Hash {
    /// What a client asked and was answered.
    type Observed: Debug;

    /// The state after this, if it can be answered so in this state.
    fn after(&self, observed: &Self::Observed) -> Option<Self>;

    /// The states that this one can go over to on its own.
    fn drifts(&self) -> Vec<Self>;
}

/// What the search found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// There is such an order.
    Linearizable,
    /// There is none.
    Anomaly,
}

/// Searches for an order of the actions that begins in this state.
pub(crate) fn check<S: Specification>(start: S, history: &[Action<S::Observed>]) -> Verdict {
    assert!(
        history.len() <= ACTIONS_MAX,
        "a history of {}",
        history.len()
    );
    let everything = (0..history.len()).fold(0, |done, at| done | bit(at));
    let mut seen = HashSet::new();
    let mut open = vec![(0, start)];
    while let Some((done, state)) = open.pop() {
        if done == everything {
            return Verdict::Linearizable;
        }
        for at in candidates(history, done) {
            if let Some(next) = state.after(&history[at].observed) {
                remember(&mut open, &mut seen, (done | bit(at), next));
            }
        }
        for next in state.drifts() {
            remember(&mut open, &mut seen, (done, next));
        }
    }
    Verdict::Anomaly
}

/// The actions that may be next: not done, and begun before any other that isn't done had
/// returned.
fn candidates<O>(history: &[Action<O>], done: u128) -> impl Iterator<Item = usize> {
    let is_open = move |at: &usize| done & bit(*at) == 0;
    let returns = (0..history.len())
        .filter(is_open)
        .map(|at| history[at].returned);
    let first_return = returns.min().unwrap_or(u64::MAX);
    (0..history.len()).filter(is_open).filter(move |at| {
        let action = &history[*at];
        let in_turn = action
            .follows
            .is_none_or(|earlier| done & bit(earlier) != 0);
        in_turn && action.invoked < first_return
    })
}

fn remember<K: Clone + Eq + Hash>(open: &mut Vec<K>, seen: &mut HashSet<K>, node: K) {
    if seen.insert(node.clone()) {
        open.push(node);
    }
}

fn bit(at: usize) -> u128 {
    1 << at
}
