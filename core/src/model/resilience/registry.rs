//! What is shared by all kernels of the process, by a hash.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::io::{self, Generation, Mutex};

/// How long the lock is waited for.
const PATIENCE: Duration = Duration::from_millis(100);
/// Entries of one registry.
const LIMIT: usize = 4096;

/// Entries, and the process that they belong to.
type Entries<T> = (Generation, HashMap<[u8; 32], Arc<T>>);

/// A map with a bounded number of entries, started anew in the child of a fork: what waited or was
/// counted there belongs to the parent.
pub(super) struct Registry<T> {
    entries: Mutex<Option<Entries<T>>>,
    limit: usize,
}

/// Something that can be forgotten.
pub(super) trait Forgettable {
    /// Whether one that is made anew would behave as this one does.
    fn is_idle(&self) -> bool;
}

impl<T: Forgettable> Registry<T> {
    pub(super) const fn new() -> Self {
        Self { entries: Mutex::new(None), limit: LIMIT }
    }

    /// The entry of this key, made if need be. When the registry is full of what is in use, the new
    /// one is shared with nobody.
    pub(super) fn get(&self, key: [u8; 32], make: impl FnOnce() -> T) -> Arc<T> {
        let now = io::generation();
        // Held for microseconds. A fork in just that time leaves it locked in the child for ever.
        let Some(mut slot) = self.entries.try_lock_for(PATIENCE) else { return Arc::new(make()) };
        if slot.as_ref().is_some_and(|(made, _)| *made != now) {
            // Its locks may have been held when the process was forked.
            std::mem::forget(slot.take());
        }
        let (_, entries) = slot.get_or_insert_with(|| (now, HashMap::new()));
        if let Some(entry) = entries.get(&key) {
            return entry.clone();
        }
        if entries.len() >= self.limit {
            entries.retain(|_, entry| Arc::strong_count(entry) > 1 || !entry.is_idle());
        }
        if entries.len() >= self.limit {
            entries.retain(|_, entry| Arc::strong_count(entry) > 1);
        }
        let entry = Arc::new(make());
        if entries.len() < self.limit {
            entries.insert(key, entry.clone());
        }
        entry
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Thing(bool);

    impl Forgettable for Thing {
        fn is_idle(&self) -> bool {
            self.0
        }
    }

    #[test]
    fn a_registry_is_bounded_and_forgets_first_what_says_nothing() {
        let registry = Registry { entries: Mutex::new(None), limit: 3 };
        let held = registry.get([1; 32], || Thing(true));
        assert!(Arc::ptr_eq(&held, &registry.get([1; 32], || Thing(true))));
        drop(registry.get([2; 32], || Thing(true)));
        let telling = Arc::downgrade(&registry.get([3; 32], || Thing(false)));
        let held_too = registry.get([4; 32], || Thing(true));
        assert!(telling.upgrade().is_some(), "the idle one went first");
        let _five = registry.get([5; 32], || Thing(true));
        assert!(telling.upgrade().is_none());
        let six = Arc::downgrade(&registry.get([6; 32], || Thing(false)));
        assert!(six.upgrade().is_none(), "there was no place for it");
        assert!(Arc::ptr_eq(&held, &registry.get([1; 32], || Thing(true))));
        assert!(Arc::ptr_eq(&held_too, &registry.get([4; 32], || Thing(true))));
    }
}
