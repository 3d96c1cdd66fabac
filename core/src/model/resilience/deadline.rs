//! The time that all attempts of a call have together, known to all that is done within it: whoever waits
//! for something that is not needed stops in time, and who was cut off can tell why.

use std::time::Duration;

use tokio::time::Instant;

tokio::task_local! {
    /// When it is over, and how much it was.
    static DEADLINE: (Instant, Duration);
}

/// What `work` gives; `None` if it takes longer than `total`.
pub(super) async fn within<T>(total: Duration, work: impl Future<Output = T>) -> Option<T> {
    let timeout = tokio::time::timeout(total, work);
    match Instant::now().checked_add(total) {
        Some(deadline) => DEADLINE.scope((deadline, total), timeout).await.ok(),
        None => timeout.await.ok(),
    }
}

/// When the time of the call that is being made is over, if there is such a time.
pub(in crate::model) fn deadline() -> Option<Instant> {
    DEADLINE.try_with(|(deadline, _)| *deadline).ok()
}

/// The same for what begins now, if it has half of the time or more: silence for what was left by
/// waiting and by other attempts says nothing of a provider.
pub(super) fn telling_deadline() -> Option<Instant> {
    let (deadline, total) = DEADLINE.try_with(|given| *given).ok()?;
    (deadline.saturating_duration_since(Instant::now()) >= total / 2).then_some(deadline)
}
