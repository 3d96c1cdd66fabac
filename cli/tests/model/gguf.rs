//! The smallest file that is a model: one layer, eight numbers wide, seven tokens. It says nothing
//! of sense, but all that a model is checked for is there.

/// Something that the file says of the model.
#[derive(Clone, Copy)]
pub(crate) enum Value<'a> {
    Number(u32),
    Real(f32),
    Text(&'a str),
}

const TOKENS: [&str; 7] = ["<unk>", "<s>", "</s>", "\u{2581}", "a", "b", "\n"];
/// Unknown, control, plain.
const KINDS: [u32; 7] = [2, 3, 3, 1, 1, 1, 1];
const TENSORS: [(&str, &[u64]); 11] = [
    ("token_embd.weight", &[8, 7]),
    ("output_norm.weight", &[8]),
    ("blk.0.attn_norm.weight", &[8]),
    ("blk.0.attn_q.weight", &[8, 8]),
    ("blk.0.attn_k.weight", &[8, 4]),
    ("blk.0.attn_v.weight", &[8, 4]),
    ("blk.0.attn_output.weight", &[8, 8]),
    ("blk.0.ffn_norm.weight", &[8]),
    ("blk.0.ffn_gate.weight", &[8, 8]),
    ("blk.0.ffn_up.weight", &[8, 8]),
    ("blk.0.ffn_down.weight", &[8, 8]),
];

/// A model, with more said of it, or otherwise.
pub(crate) fn model(more: &[(&str, Value<'_>)]) -> Vec<u8> {
    let mut said = vec![
        ("general.architecture", Value::Text("llama")),
        ("general.name", Value::Text("Tiny")),
        ("llama.block_count", Value::Number(1)),
        ("llama.context_length", Value::Number(64)),
        ("llama.embedding_length", Value::Number(8)),
        ("llama.feed_forward_length", Value::Number(8)),
        ("llama.attention.head_count", Value::Number(2)),
        ("llama.attention.head_count_kv", Value::Number(1)),
        ("llama.attention.layer_norm_rms_epsilon", Value::Real(1e-5)),
        ("tokenizer.ggml.model", Value::Text("llama")),
        ("tokenizer.ggml.bos_token_id", Value::Number(1)),
        ("tokenizer.ggml.eos_token_id", Value::Number(2)),
    ];
    said.retain(|(key, _)| more.iter().all(|(other, _)| other != key));
    said.extend(more);
    let mut out = b"GGUF\x03\0\0\0".to_vec();
    out.extend((TENSORS.len() as u64).to_le_bytes());
    out.extend((said.len() as u64 + 3).to_le_bytes());
    for (key, value) in said {
        text(&mut out, key);
        match value {
            Value::Number(number) => {
                out.extend([4u32.to_le_bytes(), number.to_le_bytes()].concat())
            }
            Value::Real(number) => out.extend([6u32.to_le_bytes(), number.to_le_bytes()].concat()),
            Value::Text(value) => {
                out.extend(8u32.to_le_bytes());
                text(&mut out, value);
            }
        }
    }
    let mut list = |key: &str, kind: u32, items: &dyn Fn(&mut Vec<u8>)| {
        text(&mut out, key);
        out.extend([9u32.to_le_bytes(), kind.to_le_bytes()].concat());
        out.extend((TOKENS.len() as u64).to_le_bytes());
        items(&mut out);
    };
    list("tokenizer.ggml.tokens", 8, &|out| TOKENS.iter().for_each(|token| text(out, token)));
    list("tokenizer.ggml.token_type", 5, &|out| {
        out.extend(KINDS.iter().flat_map(|k| k.to_le_bytes()))
    });
    list("tokenizer.ggml.scores", 6, &|out| out.extend([0; 4 * TOKENS.len()]));
    let mut offset = 0u64;
    for (name, dims) in TENSORS {
        text(&mut out, name);
        out.extend((dims.len() as u32).to_le_bytes());
        dims.iter().for_each(|dim| out.extend(dim.to_le_bytes()));
        out.extend(0u32.to_le_bytes());
        out.extend(offset.to_le_bytes());
        // Numbers of four bytes, and every tensor begins at a multiple of 32.
        offset += (dims.iter().product::<u64>() * 4).next_multiple_of(32);
    }
    out.resize(out.len().next_multiple_of(32), 0);
    out.extend(0.5f32.to_le_bytes().repeat(usize::try_from(offset / 4).expect("small")));
    out
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u64).to_le_bytes());
    out.extend(text.as_bytes());
}
