//! Cuts a text into the words that byte pairs are merged in, as the model was taught.

use fancy_regex::Regex;

use crate::error::{Code, Error, Result};
use crate::model::local::gguf::invalid;

const GPT2: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// How words are cut.
pub(super) struct Split {
    steps: Vec<Regex>,
    /// Whether a word that is a token is taken whole.
    whole_words: bool,
}

impl Split {
    /// By the name that the file gives.
    pub(super) fn named(name: &str) -> Result<Self> {
        let (steps, whole_words): (&[&str], bool) = match name {
            "smollm" | "starcoder" | "refact" | "command-r" => (&[r"\p{N}", GPT2], false),
            "llama-bpe" | "llama3" | "llama-v3" | "falcon3" => (&[LLAMA3], true),
            "qwen2" | "deepseek-r1-qwen" => (&[QWEN2], false),
            "gpt-2" | "default" | "olmo" | "mpt" => (&[GPT2], false),
            other => {
                return Err(invalid(format!("texts cut like {other:?} are not supported"))
                    .hint("supported are smollm, llama-bpe, qwen2 and gpt-2"));
            }
        };
        let steps = steps.iter().map(|pattern| Regex::new(pattern)).collect::<Result<_, _>>();
        let steps = steps.map_err(|error| {
            Error::new(Code::Panic, "a pattern of the tokenizer does not compile").caused_by(error)
        })?;
        Ok(Self { steps, whole_words })
    }

    pub(super) fn whole_words(&self) -> bool {
        self.whole_words
    }

    /// Whether texts begin with a token of their own where the file does not say.
    pub(super) fn adds_bos(&self) -> bool {
        self.whole_words
    }

    /// The words, in order; together they are the text.
    pub(super) fn words<'a>(&self, text: &'a str) -> Vec<&'a str> {
        let mut words = vec![text];
        for step in &self.steps {
            let mut next = Vec::with_capacity(words.len() * 4);
            for word in words {
                let mut at = 0;
                // What cannot be matched, for its length or its shape, stays in one piece.
                for found in step.find_iter(word).map_while(Result::ok) {
                    if found.start() > at {
                        next.push(&word[at..found.start()]);
                    }
                    if found.end() > found.start() {
                        next.push(found.as_str());
                    }
                    at = found.end();
                }
                if at < word.len() {
                    next.push(&word[at..]);
                }
            }
            words = next;
        }
        words
    }
}
