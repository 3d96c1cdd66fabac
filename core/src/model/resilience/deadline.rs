//! The time that all attempts of a call have together, known to all that is done within it: whoever waits
//! for something that is not needed stops in time, and who was cut off can tell why.

use std::time::Duration;

use tokio::time::Instant;

tokio::task_local! {
    static DEADLINE: Instant;
}

/// What `work` gives; `None` if it takes longer than `total`.
pub(super) async fn within<T>(total: Duration, work: impl Future<Output = T>) -> Option<T> {
    let timeout = tokio::time::timeout(total, work);
    match Instant::now().checked_add(total) {
        Some(deadline) => DEADLINE.scope(deadline, timeout).await.ok(),
        None => timeout.await.ok(),
    }
}

/// When the time of the call that is being made is over, if there is such a time.
pub(in crate::model) fn deadline() -> Option<Instant> {
    DEADLINE.try_with(|deadline| *deadline).ok()
}
