//! How far work is that has a length, for people in front of a terminal.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::output::size;
use crate::progress::ticking;

/// How many bytes are there of those that are to come.
#[derive(Default)]
pub(crate) struct Meter {
    bytes: AtomicU64,
    /// 0 when nobody knows.
    total: AtomicU64,
}

impl Meter {
    pub(crate) fn set(&self, bytes: u64, total: Option<u64>) {
        self.bytes.store(bytes, Ordering::Relaxed);
        self.total.store(total.unwrap_or_default(), Ordering::Relaxed);
    }
}

/// Does the work. On a terminal, says every second how far it is and how fast it goes.
pub(crate) async fn measured<T>(what: &str, meter: &Meter, work: impl Future<Output = T>) -> T {
    let mut rate = Rate { since: Instant::now(), bytes: 0, speed: None };
    let state = || {
        let bytes = meter.bytes.load(Ordering::Relaxed);
        let total = meter.total.load(Ordering::Relaxed);
        let speed = rate.at(Instant::now(), bytes);
        match total {
            0 => format!("{}, {}/s", size(bytes), size(speed)),
            _ if bytes >= total => format!("{}, being checked", size(bytes)),
            _ => {
                let share = u128::from(bytes) * 100 / u128::from(total);
                format!("{} of {}, {share} %, {}/s", size(bytes), size(total), size(speed))
            }
        }
    };
    ticking(what, state, work).await
}

/// How fast bytes come: mostly of late, so that one sees when it slows down, but without leaps.
struct Rate {
    since: Instant,
    bytes: u64,
    speed: Option<f64>,
}

impl Rate {
    /// What of a new figure counts.
    const NEW: f64 = 0.3;

    fn at(&mut self, now: Instant, bytes: u64) -> u64 {
        let seconds = now.duration_since(self.since).as_secs_f64();
        if seconds > 0.0 {
            let new = bytes.saturating_sub(self.bytes) as f64 / seconds;
            let before = self.speed.unwrap_or(new);
            self.speed = Some(before + (new - before) * Self::NEW);
            (self.since, self.bytes) = (now, bytes);
        }
        self.speed.unwrap_or_default() as u64
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_rate_follows_without_leaps() {
        let start = Instant::now();
        let mut rate = Rate { since: start, bytes: 0, speed: None };
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(rate.at(start, 0), 0);
        assert_eq!(rate.at(at(1), 1000), 1000);
        assert_eq!(rate.at(at(2), 2000), 1000);
        // It stands still.
        let stalled: Vec<u64> = (3..30).map(|second| rate.at(at(second), 2000)).collect();
        assert!(stalled[0] < 1000 && stalled[0] > 500 && stalled.is_sorted_by(|a, b| a >= b));
        assert!(stalled[26] < 10, "{stalled:?}");
    }
}
