//! One pass of tokens through the model: of several conversations at once, if there are.

use std::cell::RefCell;

use super::cache::Cache;
use super::weights::{Layer, Linear, Weights};
use aikit_kernels::pool::Pool;
use aikit_kernels::quantised::{
    Acts, Head, Level, Matrix, add, attend, halve, matmul, rms_norm, silu_mul,
};

/// A token of a pass.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) token: u32,
    /// Which of the caches is its conversation's.
    pub(super) cache: usize,
    pub(super) position: usize,
    /// Whether the token after it is asked for.
    pub(super) wanted: bool,
}

thread_local! {
    /// Room for the weights of a head's attention, one number per position.
    static WEIGHTS: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// What a pass works in, kept from one to the next.
#[derive(Default)]
pub(super) struct Pass {
    x: Vec<f32>,
    acts: Acts,
    q: Vec<f32>,
    k: Vec<f32>,
    v: Vec<f32>,
    y: Vec<f32>,
    gate: Vec<f32>,
    up: Vec<f32>,
    angles: Vec<(f32, f32)>,
    logits: Vec<f32>,
}

fn room(buffer: &mut Vec<f32>, size: usize) -> &mut [f32] {
    if buffer.len() < size {
        buffer.resize(size, 0.0);
    }
    &mut buffer[..size]
}

fn with_bias(out: &mut [f32], linear: &Linear) {
    if let Some(bias) = &linear.bias {
        for row in out.chunks_exact_mut(bias.len()) {
            add(Level::Plain, row, bias);
        }
    }
}

impl Pass {
    /// Runs the rows through the model, and writes their keys and values to their caches, which
    /// have room for them. Rows of one cache stand in the order of their positions, with none left
    /// out since what the cache holds.
    ///
    /// Gives the numbers of the vocabulary for each wanted row in turn; `None` when `stop` said so
    /// between two layers.
    pub(super) fn run(
        &mut self,
        weights: &Weights,
        level: Level,
        pool: &mut Pool,
        rows: &[Row],
        caches: &mut [Cache],
        stop: &dyn Fn() -> bool,
    ) -> Option<&[f32]> {
        let (sizes, count) = (&weights.sizes, rows.len());
        let width = sizes.width;
        let embedding = weights.matrix(&weights.embedding);
        let x = room(&mut self.x, count * width);
        for (row, x) in rows.iter().zip(x.chunks_exact_mut(width)) {
            embedding.unpack(row.token as usize, x);
        }
        let pairs = weights.rope.pairs();
        self.angles.resize(count * pairs, (0.0, 0.0));
        for (row, angles) in rows.iter().zip(self.angles.chunks_exact_mut(pairs)) {
            weights.rope.angles(row.position, angles);
        }
        let epsilon = sizes.epsilon;
        for (index, layer) in weights.layers.iter().enumerate() {
            if stop() {
                return None;
            }
            self.attention(weights, level, pool, rows, caches, index);
            self.normed(level, count, &layer.inner_norm, epsilon);
            let inner = count * sizes.inner;
            let (gate, up) = (room(&mut self.gate, inner), room(&mut self.up, inner));
            let of = |linear: &Linear| weights.matrix(&linear.tensor);
            let mut products = [(of(&layer.gate), &mut *gate), (of(&layer.up), &mut *up)];
            matmul(level, pool, &self.acts, &mut products);
            with_bias(gate, &layer.gate);
            with_bias(up, &layer.up);
            self.acts.resize(count, sizes.inner);
            let (gate, up) = (&*gate, &*up);
            pool.pieces(self.acts.numbers(), 2048, &|piece, out| {
                let range = piece * 2048..piece * 2048 + out.len();
                silu_mul(level, &gate[range.clone()], &up[range], out);
            });
            self.residual(level, pool, of(&layer.down), &layer.down, count);
        }
        self.wanted(weights, level, pool, rows)
    }

    fn attention(
        &mut self,
        weights: &Weights,
        level: Level,
        pool: &mut Pool,
        rows: &[Row],
        caches: &mut [Cache],
        index: usize,
    ) {
        let (sizes, count, layer) = (&weights.sizes, rows.len(), &weights.layers[index]);
        self.normed(level, count, &layer.attention_norm, sizes.epsilon);
        let q = room(&mut self.q, count * sizes.q_width());
        let k = room(&mut self.k, count * sizes.kv_width());
        let v = room(&mut self.v, count * sizes.kv_width());
        let of = |linear: &Linear| weights.matrix(&linear.tensor);
        let mut products =
            [(of(&layer.q), &mut *q), (of(&layer.k), &mut *k), (of(&layer.v), &mut *v)];
        matmul(level, pool, &self.acts, &mut products);
        with_bias(q, &layer.q);
        with_bias(k, &layer.k);
        with_bias(v, &layer.v);
        self.place(weights, level, rows, caches, index);
        let (head, heads, group) = (sizes.head, sizes.heads, sizes.heads / sizes.kv_heads);
        self.acts.resize(count, sizes.q_width());
        let (q, caches) = (&self.q, &*caches);
        pool.pieces(self.acts.numbers(), head, &|piece, out| {
            let row = &rows[piece / heads];
            let (keys, values) = caches[row.cache].layer(index);
            let start = piece % heads / group * head;
            let head = Head {
                query: &q[piece * head..][..head],
                keys: &keys[start..],
                values: &values[start..],
                stride: sizes.kv_width(),
            };
            WEIGHTS.with_borrow_mut(|scores| {
                attend(level, &head, room(scores, row.position + 1), out);
            });
        });
        self.residual(level, pool, of(&layer.o), &layer.o, count);
    }

    /// Turns queries and keys to their positions and writes keys and values to the caches.
    fn place(
        &mut self,
        weights: &Weights,
        level: Level,
        rows: &[Row],
        caches: &mut [Cache],
        index: usize,
    ) {
        let (sizes, rope, layer) = (&weights.sizes, &weights.rope, &weights.layers[index]);
        let Layer { q_norm, k_norm, .. } = layer;
        let scale = 1.0 / (sizes.head as f32).sqrt();
        let mut normed =
            vec![0.0; if q_norm.is_some() || k_norm.is_some() { sizes.head } else { 0 }];
        let mut turn = |head: &mut [f32], norm: &Option<Vec<f32>>, angles: &[(f32, f32)]| {
            if let Some(norm) = norm {
                rms_norm(level, head, norm, sizes.epsilon, &mut normed);
                head.copy_from_slice(&normed);
            }
            rope.turn(angles, head);
        };
        for (number, row) in rows.iter().enumerate() {
            let angles = &self.angles[number * rope.pairs()..][..rope.pairs()];
            let q = &mut self.q[number * sizes.q_width()..][..sizes.q_width()];
            for head in q.chunks_exact_mut(sizes.head) {
                turn(head, q_norm, angles);
                head.iter_mut().for_each(|x| *x *= scale);
            }
            let k = &mut self.k[number * sizes.kv_width()..][..sizes.kv_width()];
            for head in k.chunks_exact_mut(sizes.head) {
                turn(head, k_norm, angles);
            }
            let v = &self.v[number * sizes.kv_width()..][..sizes.kv_width()];
            let (keys, values) = caches[row.cache].place(index, row.position);
            halve(level, k, keys);
            halve(level, v, values);
        }
    }

    /// Puts the normed rows into `acts`.
    fn normed(&mut self, level: Level, count: usize, norm: &[f32], epsilon: f32) {
        self.acts.resize(count, norm.len());
        let outs = self.acts.numbers().chunks_exact_mut(norm.len());
        for (x, out) in self.x.chunks_exact(norm.len()).zip(outs) {
            rms_norm(level, x, norm, epsilon, out);
        }
        self.acts.quantise(level);
    }

    /// Adds the product of `acts` to the rows.
    fn residual(
        &mut self,
        level: Level,
        pool: &mut Pool,
        matrix: Matrix<'_>,
        linear: &Linear,
        count: usize,
    ) {
        self.acts.quantise(level);
        let size = count * matrix.rows;
        let y = room(&mut self.y, size);
        matmul(level, pool, &self.acts, &mut [(matrix, &mut *y)]);
        with_bias(y, linear);
        add(level, &mut self.x[..size], y);
    }

    fn wanted(
        &mut self,
        weights: &Weights,
        level: Level,
        pool: &mut Pool,
        rows: &[Row],
    ) -> Option<&[f32]> {
        let sizes = &weights.sizes;
        let count = rows.iter().filter(|row| row.wanted).count();
        self.acts.resize(count, sizes.width);
        let wanted =
            rows.iter().zip(self.x.chunks_exact(sizes.width)).filter(|(row, _)| row.wanted);
        let outs = self.acts.numbers().chunks_exact_mut(sizes.width);
        for ((_, x), out) in wanted.zip(outs) {
            rms_norm(level, x, &weights.output_norm, sizes.epsilon, out);
        }
        self.acts.quantise(level);
        let logits = room(&mut self.logits, count * sizes.vocabulary);
        if count > 0 {
            let matrix = weights.matrix(&weights.output.tensor);
            matmul(level, pool, &self.acts, &mut [(matrix, &mut *logits)]);
            with_bias(logits, &weights.output);
        }
        Some(logits)
    }
}
