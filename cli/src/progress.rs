//! That long work goes on, for people in front of a terminal.

use std::io::IsTerminal;
use std::time::Duration;

/// How often it is said.
const TICK: Duration = Duration::from_secs(1);

/// Does the work. On a terminal, says every second what is done and since when.
pub(crate) async fn shown<T>(what: &str, work: impl Future<Output = T>) -> T {
    if !std::io::stderr().is_terminal() {
        return work.await;
    }
    let mut work = std::pin::pin!(work);
    let mut ticks = tokio::time::interval(TICK);
    // The first tick comes at once, and short work says nothing.
    ticks.tick().await;
    let mut seconds = 0_u64;
    loop {
        tokio::select! {
            done = &mut work => {
                if seconds > 0 {
                    tell!("\r\x1b[K");
                }
                return done;
            }
            _ = ticks.tick() => {
                seconds += 1;
                tell!("\r{} ... {seconds} s", crate::output::clean(what));
            }
        }
    }
}
