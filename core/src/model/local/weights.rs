//! What a file says about its model, checked, and where each of its weights is.

use super::gguf::{Gguf, Tensor, invalid};
use super::mapping::Mapping;
use super::rope::Rope;
use crate::error::Result;
use aikit_kernels::quantised::Matrix;

/// Bounds on what a file may claim; far above all models there are.
const MAX_LAYERS: usize = 1_024;
const MAX_WIDTH: usize = 1 << 20;
const MAX_CONTEXT: usize = 1 << 24;

/// The sizes of a model.
#[derive(Clone, Debug)]
pub(super) struct Sizes {
    pub(super) layers: usize,
    /// Numbers of a token between the layers.
    pub(super) width: usize,
    /// Numbers inside of the feed-forward part.
    pub(super) inner: usize,
    pub(super) heads: usize,
    /// Heads of keys and values; each serves several heads.
    pub(super) kv_heads: usize,
    pub(super) head: usize,
    pub(super) vocabulary: usize,
    /// Tokens that the model was made for.
    pub(super) context: usize,
    pub(super) epsilon: f32,
}

impl Sizes {
    /// Numbers of all keys of a token, or all values.
    pub(super) fn kv_width(&self) -> usize {
        self.kv_heads * self.head
    }

    pub(super) fn q_width(&self) -> usize {
        self.heads * self.head
    }

    /// Bytes that a token takes in a cache.
    pub(super) fn token_bytes(&self) -> usize {
        self.layers * self.kv_width() * 2 * size_of::<u16>()
    }
}

/// The weights of one layer.
#[derive(Debug)]
pub(super) struct Layer {
    pub(super) attention_norm: Vec<f32>,
    pub(super) q: Linear,
    pub(super) k: Linear,
    pub(super) v: Linear,
    pub(super) o: Linear,
    /// Norms of each head's query and key, in Qwen 3.
    pub(super) q_norm: Option<Vec<f32>>,
    pub(super) k_norm: Option<Vec<f32>>,
    pub(super) inner_norm: Vec<f32>,
    pub(super) gate: Linear,
    pub(super) up: Linear,
    pub(super) down: Linear,
}

/// A matrix, and what is added to its products.
#[derive(Debug)]
pub(super) struct Linear {
    pub(super) tensor: Tensor,
    pub(super) bias: Option<Vec<f32>>,
}

/// A model's weights, in the mapped file.
#[derive(Debug)]
pub(super) struct Weights {
    pub(super) file: Mapping,
    pub(super) sizes: Sizes,
    pub(super) rope: Rope,
    pub(super) layers: Vec<Layer>,
    pub(super) embedding: Tensor,
    pub(super) output_norm: Vec<f32>,
    pub(super) output: Linear,
}

impl Weights {
    pub(super) fn new(file: Mapping, gguf: &Gguf) -> Result<Self> {
        let family = gguf.text(&file, "general.architecture").unwrap_or_default().to_owned();
        if !matches!(family.as_str(), "llama" | "qwen2" | "qwen3") {
            return Err(invalid(format!(
                "models of the architecture {family:?} are not supported"
            ))
            .hint(
                "supported are llama, qwen2 and qwen3; llama-server runs others, see `ollama/`",
            ));
        }
        if gguf.number("split.count").is_some_and(|parts| parts > 1) {
            return Err(invalid("the model is split into several files")
                .hint("join them with `llama-gguf-split --merge`"));
        }
        let sizes = sizes(gguf, &file, &family)?;
        let rope = Rope::new(gguf, &file, &family, &sizes)?;
        let reader = Reader { gguf, file: &file };
        let (width, inner) = (sizes.width, sizes.inner);
        let (q_width, kv_width) = (sizes.q_width(), sizes.kv_width());
        let layer = |index: usize| -> Result<Layer> {
            let name = |part: &str| format!("blk.{index}.{part}");
            let linear = |part: &str, rows, cols| reader.linear(&name(part), rows, cols);
            let norm = |part: &str, size| reader.numbers(&name(part), size);
            Ok(Layer {
                attention_norm: norm("attn_norm.weight", width)?,
                q: linear("attn_q", q_width, width)?,
                k: linear("attn_k", kv_width, width)?,
                v: linear("attn_v", kv_width, width)?,
                o: linear("attn_output", width, q_width)?,
                q_norm: reader.optional(&name("attn_q_norm.weight"), sizes.head)?,
                k_norm: reader.optional(&name("attn_k_norm.weight"), sizes.head)?,
                inner_norm: norm("ffn_norm.weight", width)?,
                gate: linear("ffn_gate", inner, width)?,
                up: linear("ffn_up", inner, width)?,
                down: linear("ffn_down", width, inner)?,
            })
        };
        let layers = (0..sizes.layers).map(layer).collect::<Result<Vec<_>>>()?;
        let embedding = reader.matrix("token_embd.weight", sizes.vocabulary, width)?;
        let output = if gguf.tensor("output.weight").is_some() {
            reader.linear("output", sizes.vocabulary, width)?
        } else {
            Linear { tensor: embedding.clone(), bias: None }
        };
        let output_norm = reader.numbers("output_norm.weight", width)?;
        Ok(Self { sizes, rope, layers, embedding, output_norm, output, file })
    }

