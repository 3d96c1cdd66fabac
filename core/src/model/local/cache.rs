//! Keys and values of the tokens of one conversation.

use super::weights::Sizes;

/// Tokens by which a cache grows.
const STEP: usize = 256;

/// Tokens that there is room for in so many bytes.
pub(super) fn tokens_in(bytes: usize, sizes: &Sizes) -> usize {
    bytes / sizes.token_bytes() / STEP * STEP
}

/// Keys and values of a conversation's tokens, in half precision as llama.cpp keeps them.
#[derive(Debug, Default)]
pub(super) struct Cache {
    /// The tokens whose keys and values are here.
    pub(super) tokens: Vec<u32>,
    layers: Vec<(Vec<u16>, Vec<u16>)>,
    width: usize,
    room: usize,
}

impl Cache {
    pub(super) fn new(sizes: &Sizes) -> Self {
        let layers = (0..sizes.layers).map(|_| (Vec::new(), Vec::new())).collect();
        Self { tokens: Vec::new(), layers, width: sizes.kv_width(), room: 0 }
    }

    /// Tokens that there is room for.
    pub(super) fn room(&self) -> usize {
        self.room
    }

    /// The room that a cache of so many tokens takes.
    pub(super) fn rounded(tokens: usize) -> usize {
        tokens.next_multiple_of(STEP)
    }

    /// Makes room for so many tokens in all.
    pub(super) fn reserve(&mut self, tokens: usize) {
        if tokens <= self.room {
            return;
        }
        self.room = Self::rounded(tokens);
        let size = self.room * self.width;
        for (keys, values) in &mut self.layers {
            for part in [keys, values] {
                part.reserve_exact(size - part.len());
                part.resize(size, 0);
            }
        }
        self.tokens.reserve(self.room - self.tokens.len());
    }

    /// Gives back room that is not used.
    pub(super) fn shrink(&mut self) {
        let room = Self::rounded(self.tokens.len());
        if room >= self.room {
            return;
        }
        self.room = room;
        let size = room * self.width;
        for (keys, values) in &mut self.layers {
            for part in [keys, values] {
                part.truncate(size);
                part.shrink_to_fit();
            }
        }
    }

    /// A copy of the first tokens.
    pub(super) fn beginning(&self, tokens: usize) -> Self {
        let size = tokens * self.width;
        let part = |part: &Vec<u16>| part[..size].to_vec();
        let layers = self.layers.iter().map(|(k, v)| (part(k), part(v))).collect();
        Self { tokens: self.tokens[..tokens].to_vec(), layers, width: self.width, room: tokens }
    }

    /// How many tokens it begins with that `tokens` begins with, too.
    pub(super) fn shared(&self, tokens: &[u32]) -> usize {
        self.tokens.iter().zip(tokens).take_while(|(a, b)| a == b).count()
    }

    pub(super) fn layer(&self, index: usize) -> (&[u16], &[u16]) {
        let (keys, values) = &self.layers[index];
        (keys, values)
    }

    /// Where the key and the value of a position go.
    pub(super) fn place(&mut self, layer: usize, position: usize) -> (&mut [u16], &mut [u16]) {
        let (keys, values) = &mut self.layers[layer];
        let range = position * self.width..(position + 1) * self.width;
        (&mut keys[range.clone()], &mut values[range])
    }
}
