//! The caches of a model's conversations: those under way, and those that may go on.

use std::sync::Arc;

use super::cache::Cache;
use super::tokenizer::Token;
use super::weights::Sizes;

/// Fewer tokens than this are read again rather than copied.
const WORTH_COPYING: usize = 16;
/// Conversations that are kept beside those under way.
const KEPT: usize = 16;

/// All caches of a model, within a number of bytes.
pub(super) struct Caches {
    sizes: Sizes,
    most: usize,
    all: Vec<Cache>,
    uses: Vec<Use>,
    clock: u64,
    slots: usize,
}

#[derive(Clone)]
struct Use {
    /// Whose conversation it is.
    owner: Arc<str>,
    busy: bool,
    /// Tokens that were promised room, of a busy one.
    promised: usize,
    last: u64,
}

impl Caches {
    pub(super) fn new(sizes: Sizes, most: usize, parallel: usize) -> Self {
        let slots = parallel + KEPT;
        Self { sizes, most, all: Vec::new(), uses: Vec::new(), clock: 0, slots }
    }

    pub(super) fn all(&mut self) -> &mut [Cache] {
        &mut self.all
    }

    pub(super) fn clear(&mut self) {
        self.all.clear();
        self.uses.clear();
    }

    /// Tokens that a cache holds.
    pub(super) fn held(&self, index: usize) -> usize {
        self.all[index].tokens.len()
    }

    /// Makes room within what was promised. Caches grow as they are written.
    pub(super) fn reserve(&mut self, index: usize, tokens: usize) {
        self.all[index].reserve(tokens);
    }

    /// Of those under way, with what they were promised.
    fn busy_bytes(&self) -> usize {
        let tokens = |(cache, of): (&Cache, &Use)| match of.busy {
            true => cache.room().max(Cache::rounded(of.promised)),
            false => 0,
        };
        self.all.iter().zip(&self.uses).map(tokens).sum::<usize>() * self.sizes.token_bytes()
    }

    fn bytes(&self) -> usize {
        let tokens = |(cache, of): (&Cache, &Use)| {
            if of.busy { cache.room().max(Cache::rounded(of.promised)) } else { cache.room() }
        };
        self.all.iter().zip(&self.uses).map(tokens).sum::<usize>() * self.sizes.token_bytes()
    }

    /// A cache for a conversation of `owner` that begins with `prompt` and may become `needed`
    /// tokens long, and how many of the tokens it holds. At least the last token is left to be
    /// read. `None` when there is no room.
    ///
    /// What one owner said is never gone on with for another: who sees how much of a prompt was
    /// read before would learn what others ask.
    pub(super) fn take(
        &mut self,
        owner: &Arc<str>,
        prompt: &[Token],
        needed: usize,
    ) -> Option<(usize, usize)> {
        // Nothing is copied and nobody's conversation forgotten for one that has to wait.
        let wanted = Cache::rounded(needed) * self.sizes.token_bytes();
        if self.busy_bytes().saturating_add(wanted) > self.most {
            return None;
        }
        let usable = prompt.len().saturating_sub(1);
        let best = (0..self.all.len())
            .filter(|index| self.uses[*index].owner == *owner)
            .map(|index| (self.all[index].shared(prompt).min(usable), index))
            .max_by_key(|(shared, index)| (*shared, !self.uses[*index].busy));
        self.clock += 1;
        let mark = Use { owner: Arc::clone(owner), busy: true, promised: needed, last: self.clock };
        if let Some((shared, index)) = best
            && !self.uses[index].busy
            && shared * 2 >= self.all[index].tokens.len().max(1)
        {
            // Most of it is wanted: it goes on here.
            let before = std::mem::replace(&mut self.uses[index], mark);
            if self.make_room(0) {
                self.all[index].tokens.truncate(shared);
                return Some((index, shared));
            }
            self.uses[index] = before;
            return None;
        }
        // A copy of the beginning leaves the other conversation as it is. Its own room is counted
        // before that of the one it is copied from may be given up.
        let copied = best.filter(|(shared, _)| *shared >= WORTH_COPYING);
        let cache = copied.map(|(shared, index)| self.all[index].beginning(shared));
        if !self.make_room(wanted) {
            return None;
        }
        let cache = cache.unwrap_or_else(|| Cache::new(&self.sizes));
        let shared = cache.tokens.len();
        let free = (0..self.all.len())
            .find(|index| !self.uses[*index].busy && self.all[*index].room() == 0);
        let index = match free {
            Some(index) => {
                self.all[index] = cache;
                self.uses[index] = mark;
                index
            }
            None => {
                self.all.push(cache);
                self.uses.push(mark);
                self.all.len() - 1
            }
        };
        Some((index, shared))
    }

    /// Forgets the conversations that were not used for longest until so many bytes are free.
    fn make_room(&mut self, bytes: usize) -> bool {
        loop {
            let kept = self.all.iter().filter(|cache| cache.room() > 0).count();
            if self.bytes().saturating_add(bytes) <= self.most && (bytes == 0 || kept < self.slots)
            {
                return true;
            }
            let oldest = (0..self.all.len())
                .filter(|index| !self.uses[*index].busy && self.all[*index].room() > 0)
                .min_by_key(|index| self.uses[*index].last);
            let Some(index) = oldest else {
                return false;
            };
            self.all[index] = Cache::new(&self.sizes);
        }
    }

