//! The forward pass of BERT over several texts at once, without padding: what is done to tokens
//! takes all texts as one long row of them, and attention takes one text after the other.

use aikit_kernels::dense::{Level, Panels, Rows, add_product, gelu, normalize, softmax};

use super::settings::Sizes;
use super::weights::{Place, Tensors, Weights};
use crate::error::Result;

/// A layer of weights with its bias.
struct Dense {
    panels: Panels,
    bias: Vec<f32>,
}

struct Norm {
    weight: Vec<f32>,
    bias: Vec<f32>,
}

struct Layer {
    /// Queries, keys and values side by side.
    attention: Dense,
    attention_out: Dense,
    attention_norm: Norm,
    wide: Dense,
    narrow: Dense,
    out_norm: Norm,
}

/// What all texts share.
pub(super) struct Encoder {
    sizes: Sizes,
    level: Level,
    weights: Weights,
    words: Place,
    /// Of each position, with the type of a first sentence added.
    places: Vec<f32>,
    norm: Norm,
    layers: Vec<Layer>,
}

/// Memory that is used again from batch to batch.
#[derive(Default)]
pub(super) struct Workspace {
    tokens: Vec<f32>,
    attention: Vec<f32>,
    mixed: Vec<f32>,
    wide: Vec<f32>,
    scores: Vec<f32>,
    keys: Panels,
    values: Panels,
}

impl Dense {
    /// From matrices of `rows` by `columns` as they stand in the file: one row for each output.
    fn new(tensors: &Tensors<'_>, names: &[&str], rows: usize, columns: usize) -> Result<Self> {
        let (mut all, mut bias) = (Vec::new(), Vec::new());
        for name in names {
            all.extend(tensors.get(&format!("{name}.weight"), &[rows, columns])?.to_vec());
            bias.extend(tensors.get(&format!("{name}.bias"), &[rows])?.to_vec());
        }
        let at = |row: usize, column: usize| all[column * columns + row];
        Ok(Self { panels: Panels::new(columns, rows * names.len(), at), bias })
    }

    /// `input · weights + bias`, into `out`.
    fn apply(&self, level: Level, input: &[f32], out: &mut Vec<f32>) {
        let (depth, width) = (self.panels.depth(), self.bias.len());
        let count = input.len() / depth;
        out.clear();
        (0..count).for_each(|_| out.extend_from_slice(&self.bias));
        add_product(level, Rows { data: input, stride: depth, count }, &self.panels, out, width);
    }

    /// Adds `input · weights + bias` to `out`.
    fn add(&self, level: Level, input: &[f32], out: &mut [f32]) {
        let (depth, width) = (self.panels.depth(), self.bias.len());
        for row in out.chunks_exact_mut(width) {
            row.iter_mut().zip(&self.bias).for_each(|(x, bias)| *x += bias);
        }
        let rows = Rows { data: input, stride: depth, count: input.len() / depth };
        add_product(level, rows, &self.panels, out, width);
    }
}

impl Norm {
    fn new(tensors: &Tensors<'_>, name: &str, size: usize) -> Result<Self> {
        Ok(Self {
            weight: tensors.get(&format!("{name}.weight"), &[size])?.to_vec(),
            bias: tensors.get(&format!("{name}.bias"), &[size])?.to_vec(),
        })
    }
}

