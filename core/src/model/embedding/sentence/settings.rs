//! What the small files of a model's folder say: sizes, tokenizer, pooling, prompts.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::files::{Files, invalid};
use crate::error::Result;
use crate::model::embedding::vocabulary::Vocabulary;
use crate::model::embedding::wordpiece::{Preparation, WordPiece};

/// How the vectors of the tokens become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pooling {
    /// That of the first token.
    Cls,
    /// Their average.
    Mean,
}

/// Sizes of the encoder, from `config.json`.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Sizes {
    pub(super) hidden_size: usize,
    pub(super) num_hidden_layers: usize,
    pub(super) num_attention_heads: usize,
    pub(super) intermediate_size: usize,
    pub(super) vocab_size: usize,
    pub(super) max_position_embeddings: usize,
    #[serde(default = "usual_epsilon")]
    pub(super) layer_norm_eps: f32,
    model_type: String,
    #[serde(default = "usual_activation")]
    hidden_act: String,
    #[serde(default = "usual_positions")]
    position_embedding_type: String,
}

fn usual_epsilon() -> f32 {
    1e-12
}
fn usual_activation() -> String {
    "gelu".into()
}
fn usual_positions() -> String {
    "absolute".into()
}

/// Numbers of the special tokens that frame a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub(super) first: u32,
    pub(super) last: u32,
    pub(super) unknown: u32,
}

/// All that the folder says beside its weights.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) sizes: Sizes,
    pub(super) tokenizer: WordPiece,
    pub(super) frame: Frame,
    pub(super) pooling: Pooling,
    /// Tokens of a text that are read, the frame included.
    pub(super) max_tokens: usize,
    /// What is put before a question.
    pub(super) query_prompt: String,
    /// What is put before a passage that may answer one.
    pub(super) document_prompt: String,
}

impl Settings {
    pub(super) fn read(files: &mut Files) -> Result<Self> {
        let sizes: Sizes = files.required("config.json")?;
        sizes.check(&files.path("config.json"))?;
        let modules: Option<Vec<Module>> = files.optional("modules.json")?;
        let pooling = pooling(files, modules.as_deref().unwrap_or_default())?;
        let tokenizer_config: TokenizerConfig =
            files.optional("tokenizer_config.json")?.unwrap_or_default();
        let (tokenizer, frame) = tokenizer(files, &sizes, &tokenizer_config)?;
        let limits: SentenceConfig =
            files.optional("sentence_bert_config.json")?.unwrap_or_default();
        let prompts: Prompts =
            files.optional("config_sentence_transformers.json")?.unwrap_or_default();
        // A tokenizer without a limit of its own says 10^30.
        let max_tokens = limits
            .max_seq_length
            .or(tokenizer_config.model_max_length)
            .map_or(usize::MAX, |limit| limit as usize)
            .clamp(3, sizes.max_position_embeddings);
        Ok(Self {
            sizes,
            tokenizer,
            frame,
            pooling,
            max_tokens,
            query_prompt: prompts.of(&["query"]),
            document_prompt: prompts.of(&["document", "passage", "corpus"]),
        })
    }
}

