//! How figures are taken and written.

use std::time::Duration;

use serde_json::json;

/// Where figures are written.
pub(crate) struct Output {
    pub(crate) json: bool,
}

impl Output {
    pub(crate) fn percentiles(&self, figure: &str, mut samples: Vec<Duration>) {
        samples.sort_unstable();
        let at = |share: f64| {
            let index = (samples.len() as f64 * share) as usize;
            samples[index.min(samples.len() - 1)].as_secs_f64() * 1e6
        };
        let (p50, p95) = (at(0.50), at(0.95));
        if self.json {
            println!("{}", json!({"figure": figure, "unit": "us", "p50": p50, "p95": p95}));
        } else {
            println!("{figure:<52}{p50:>10.1} us p50{p95:>10.1} us p95");
        }
    }

    pub(crate) fn value(&self, figure: &str, value: f64, unit: &str) {
        if self.json {
            println!("{}", json!({"figure": figure, "unit": unit, "value": value}));
        } else {
            println!("{figure:<52}{value:>10.2} {unit}");
        }
    }
}

/// Single calls, after a tenth as many that warm up.
macro_rules! sample {
    ($times:expr, $call:expr) => {{
        for _ in 0..$times / 10 {
            std::hint::black_box($call);
        }
        let mut samples = Vec::with_capacity($times);
        for _ in 0..$times {
            let started = std::time::Instant::now();
            std::hint::black_box($call);
            samples.push(started.elapsed());
        }
        samples
    }};
}