impl Encoder {
    pub(super) fn new(weights: Weights, sizes: Sizes) -> Result<Self> {
        let tensors = weights.tensors()?;
        let (hidden, wide) = (sizes.hidden_size, sizes.intermediate_size);
        let words = "embeddings.word_embeddings.weight";
        let words = tensors.get(words, &[sizes.vocab_size, hidden])?.place_in(&weights);
        let positions = &[sizes.max_position_embeddings, hidden];
        let mut places = tensors.get("embeddings.position_embeddings.weight", positions)?.to_vec();
        let types = tensors.rows_of("embeddings.token_type_embeddings.weight", hidden)?;
        for row in places.chunks_exact_mut(hidden) {
            row.iter_mut().enumerate().for_each(|(i, x)| *x += types.at(i));
        }
        let norm = Norm::new(&tensors, "embeddings.LayerNorm", hidden)?;
        let layer = |i: usize| {
            let name = |part: &str| format!("encoder.layer.{i}.{part}");
            let (query, key, value) = (
                name("attention.self.query"),
                name("attention.self.key"),
                name("attention.self.value"),
            );
            let dense =
                |part: &str, rows, columns| Dense::new(&tensors, &[&name(part)], rows, columns);
            Ok(Layer {
                attention: Dense::new(&tensors, &[&query, &key, &value], hidden, hidden)?,
                attention_out: dense("attention.output.dense", hidden, hidden)?,
                attention_norm: Norm::new(&tensors, &name("attention.output.LayerNorm"), hidden)?,
                wide: dense("intermediate.dense", wide, hidden)?,
                narrow: dense("output.dense", hidden, wide)?,
                out_norm: Norm::new(&tensors, &name("output.LayerNorm"), hidden)?,
            })
        };
        let layers = (0..sizes.num_hidden_layers).map(layer).collect::<Result<_>>()?;
        Ok(Self { level: Level::detect(), sizes, words, places, norm, layers, weights })
    }

    /// The file of its weights.
    pub(super) fn file(&self) -> &[u8] {
        self.weights.bytes()
    }

    /// The last layer for texts of tokens, one row for each token.
    pub(super) fn forward<'a>(&self, texts: &[&[u32]], work: &'a mut Workspace) -> &'a [f32] {
        let (level, epsilon) = (self.level, self.sizes.layer_norm_eps);
        let hidden = self.sizes.hidden_size;
        let words = self.weights.tensor(self.words);
        work.tokens.clear();
        for text in texts {
            for (token, place) in text.iter().zip(self.places.chunks_exact(hidden)) {
                let start = *token as usize * hidden;
                work.tokens.extend((0..hidden).map(|i| words.at(start + i) + place[i]));
            }
        }
        normalize(level, &mut work.tokens, &self.norm.weight, &self.norm.bias, epsilon);
        for layer in &self.layers {
            layer.attention.apply(level, &work.tokens, &mut work.attention);
            work.mixed.clear();
            work.mixed.resize(work.tokens.len(), 0.0);
            let mut start = 0;
            for text in texts {
                self.attend(start, text.len(), work);
                start += text.len();
            }
            layer.attention_out.add(level, &work.mixed, &mut work.tokens);
            let norm = &layer.attention_norm;
            normalize(level, &mut work.tokens, &norm.weight, &norm.bias, epsilon);
            layer.wide.apply(level, &work.tokens, &mut work.wide);
            gelu(level, &mut work.wide);
            layer.narrow.add(level, &work.wide, &mut work.tokens);
            let norm = &layer.out_norm;
            normalize(level, &mut work.tokens, &norm.weight, &norm.bias, epsilon);
        }
        &work.tokens
    }

    /// Mixes the values of one text's tokens, head by head.
    fn attend(&self, start: usize, length: usize, work: &mut Workspace) {
        let hidden = self.sizes.hidden_size;
        let size = hidden / self.sizes.num_attention_heads;
        let stride = 3 * hidden;
        let scale = 1.0 / (size as f32).sqrt();
        let all = &work.attention[start * stride..(start + length) * stride];
        let mixed = &mut work.mixed[start * hidden..(start + length) * hidden];
        for head in (0..hidden).step_by(size) {
            work.keys.fill(size, length, |i, token| all[token * stride + hidden + head + i]);
            work.values.fill(length, size, |token, i| all[token * stride + 2 * hidden + head + i]);
            work.scores.clear();
            work.scores.resize(length * length, 0.0);
            let queries = Rows { data: &all[head..], stride, count: length };
            add_product(self.level, queries, &work.keys, &mut work.scores, length);
            softmax(self.level, &mut work.scores, length, scale);
            let shares = Rows { data: &work.scores, stride: length, count: length };
            add_product(self.level, shares, &work.values, &mut mixed[head..], hidden);
        }
    }
}