impl Sizes {
    fn check(&self, path: &Path) -> Result<()> {
        let refuse = |what: String| {
            Err(invalid(path, what).hint(
                "aikit runs BERT encoders with a WordPiece vocabulary: MiniLM, bge, e5 and gte in \
                 English",
            ))
        };
        if self.model_type != "bert" {
            return refuse(format!("a model of type {:?} is not supported", self.model_type));
        }
        if self.hidden_act != "gelu" {
            return refuse(format!("the activation {:?} is not supported", self.hidden_act));
        }
        if self.position_embedding_type != "absolute" {
            let kind = &self.position_embedding_type;
            return refuse(format!("positions of kind {kind:?} are not supported"));
        }
        let within = |size: usize, most: usize| (1..=most).contains(&size);
        let sound = within(self.hidden_size, 1 << 14)
            && within(self.num_hidden_layers, 1 << 10)
            && within(self.num_attention_heads, self.hidden_size)
            && self.hidden_size.is_multiple_of(self.num_attention_heads)
            && within(self.intermediate_size, 1 << 16)
            && within(self.vocab_size, 1 << 22)
            && self.max_position_embeddings >= 3
            && self.max_position_embeddings <= 1 << 16
            && self.layer_norm_eps.is_finite()
            && self.layer_norm_eps >= 0.0;
        if !sound {
            return Err(invalid(path, "the sizes in config.json cannot be those of a model"));
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct Module {
    #[serde(rename = "type")]
    kind: String,
    path: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PoolingConfig {
    pooling_mode_cls_token: bool,
    pooling_mode_mean_tokens: bool,
    pooling_mode_max_tokens: bool,
    pooling_mode_mean_sqrt_len_tokens: bool,
    pooling_mode_weightedmean_tokens: bool,
    pooling_mode_lasttoken: bool,
    /// The newer form: one word instead of flags.
    pooling_mode: Option<String>,
    include_prompt: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct SentenceConfig {
    max_seq_length: Option<f64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Prompts {
    prompts: BTreeMap<String, String>,
    default_prompt_name: Option<String>,
}

impl Prompts {
    /// The first prompt under one of these names, else the default one.
    fn of(&self, names: &[&str]) -> String {
        let named = names.iter().find_map(|name| self.prompts.get(*name));
        let default = || self.prompts.get(self.default_prompt_name.as_ref()?);
        named.or_else(default).cloned().unwrap_or_default()
    }
}

/// From `modules.json` and the pooling module's own file. What is not said is not guessed: the
/// wrong pooling would give vectors that look right.
fn pooling(files: &mut Files, modules: &[Module]) -> Result<Pooling> {
    let mut place = "1_Pooling";
    for module in modules {
        match module.kind.rsplit('.').next().unwrap_or_default() {
            "Transformer" | "Normalize" => {}
            "Pooling" => place = &module.path,
            other => {
                let what = format!("a module of type {other:?} is not supported");
                return Err(invalid(&files.path("modules.json"), what)
                    .hint("transformer, pooling and normalize are"));
            }
        }
    }
    if Path::new(place).components().any(|c| !matches!(c, std::path::Component::Normal(_))) {
        return Err(invalid(&files.path("modules.json"), "a module's path leaves the folder"));
    }
    let name = Path::new(place).join("config.json");
    let config: PoolingConfig = files.required(&name)?;
    let path = files.path(&name);
    if config.include_prompt == Some(false) {
        return Err(invalid(&path, "pooling without the prompt's tokens is not supported"));
    }
    let others = config.pooling_mode_max_tokens
        || config.pooling_mode_mean_sqrt_len_tokens
        || config.pooling_mode_weightedmean_tokens
        || config.pooling_mode_lasttoken;
    let word = config.pooling_mode.as_deref();
    match (word, config.pooling_mode_cls_token, config.pooling_mode_mean_tokens) {
        (Some("mean"), ..) | (None, false, true) if !others => Ok(Pooling::Mean),
        (Some("cls"), ..) | (None, true, false) if !others => Ok(Pooling::Cls),
        _ => Err(invalid(&path, "this pooling is not supported").hint("mean and CLS are")),
    }
}

#[derive(Deserialize)]
struct TokenizerFile {
    normalizer: Option<Normalizer>,
    model: PieceModel,
}

#[derive(Deserialize)]
struct Normalizer {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default = "yes")]
    lowercase: bool,
    strip_accents: Option<bool>,
    #[serde(default = "yes")]
    handle_chinese_chars: bool,
    #[serde(default = "yes")]
    clean_text: bool,
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
struct PieceModel {
    /// Absent in old files.
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    continuing_subword_prefix: String,
    /// A list of pairs in other kinds of models, so that this is read late.
    vocab: serde_json::Value,
}

#[derive(Deserialize)]
#[serde(default)]
struct TokenizerConfig {
    do_lower_case: bool,
    strip_accents: Option<bool>,
    tokenize_chinese_chars: bool,
    model_max_length: Option<f64>,
}

impl Default for TokenizerConfig {
    fn default() -> Self {
        Self {
            do_lower_case: true,
            strip_accents: None,
            tokenize_chinese_chars: true,
            model_max_length: None,
        }
    }
}

fn tokenizer(
    files: &mut Files,
    sizes: &Sizes,
    config: &TokenizerConfig,
) -> Result<(WordPiece, Frame)> {
    let (path, pieces, preparation) = match files.optional::<TokenizerFile>("tokenizer.json")? {
        Some(file) => {
            let path = files.path("tokenizer.json");
            let preparation = file.preparation(&path)?;
            let pieces = file.model.pieces(&path, sizes.vocab_size)?;
            (path, pieces, preparation)
        }
        None => {
            let preparation = Preparation {
                lowercase: config.do_lower_case,
                strip_accents: config.strip_accents.unwrap_or(config.do_lower_case),
                split_chinese: config.tokenize_chinese_chars,
            };
            let path = files.path("vocab.txt");
            let text = files.read("vocab.txt")?.ok_or_else(|| {
                invalid(&path, "there is neither a tokenizer.json nor a vocab.txt in the folder")
                    .hint("copy the tokenizer's files of the model into the folder")
            })?;
            let pieces = text.lines().map(str::to_owned).collect::<Vec<_>>();
            (path, pieces, preparation)
        }
    };
    if pieces.len() > sizes.vocab_size {
        let (has, takes) = (pieces.len(), sizes.vocab_size);
        return Err(invalid(&path, format!("{has} pieces, and the model knows {takes}")));
    }
    let vocabulary = Vocabulary::new(pieces.iter().map(String::as_str));
    let special = |piece: &str| {
        let missing = || invalid(&path, format!("the vocabulary has no {piece}"));
        vocabulary.get(piece).ok_or_else(missing)
    };
    let frame =
        Frame { first: special("[CLS]")?, last: special("[SEP]")?, unknown: special("[UNK]")? };
    Ok((WordPiece::new(vocabulary, preparation), frame))
}

impl TokenizerFile {
    fn preparation(&self, path: &Path) -> Result<Preparation> {
        let normalizer = self
            .normalizer
            .as_ref()
            .filter(|normalizer| normalizer.kind == "BertNormalizer" && normalizer.clean_text)
            .ok_or_else(|| {
                invalid(path, "the text is not prepared the way of BERT: that is not supported")
            })?;
        Ok(Preparation {
            lowercase: normalizer.lowercase,
            strip_accents: normalizer.strip_accents.unwrap_or(normalizer.lowercase),
            split_chinese: normalizer.handle_chinese_chars,
        })
    }
}

impl PieceModel {
    /// The pieces in the order of their numbers.
    fn pieces(self, path: &Path, limit: usize) -> Result<Vec<String>> {
        let kind = self.kind.as_deref().unwrap_or("WordPiece");
        if kind != "WordPiece" || self.continuing_subword_prefix != "##" {
            return Err(invalid(path, format!("a tokenizer of type {kind:?} is not supported"))
                .hint("WordPiece with the prefix ## is"));
        }
        let numbers: BTreeMap<String, usize> = serde_json::from_value(self.vocab)
            .map_err(|error| invalid(path, "the vocabulary cannot be read").caused_by(error))?;
        // A number that no piece has stays empty and is never found.
        let count = numbers.values().max().map_or(0, |most| most.saturating_add(1));
        if count > limit {
            return Err(invalid(path, format!("piece {} of {limit} pieces", count - 1)));
        }
        let mut pieces = vec![String::new(); count];
        for (piece, number) in numbers {
            pieces[number] = piece;
        }
        Ok(pieces)
    }
}
