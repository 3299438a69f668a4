//! What renaming must do.

use super::{Fixture, Subject, assert_unsupported};
use crate::capability::Capability;
use crate::projection::WorkerState;
use crate::text::DisplayName;

/// A new name is in the answer, the detail and the list, also of a stopped worker, and nothing
/// else of the worker changes.
pub async fn a_new_name_shows_everywhere_whatever_the_state(subject: &dyn Subject) {
    let fixture = Fixture::with_workers(subject, 2).await;
    let worker = fixture.any_worker().await;
    let name = |text: &str| -> DisplayName { text.parse().expect("a display name") };
    let registry = &fixture.registry;
    let before = registry.worker(&worker).await.expect("the worker");
    let result = registry.rename(&worker, name("Another name")).await;
    if !fixture.can(Capability::RenameWorker).await {
        assert_unsupported(result, Capability::RenameWorker);
        let after = registry.worker(&worker).await.expect("the worker");
        assert_eq!(after.summary.display_name, before.summary.display_name);
        assert!(
            !after
                .summary
                .capabilities
                .contains(Capability::RenameWorker)
        );
        return;
    }
    let mut expected = before;
    expected.summary.display_name = name("Another name");
    assert_eq!(result.expect("renamed"), expected);
    assert_eq!(registry.worker(&worker).await.expect("renamed"), expected);
    let named: Vec<_> = fixture.all_workers(50).await;
    let named = named
        .iter()
        .filter(|w| w.display_name == name("Another name"));
    assert_eq!(named.count(), 1, "no other worker is renamed");

    let again = registry.rename(&worker, name("Another name")).await;
    assert_eq!(again.expect("the same name is no error"), expected);

    let stopped = registry.stop(&worker).await.expect("stopped");
    assert!(
        stopped
            .summary
            .capabilities
            .contains(Capability::RenameWorker)
    );
    let renamed = registry.rename(&worker, name("Third")).await;
    let renamed = renamed.expect("a stopped worker is renamed").summary;
    assert_eq!(renamed.display_name, name("Third"));
    assert_eq!(renamed.state, WorkerState::Stopped);
}
