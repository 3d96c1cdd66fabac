//! That long work goes on, for people in front of a terminal.

use std::io::IsTerminal;
use std::time::Duration;

use crate::output::clean;

/// How often it is said.
const TICK: Duration = Duration::from_secs(1);

/// Does the work. On a terminal, says every second what is done and since when.
pub(crate) async fn shown<T>(what: &str, work: impl Future<Output = T>) -> T {
    let mut seconds = 0_u64;
    let state = || {
        seconds += 1;
        format!("{seconds} s")
    };
    ticking(what, state, work).await
}

/// A line of a terminal, which is empty again in the end.
struct Line(bool);

impl Line {
    fn say(&mut self, text: &str) {
        self.0 = true;
        tell!("\r\x1b[K{}", clean(text));
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.0 {
            tell!("\r\x1b[K");
        }
    }
}

/// Does the work. On a terminal, says every second what is done and how it stands.
pub(crate) async fn ticking<T>(
    what: &str,
    mut state: impl FnMut() -> String,
    work: impl Future<Output = T>,
) -> T {
    if !std::io::stderr().is_terminal() {
        return work.await;
    }
    let mut work = std::pin::pin!(work);
    let mut ticks = tokio::time::interval(TICK);
    // The first tick comes at once, and short work says nothing.
    ticks.tick().await;
    let mut line = Line(false);
    loop {
        tokio::select! {
            done = &mut work => return done,
            _ = ticks.tick() => line.say(&format!("{what} ... {}", state())),
        }
    }
}
