//! Specs of the repository that were read a moment ago: a program that asks for an agent by its id
//! at each request pays for reading the spec once.

use std::collections::VecDeque;

use crate::io::Mutex;
use crate::spec::Spec;

/// Specs that are kept, and bytes of their texts together. The tree of a spec takes a few times its
/// text.
const KEPT: usize = 32;
const BYTES: usize = 1024 * 1024;

/// The specs that were asked for last, known by their whole text: nothing can be confused, and
/// nothing must be forgotten when a version changes.
#[derive(Debug, Default)]
pub(super) struct Parsed(Mutex<VecDeque<Spec>>);

impl Parsed {
    /// The spec of this text, if it was read a moment ago.
    pub(super) fn get(&self, text: &str) -> Option<Spec> {
        let mut specs = self.0.lock();
        let at = specs.iter().position(|spec| spec.text() == text)?;
        let spec = specs.remove(at)?;
        specs.push_back(spec.clone());
        Some(spec)
    }

    /// Keeps a spec, and lets go of those that were not asked for the longest.
    pub(super) fn put(&self, spec: &Spec) {
        let mut specs = self.0.lock();
        let known = specs.iter().any(|known| known.text() == spec.text());
        if known || spec.text().len() > BYTES {
            return;
        }
        specs.push_back(spec.clone());
        let mut bytes: usize = specs.iter().map(|spec| spec.text().len()).sum();
        while specs.len() > KEPT || bytes > BYTES {
            let Some(oldest) = specs.pop_front() else { return };
            bytes -= oldest.text().len();
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used, reason = "a test fails by panicking")]

    use super::{BYTES, KEPT, Parsed};
    use crate::spec::Spec;

    fn spec(prompt: &str) -> Spec {
        Spec::parse(&format!("agent: a\nmodel: o/x\nprompt: {prompt}\n")).expect("spec")
    }

    #[test]
    fn what_was_asked_for_last_is_kept_within_bounds() {
        let parsed = Parsed::default();
        let texts: Vec<Spec> = (0..=KEPT).map(|n| spec(&format!("p{n}"))).collect();
        for spec in &texts[..KEPT] {
            parsed.put(spec);
        }
        assert!(parsed.get(texts[0].text()).is_some(), "asked for: the youngest now");
        parsed.put(&texts[KEPT]);
        assert!(parsed.get(texts[0].text()).is_some());
        assert!(parsed.get(texts[1].text()).is_none(), "the oldest has gone");
        let large = spec(&"x".repeat(BYTES));
        parsed.put(&large);
        assert!(parsed.get(large.text()).is_none(), "larger than all that is kept");
        assert!(parsed.get(texts[0].text()).is_some(), "and nothing went for it");
    }
}
