//! Which connection makes room.

use futures_util::FutureExt as _;

use super::*;

/// A table of this many slots, half of them for connections without credentials.
fn table(slots: usize) -> ConnectionTable {
    ConnectionTable::new(slots, slots / 2, Counter::default())
}

fn is_evicted(open: &mut OpenConnection) -> bool {
    (&mut open.evicted).now_or_never().is_some()
}

async fn authenticated(table: &ConnectionTable) -> OpenConnection {
    let open = table.open().await;
    open.connection.authenticate();
    open
}

#[tokio::test(start_paused = true)]
async fn those_without_credentials_push_out_their_own_oldest_alone() {
    let table = table(8);
    let mut member = authenticated(&table).await;
    let mut strangers = Vec::new();
    for _ in 0..4 {
        strangers.push(table.open().await);
    }
    assert!(!strangers.iter_mut().any(is_evicted));
    // A request under way does not keep one.
    let _request = strangers[0].connection.begin_request();
    let mut newcomer = table.open().await;
    assert!(is_evicted(&mut strangers[0]));
    assert!(!strangers[1..].iter_mut().any(is_evicted));
    // It was in time to show credentials, and counts with the strangers no more.
    newcomer.connection.authenticate();
    let _another = table.open().await;
    assert!(!strangers[1..].iter_mut().any(is_evicted));
    assert!(!is_evicted(&mut member) && !is_evicted(&mut newcomer));
    assert_eq!(table.0.evicted.get(), 1);
}

#[tokio::test(start_paused = true)]
async fn when_all_slots_are_in_use_the_longest_idle_makes_room() {
    let table = table(4);
    let mut members = Vec::new();
    for _ in 0..4 {
        members.push(authenticated(&table).await);
        tokio::time::advance(std::time::Duration::from_secs(1)).await;
    }
    // The first has a request under way, the second a response to take, the third had a request
    // since the fourth became idle.
    let _request = members[0].connection.begin_request();
    members[1].connection.set_writing(true);
    drop(members[2].connection.begin_request());
    let mut waiting = Box::pin(table.open());
    assert!((&mut waiting).now_or_never().is_none());
    assert!(is_evicted(&mut members[3]));
    assert!(!members[..3].iter_mut().any(is_evicted));
    // It has the slot as soon as that is free, and evicts nobody else for it.
    assert!((&mut waiting).now_or_never().is_none());
    members.pop();
    let _newcomer = waiting.await;
    assert!(!members.iter_mut().any(is_evicted));
}

#[tokio::test(start_paused = true)]
async fn when_nobody_is_idle_a_newcomer_waits_for_the_first_who_is() {
    let table = table(2);
    let mut members = [authenticated(&table).await, authenticated(&table).await];
    let requests = members
        .each_ref()
        .map(|open| open.connection.begin_request());
    let mut waiting = Box::pin(table.open());
    assert!((&mut waiting).now_or_never().is_none());
    assert!(!members.iter_mut().any(is_evicted));
    let [first, _second] = requests;
    drop(first);
    assert!((&mut waiting).now_or_never().is_none());
    assert!(is_evicted(&mut members[0]) && !is_evicted(&mut members[1]));
}

#[tokio::test(start_paused = true)]
async fn a_closed_connection_leaves_nothing_behind() {
    let table = table(2);
    for _ in 0..10 {
        drop(authenticated(&table).await);
        drop(table.open().await);
    }
    assert_eq!(table.0.slots.available_permits(), 2);
    assert!(
        table
            .0
            .open
            .with(|open| open.authenticated.is_empty() && open.unauthenticated.is_empty())
    );
    assert!(!table.evict());
}
