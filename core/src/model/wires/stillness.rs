//! How long a stream may stand still.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

/// As good as for ever, and short enough to be added to any time.
const LONGEST: Duration = Duration::from_secs(1 << 32);

/// Bounds each of many waits with one timer: one for each wait is registered with the reactor, and
/// may wake it, for each small piece of a stream.
#[derive(Debug)]
pub(super) struct Stillness {
    patience: Duration,
    /// Made when something is waited for: it needs a runtime.
    timer: Option<Pin<Box<Sleep>>>,
}

impl Stillness {
    /// Waits of at most so long.
    pub(super) fn new(patience: Duration) -> Self {
        Self { patience: patience.min(LONGEST), timer: None }
    }

    /// What `work` gives, or `None` if it takes longer.
    pub(super) async fn bounds<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        let mut since = None;
        poll_fn(|context| {
            if let Poll::Ready(done) = work.as_mut().poll(context) {
                return Poll::Ready(Some(done));
            }
            let since = *since.get_or_insert_with(Instant::now);
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(self.patience)));
            loop {
                ready!(timer.as_mut().poll(context));
                // It may have been set by an earlier wait.
                if since.elapsed() >= self.patience {
                    return Poll::Ready(None);
                }
                timer.as_mut().reset(since + self.patience);
            }
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    async fn waits(stillness: &mut Stillness, seconds: u64) -> (bool, u64) {
        let start = Instant::now();
        let came = stillness.bounds(sleep(Duration::from_secs(seconds))).await.is_some();
        (came, start.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn each_wait_is_bounded_by_itself() {
        let mut stillness = Stillness::new(PATIENCE);
        for seconds in [0, 9, 9, 1, 6, 9, 3] {
            assert_eq!(waits(&mut stillness, seconds).await, (true, seconds));
        }
        for _ in 0..2 {
            assert_eq!(waits(&mut stillness, 11).await, (false, 10));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn time_between_waits_does_not_count() {
        let mut stillness = Stillness::new(PATIENCE);
        assert_eq!(waits(&mut stillness, 1).await, (true, 1));
        sleep(Duration::from_secs(60)).await;
        assert_eq!(waits(&mut stillness, 9).await, (true, 9));
        sleep(Duration::from_secs(60)).await;
        assert_eq!(waits(&mut stillness, 11).await, (false, 10));
    }

    #[tokio::test(start_paused = true)]
    async fn patience_without_end_ends_nothing() {
        let mut stillness = Stillness::new(Duration::MAX);
        assert_eq!(waits(&mut stillness, 1_000_000).await, (true, 1_000_000));
        assert_eq!(waits(&mut stillness, 1_000_000).await, (true, 1_000_000));
    }
}
