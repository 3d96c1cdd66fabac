//! Answers of a shape: at each step only tokens are allowed that a grammar allows.

use std::sync::{Arc, OnceLock};

use llguidance::api::TopLevelGrammar;
use llguidance::toktrie::{ApproximateTokEnv, SimpleVob, TokRxInfo, TokTrie};
use llguidance::{Matcher, ParserFactory};
use serde_json::{Value, json};

use super::template::{CALL_END, CALL_START};
use super::tokenizer::{Token, Tokenizer};
use crate::error::{Code, Error, Result};
use crate::model::ToolSpec;

/// Makes grammars for a model's vocabulary. What that takes is made when the first is asked for.
#[derive(Default)]
pub(super) struct Grammars {
    factory: OnceLock<std::result::Result<ParserFactory, String>>,
}

/// The state of a grammar within an answer.
#[derive(Clone)]
pub(super) struct Grammar(Matcher);

/// Where a call's grammar begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    /// At the beginning of an answer that is nothing but calls.
    Start,
    /// After the text that begins a call.
    Call,
}

impl Grammars {
    fn factory(&self, tokenizer: &Tokenizer) -> Result<&ParserFactory> {
        let made = self.factory.get_or_init(|| factory(tokenizer));
        made.as_ref().map_err(|error| {
            Error::new(Code::ModelFileInvalid, "no grammar can be made for the model's tokens")
                .caused_by(error)
        })
    }

    /// The whole answer is JSON of this schema.
    pub(super) fn json(&self, tokenizer: &Tokenizer, schema: &Value) -> Result<Grammar> {
        let grammar = TopLevelGrammar::from_json_schema(compact(schema));
        self.make(tokenizer, grammar, "the output schema")
    }

    /// A call of one of the tools; or several, if `many`. From the start, it may be JSON of the
    /// schema `or` instead.
    pub(super) fn calls(
        &self,
        tokenizer: &Tokenizer,
        tools: &[ToolSpec],
        from: From,
        many: bool,
        or: Option<&Value>,
    ) -> Result<Grammar> {
        let text = |text: &str| Value::from(text).to_string();
        let (start, end) = (text(CALL_START), text(CALL_END));
        let mut lark = match from {
            From::Start if many => format!("calls: {start} call (\"\\n\"? {start} call)*\n"),
            From::Start => format!("calls: {start} call\n"),
            From::Call => "calls: call\n".to_owned(),
        };
        match or.filter(|_| from == From::Start) {
            Some(schema) => {
                lark += &format!("start: calls | answer\nanswer: %json {}\n", compact(schema));
            }
            None => lark += "start: calls\n",
        }
        let choices: Vec<String> = (0..tools.len()).map(|i| format!("tool_{i}")).collect();
        lark += &format!("call: \"\\n\"? ({}) \"\\n\"? {end}\n", choices.join(" | "));
        for (i, tool) in tools.iter().enumerate() {
            let head = format!("{{\"name\": {}, \"arguments\": ", text(&tool.name));
            let schema = compact(&tool.parameters);
            lark +=
                &format!("tool_{i}: {} args_{i} \"}}\"\nargs_{i}: %json {schema}\n", text(&head));
        }
        self.make(tokenizer, TopLevelGrammar::from_lark(lark), "the parameters of a tool")
    }

    fn make(&self, tokenizer: &Tokenizer, grammar: TopLevelGrammar, what: &str) -> Result<Grammar> {
        let factory = self.factory(tokenizer)?;
        let matcher = Matcher::new(factory.create_parser(grammar));
        match matcher.get_error() {
            None => Ok(Grammar(matcher)),
            Some(error) => {
                let message = format!("no answer can be held to {what} by a local model");
                Err(Error::new(Code::ModelRefused, message)
                    .hint(
                        "keep to `type`, `properties`, `required`, `enum`, `items`, `$ref` to \
                           `#/...`, and the usual bounds",
                    )
                    .caused_by(error))
            }
        }
    }
}

fn factory(tokenizer: &Tokenizer) -> std::result::Result<ParserFactory, String> {
    let ends = tokenizer.ends();
    let last = *ends.last().ok_or("no token ends an answer")?;
    let words: Vec<Vec<u8>> = (0..tokenizer.len())
        .map(|id| {
            let id = Token::try_from(id).unwrap_or(Token::MAX);
            let piece = tokenizer.piece(id);
            if tokenizer.is_control(id) || tokenizer.is_end(id) {
                // Never a text.
                [&[TokTrie::SPECIAL_TOKEN_MARKER], piece].concat()
            } else {
                piece.to_vec()
            }
        })
        .collect();
    let size = u32::try_from(words.len()).map_err(|error| error.to_string())?;
    let trie = TokTrie::from(&TokRxInfo::new(size, last), &words).with_eos_tokens(ends);
    let mut factory = ParserFactory::new_simple(&(Arc::new(ApproximateTokEnv::new(trie)) as _))
        .map_err(|error| error.to_string())?;
    factory.quiet();
    Ok(factory)
}

/// The schema, with JSON without needless spaces: a small model can go on with them for ever.
fn compact(schema: &Value) -> Value {
    let mut schema = if schema.is_object() { schema.clone() } else { json!({"type": "object"}) };
    if let Value::Object(map) = &mut schema {
        let options =
            json!({"whitespace_flexible": false, "item_separator": ", ", "key_separator": ": "});
        map.insert("x-guidance".into(), options);
    }
    schema
}

impl Grammar {
    /// The tokens that may follow; one that ends the answer, when all was said.
    pub(super) fn allowed(&mut self) -> Result<SimpleVob> {
        self.0.compute_mask_or_eos().map_err(failed)
    }

    /// Takes what was chosen.
    pub(super) fn take(&mut self, token: Token) -> Result<()> {
        self.0.consume_token(token).map_err(failed)
    }

    /// Whether nothing can follow.
    pub(super) fn is_done(&self) -> bool {
        self.0.is_stopped()
    }
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::new(Code::ModelInvalidResponse, "the grammar of the answer became too large")
        .hint("make the schema simpler")
        .caused_by(error)
}