    pub(super) fn matrix<'a>(&'a self, tensor: &Tensor) -> Matrix<'a> {
        matrix(&self.file, tensor)
    }
}

fn matrix<'a>(file: &'a [u8], tensor: &Tensor) -> Matrix<'a> {
    let Tensor { format, cols, rows, bytes } = tensor.clone();
    Matrix { format, rows, cols, data: &file[bytes] }
}

struct Reader<'a> {
    gguf: &'a Gguf,
    file: &'a [u8],
}

impl Reader<'_> {
    fn matrix(&self, name: &str, rows: usize, cols: usize) -> Result<Tensor> {
        let tensor = self.gguf.tensor(name);
        let tensor = tensor.ok_or_else(|| invalid(format!("the model has no tensor {name}")))?;
        if (tensor.rows, tensor.cols) != (rows, cols) {
            return Err(invalid(format!(
                "the tensor {name} is {}x{}, and {rows}x{cols} was expected",
                tensor.rows, tensor.cols
            )));
        }
        Ok(tensor.clone())
    }

    fn linear(&self, name: &str, rows: usize, cols: usize) -> Result<Linear> {
        let tensor = self.matrix(&format!("{name}.weight"), rows, cols)?;
        Ok(Linear { tensor, bias: self.optional(&format!("{name}.bias"), rows)? })
    }

    fn numbers(&self, name: &str, size: usize) -> Result<Vec<f32>> {
        let tensor = self.matrix(name, 1, size)?;
        let mut out = vec![0.0; size];
        matrix(self.file, &tensor).unpack(0, &mut out);
        Ok(out)
    }

    fn optional(&self, name: &str, size: usize) -> Result<Option<Vec<f32>>> {
        self.gguf.tensor(name).map(|_| self.numbers(name, size)).transpose()
    }
}

fn sizes(gguf: &Gguf, file: &[u8], family: &str) -> Result<Sizes> {
    let known = |key: &str| gguf.size(&format!("{family}.{key}"));
    let size = |key: &str, most: usize| {
        known(key).filter(|size| (1..=most).contains(size)).ok_or_else(|| {
            invalid(format!("the model file does not say {family}.{key}, or nothing that can be"))
        })
    };
    let width = size("embedding_length", MAX_WIDTH)?;
    let heads = size("attention.head_count", MAX_WIDTH)?;
    let kv_heads = known("attention.head_count_kv").unwrap_or(heads);
    let head = known("attention.key_length").unwrap_or(width / heads);
    let value = known("attention.value_length").unwrap_or(head);
    if known("expert_count").unwrap_or(0) > 0 {
        return Err(invalid("models of several experts are not supported"));
    }
    if kv_heads == 0 || !heads.is_multiple_of(kv_heads) || head == 0 || head != value {
        return Err(invalid(format!(
            "{heads} heads over {kv_heads} of {head} and {value} numbers are not supported"
        )));
    }
    if head > MAX_WIDTH || heads > MAX_WIDTH / head {
        return Err(invalid("the model's heads are larger than heads are"));
    }
    let tokens = gguf.texts(file, "tokenizer.ggml.tokens").map_or(0, |tokens| tokens.len());
    let vocabulary = gguf.tensor("token_embd.weight").map_or(0, |tensor| tensor.rows);
    if tokens == 0 || vocabulary != tokens {
        return Err(invalid(format!("the model has {tokens} tokens and vectors for {vocabulary}")));
    }
    Ok(Sizes {
        layers: size("block_count", MAX_LAYERS)?,
        width,
        inner: size("feed_forward_length", MAX_WIDTH)?,
        heads,
        kv_heads,
        head,
        vocabulary,
        context: size("context_length", MAX_CONTEXT)?,
        epsilon: gguf
            .float(&format!("{family}.attention.layer_norm_rms_epsilon"))
            .filter(|epsilon| *epsilon >= 0.0)
            .ok_or_else(|| invalid("the model file does not say the epsilon of its norms"))?,
    })
}