    /// A conversation's turn is over; what it holds may be gone on with.
    pub(super) fn give_back(&mut self, index: usize) {
        self.clock += 1;
        let of = &mut self.uses[index];
        (of.busy, of.promised, of.last) = (false, 0, self.clock);
        self.all[index].shrink();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes() -> Sizes {
        Sizes {
            layers: 2,
            width: 8,
            inner: 8,
            heads: 1,
            kv_heads: 1,
            head: 8,
            vocabulary: 100,
            context: 10_000,
            epsilon: 1e-5,
        }
    }

    /// What a pass does.
    fn write(caches: &mut Caches, index: usize, tokens: &[Token]) {
        let held = caches.held(index);
        caches.reserve(index, held + tokens.len());
        for (i, token) in tokens.iter().enumerate() {
            for layer in 0..2 {
                let (keys, _) = caches.all[index].place(layer, held + i);
                keys.fill(*token as u16);
            }
            caches.all[index].tokens.push(*token);
        }
    }

    fn tokens(range: std::ops::Range<u32>) -> Vec<Token> {
        range.collect()
    }

    fn me() -> Arc<str> {
        "me".into()
    }

    #[test]
    fn what_one_owner_said_is_not_gone_on_with_for_another() {
        let mut caches = Caches::new(sizes(), 1 << 20, 2);
        let (first, _) = caches.take(&me(), &tokens(0..40), 60).unwrap();
        write(&mut caches, first, &tokens(0..40));
        caches.give_back(first);
        let (other, shared) = caches.take(&"other".into(), &tokens(0..40), 60).unwrap();
        assert!(other != first && shared == 0);
        caches.give_back(other);
        assert_eq!(caches.take(&me(), &tokens(0..40), 60), Some((first, 39)));
    }

    #[test]
    fn nobody_is_forgotten_for_one_that_has_to_wait() {
        let mut caches = Caches::new(sizes(), 1024 * sizes().token_bytes(), 4);
        let (idle, _) = caches.take(&me(), &tokens(0..100), 200).unwrap();
        write(&mut caches, idle, &tokens(0..100));
        caches.give_back(idle);
        let (busy, _) = caches.take(&me(), &tokens(500..600), 600).unwrap();
        assert_eq!(
            caches.take(&me(), &tokens(0..300), 700),
            None,
            "the other was promised too much"
        );
        assert_eq!(caches.held(idle), 100);
        caches.give_back(busy);
        assert_eq!(caches.take(&me(), &tokens(0..300), 700), Some((idle, 100)));
    }

    #[test]
    fn a_conversation_goes_on_where_it_was() {
        let mut caches = Caches::new(sizes(), 1 << 20, 4);
        let (index, shared) = caches.take(&me(), &tokens(0..50), 100).unwrap();
        assert_eq!(shared, 0);
        write(&mut caches, index, &tokens(0..60));
        caches.give_back(index);
        assert_eq!(caches.take(&me(), &tokens(0..80), 100), Some((index, 60)));
        caches.give_back(index);
        // The same again: the last token is read, as somebody wants to know what follows it.
        assert_eq!(caches.take(&me(), &tokens(0..60), 100), Some((index, 59)));
    }

    #[test]
    fn a_beginning_is_shared_and_the_other_conversation_stays() {
        let mut caches = Caches::new(sizes(), 1 << 20, 4);
        let (first, _) = caches.take(&me(), &tokens(0..50), 1000).unwrap();
        write(&mut caches, first, &tokens(0..500));
        let branch = [tokens(0..30), tokens(700..720)].concat();
        // While it is under way, and after.
        let (second, shared) = caches.take(&me(), &branch, 100).unwrap();
        assert!(second != first && shared == 30);
        assert!(caches.all[second].layer(1).0[29 * 8..].iter().all(|key| *key == 29));
        caches.give_back(first);
        let third = caches.take(&me(), &[tokens(0..40), tokens(800..810)].concat(), 100).unwrap();
        assert!(third.0 != first && third.1 == 40);
        assert_eq!(caches.take(&me(), &tokens(0..510), 600), Some((first, 500)));
    }

    #[test]
    fn bytes_are_bounded_and_the_oldest_goes_first() {
        // Room for 1,024 tokens.
        let mut caches = Caches::new(sizes(), 1024 * sizes().token_bytes(), 4);
        let mut indices = Vec::new();
        for i in 0..4 {
            let prompt = tokens(i * 1000..i * 1000 + 100);
            let (index, shared) = caches.take(&me(), &prompt, 200).unwrap();
            assert_eq!(shared, 0);
            write(&mut caches, index, &prompt);
            indices.push(index);
        }
        let fifth = tokens(9000..9100);
        assert_eq!(caches.take(&me(), &fifth, 200), None, "all are busy");
        caches.give_back(indices[1]);
        caches.give_back(indices[0]);
        assert!(caches.take(&me(), &fifth, 200).is_some());
        assert!(caches.bytes() <= 1024 * sizes().token_bytes());
        assert_eq!(caches.held(indices[0]), 100, "it was used later than the other");
        assert_eq!(caches.take(&me(), &fifth, 5000), None);
    }
}
